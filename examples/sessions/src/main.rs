//! `cargo run --release -p sessions`, then open <http://127.0.0.1:8080> in two browsers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clap::Parser;
use example_support::{Failure, Messaging, Options, run};
use sessions::memory::{MemoryPubSub, MemoryStore};
use sessions::{embedded, remote, web};

/// Notes for all who are logged in
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// Keep sessions and notes in memory only
    #[arg(long)]
    memory: bool,
}

/// The pages on what `domain.rs` makes of a client.
macro_rules! pages {
    ($backend:ident, $client:expr) => {{
        let notes = $backend::domain::StreamConfig {
            name: "NOTES".to_owned(),
            subjects: vec!["notes.>".to_owned()],
            max_messages: 1000,
            max_age: LIFETIME,
        };
        let nats = $backend::domain::Nats::open($client, &[notes]).await?;
        let sessions = nats.sessions(LIFETIME).await?;
        Ok(web::router(Arc::new(nats), Arc::new(sessions)))
    }};
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let Arguments { options, memory } = Arguments::parse();
    run(&options, async |messaging| match messaging {
        _ if memory => Ok(in_memory()),
        Messaging::Embedded(broker) => pages!(embedded, broker.client()),
        Messaging::Remote(client) => pages!(remote, client.clone()),
    })
    .await
}

fn in_memory() -> Router {
    web::router(Arc::new(MemoryPubSub::default()), Arc::new(MemoryStore::new(LIFETIME)))
}

const LIFETIME: Duration = Duration::from_secs(24 * 3600);
