//! The broker inside, or the connection to one somewhere else.

use std::time::Duration;

use crate::{Failure, Options};

/// What a program sends its messages through.
#[derive(Debug)]
pub enum Messaging {
    /// A broker in this process.
    Embedded(embus::Broker),
    /// A connection to a NATS server.
    Remote(async_nats::Client),
}

impl Messaging {
    /// Starts a broker or connects to the server that `options` name.
    ///
    /// # Errors
    /// Why neither is possible, in words for whoever started the program.
    pub async fn open(options: &Options) -> Result<Self, Failure> {
        match &options.url {
            Some(url) => connect(url).await.map(Self::Remote),
            None => start(options).await.map(Self::Embedded),
        }
    }

    /// Ends it; everything that was acknowledged is on the disk before and after.
    pub async fn close(self) {
        match self {
            Self::Embedded(broker) => {
                broker.shutdown(CLOSE_TIMEOUT).await;
            }
            // A server that is gone has nothing to wait for.
            Self::Remote(client) => drop(tokio::time::timeout(CLOSE_TIMEOUT, client.drain()).await),
        }
    }
}

async fn start(options: &Options) -> Result<embus::Broker, Failure> {
    let mut builder = embus::Broker::builder().store_dir(&options.dir);
    if let Some(address) = &options.listen {
        builder = builder.listen(address);
    }
    let broker = builder.start().await?;
    if let Some(url) = broker.client_url() {
        println!("NATS clients connect to {url}");
    }
    Ok(broker)
}

async fn connect(url: &str) -> Result<async_nats::Client, Failure> {
    async_nats::connect(url).await.map_err(|error| format!("cannot connect to {url}: {error}").into())
}

/// How long a program takes to end at most.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
