//! Every decision of the embus broker: sessions, interest, routing, queues of delivery.
//!
//! Nothing here knows a runtime, a socket or a clock: bytes come in as slices, time as values, and a socket is a trait of
//! two methods. `ARCHITECTURE.md` of the repository draws how the parts fit.

mod accounts;
pub mod api;
pub mod arrival;
mod batch;
pub mod budget;
pub mod chunks;
pub mod clock;
pub mod close;
pub mod congestion;
pub mod connection;
pub mod consumer;
pub mod deadlines;
mod deliver;
mod deliver_as;
pub mod engine;
mod feedback;
#[cfg(test)]
mod fixtures;
pub mod gate;
pub mod grace;
mod grants;
pub mod hold;
mod interest;
mod interest_watch;
pub mod jetstream;
pub mod jobs;
mod keepalive;
mod lanes;
pub mod limits;
pub mod local;
mod local_deliver;
pub mod local_queue;
pub mod local_subscription;
mod match_cache;
pub mod members;
pub mod message;
pub mod outbox;
mod registry;
pub mod relief;
mod reserved;
mod rights;
mod route;
pub mod router;
pub mod service;
pub mod session;
pub mod sharing;
pub mod sid;
mod single_routes;
pub mod sink;
pub mod statistics;
mod status;
pub mod stream;
pub mod subscription;
mod sync;
pub mod system;
pub mod tap;
mod turn_end;
pub mod worker;

pub use arrival::Arrival;
pub use clock::{Clock, Monotonic};
pub use close::CloseReason;
pub use congestion::Congestion;
pub use engine::Engine;
pub use limits::Limits;
pub use local::{LocalClient, PublishRefused, Published, SubscribeRefused};
pub use local_queue::QueueBounds;
pub use local_subscription::LocalSubscription;
pub use message::{Headers, Message};
pub use outbox::{Flushed, Transport};
pub use relief::STALL_LIMIT;
pub use session::{Session, Target, Turn};
pub use subscription::Subscription;
pub use worker::{Worker, WorkerPool};
