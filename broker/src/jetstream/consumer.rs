//! Consumers: how messages leave a stream, one position in it each.
//!
//! A *pull* consumer hands out what clients ask for; a *push* consumer sends to a subject while somebody listens there; an
//! *ordered* one delivers each message once and in order, and is made anew by its handle when something is missing.
//! [ADR-13, ADR-17, ADR-42]
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use embus::jetstream::{self, consumer};
//! use futures_util::StreamExt;
//!
//! let broker = embus::Broker::builder().start().await?;
//! let jetstream = jetstream::new(broker.client());
//! let stream = jetstream.create_stream("jobs").await?;
//! jetstream.publish("jobs", "first".into()).await?.await?;
//!
//! let workers = consumer::pull::Config { durable_name: Some("workers".into()), ..Default::default() };
//! let workers = stream.create_consumer(workers).await?;
//! let mut messages = workers.messages().await?;
//! let job = messages.next().await.expect("it does not end by itself")?;
//! assert_eq!(job.payload, "first");
//! job.double_ack().await?;
//! # Ok(())
//! # }
//! ```

mod config;
mod handle;
mod info;
mod kinds;
pub mod pull;
pub mod push;
pub(crate) mod recreate;
pub(crate) mod temporary;

pub use self::config::{
    AckPolicy, Config, DeliverPolicy, FromConsumer, IntoConsumerConfig, PriorityPolicy, ReplayPolicy,
};
pub use self::handle::Consumer;
pub use self::info::{Info, PriorityGroupState, SequenceInfo};
pub use self::kinds::{StreamError, StreamErrorKind};

/// A consumer that clients ask for messages.
pub type PullConsumer = Consumer<pull::Config>;
/// A consumer that sends to a subject.
pub type PushConsumer = Consumer<push::Config>;
/// A pull consumer that delivers each message once and in order.
pub type OrderedPullConsumer = Consumer<pull::OrderedConfig>;
/// A push consumer that delivers each message once and in order.
pub type OrderedPushConsumer = Consumer<push::OrderedConfig>;
