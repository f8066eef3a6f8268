//! `cargo run --release -p sse-gateway`, then
//! `curl -N 'http://127.0.0.1:8080/api/v1/events?deliver=all' -H 'user_id: ada'`.

use clap::Parser;
use example_support::{Failure, Messaging, Options, run};
use sse_gateway::{embedded, remote};

/// Streams for whoever speaks HTTP
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    run(&Arguments::parse().options, async |messaging| match messaging {
        Messaging::Embedded(broker) => {
            Ok(embedded::web::router(embedded::domain::Events::open(broker.client()).await?))
        }
        Messaging::Remote(client) => Ok(remote::web::router(remote::domain::Events::open(client.clone()).await?)),
    })
    .await
}
