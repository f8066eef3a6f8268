//! The surface, with async-nats over TCP.

use async_nats as nats;
use embus::Broker;

#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "surface/mod.rs"]
mod surface;

use super::MAX_PAYLOAD;

type Stage = super::Stage<nats::Client>;

impl Stage {
    /// A broker that listens on a port of the system's choice, and two clients that are connected to it.
    async fn start() -> Self {
        let builder = Broker::builder().max_payload(MAX_PAYLOAD).listen("127.0.0.1:0");
        let broker = builder.start().await.expect("the port is free");
        let (client, peer) = (connect(&broker).await, connect(&broker).await);
        Self { broker, client, peer }
    }
}

async fn connect(broker: &Broker) -> nats::Client {
    let url = broker.client_url().expect("the broker listens");
    nats::connect(url).await.expect("the broker accepts clients")
}
