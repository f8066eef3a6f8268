//! `cargo run --release -p chatroom`, then open <http://127.0.0.1:8080> in several windows.

use chatroom::{embedded, remote};
use clap::Parser;
use example_support::{Failure, Messaging, Options, run};

/// A chat with rooms
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    run(&Arguments::parse().options, async |messaging| match messaging {
        Messaging::Embedded(broker) => Ok(embedded::web::router(embedded::domain::Chat::open(broker.client()).await?)),
        Messaging::Remote(client) => Ok(remote::web::router(remote::domain::Chat::open(client.clone()).await?)),
    })
    .await
}
