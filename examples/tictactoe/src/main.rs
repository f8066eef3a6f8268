//! `cargo run --release -p tictactoe`, then open <http://127.0.0.1:8080> in two browsers.

use std::time::Duration;

use clap::Parser;
use example_support::{Failure, Messaging, Options, run};
use tictactoe::{embedded, remote};

/// Tic-tac-toe for two browsers
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// Seconds after which logins and games go that nobody touches
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    ttl: u64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let Arguments { options, ttl } = Arguments::parse();
    let ttl = Duration::from_secs(ttl);
    run(&options, async |messaging| match messaging {
        Messaging::Embedded(broker) => {
            Ok(embedded::web::router(embedded::domain::Games::open(broker.client(), ttl).await?))
        }
        Messaging::Remote(client) => Ok(remote::web::router(remote::domain::Games::open(client.clone(), ttl).await?)),
    })
    .await
}
