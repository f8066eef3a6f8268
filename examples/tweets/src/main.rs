//! `cargo run --release -p tweets`, then open <http://127.0.0.1:8080>.

use clap::Parser;
use example_support::{Failure, Messaging, Options, run};
use tweets::{embedded, remote};

/// A timeline of tweets and likes
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    run(&Arguments::parse().options, async |messaging| match messaging {
        Messaging::Embedded(broker) => {
            let tweets = embedded::domain::Tweets::open(broker.client()).await?;
            tokio::spawn(embedded::domain::subscribe(tweets.clone()));
            Ok(embedded::web::router(tweets))
        }
        Messaging::Remote(client) => {
            let tweets = remote::domain::Tweets::open(client.clone()).await?;
            tokio::spawn(remote::domain::subscribe(tweets.clone()));
            Ok(remote::web::router(tweets))
        }
    })
    .await
}
