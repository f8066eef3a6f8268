//! The surface, with clients inside the process.

use embus as nats;
use embus::Broker;

#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "surface/mod.rs"]
mod surface;

use super::MAX_PAYLOAD;

type Stage = super::Stage<nats::Client>;

impl Stage {
    /// A broker without any listener, and two of its in-process clients.
    async fn start() -> Self {
        let broker =
            Broker::builder().max_payload(MAX_PAYLOAD).start().await.expect("a broker without listeners starts");
        Self { client: broker.client(), peer: broker.client(), broker }
    }
}
