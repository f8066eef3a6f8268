//! A message broker that lives inside a Rust program and speaks the NATS protocol.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use futures_util::StreamExt;
//!
//! let broker = embus::Broker::builder().listen("127.0.0.1:0").start().await?;
//! let client = broker.client();
//! let mut orders = client.subscribe("orders.>").await?;
//! client.publish("orders.eu.1", "two chairs".into()).await?;
//! assert_eq!(orders.next().await.unwrap().payload, "two chairs");
//! # Ok(())
//! # }
//! ```
//!
//! [`Broker`] is the broker, [`Client`] an in-process client with the API of async-nats's: `use embus as nats;` compiles
//! where `use async_nats as nats;` does. Official NATS clients connect to [`Broker::client_url`] unchanged.
//!
//! The library starts no runtime, installs no logger, handles no signal, never exits the process and has no global
//! state: many brokers can run in one process.

pub mod auth;
mod broker;
mod builder;
pub mod client;
pub mod clock;
pub mod connection;
pub mod datetime;
pub mod error;
pub mod jetstream;
mod jobs;
#[cfg(feature = "listen")]
mod links;
#[cfg(feature = "listen")]
mod listener;
pub mod metrics;
#[cfg(feature = "monitor")]
mod monitor;
mod ports;
mod shell;
mod store;
mod tasks;
#[cfg(feature = "test-util")]
pub mod test_util;
mod timer;
#[cfg(feature = "tls")]
pub mod tls;
pub mod typed;
#[cfg(feature = "websocket")]
pub mod websocket;
mod wire;

/// Messages, as they come in and go out.
pub mod message {
    pub use crate::client::message::{Message, OutboundMessage};
}

pub use broker::{Broker, ReloadError, Reloaded};
pub use builder::{Builder, NATS_VERSION};
pub use client::BoxError as Error;
pub use client::subscriber::Subscriber;
pub use client::{
    Client, DrainError, FlushError, FlushErrorKind, PublishError, PublishErrorKind, Request, RequestError,
    RequestErrorKind, Statistics, SubscribeError, SubscribeErrorKind, UnsubscribeError,
};
pub use embus_engine::stream::SyncPolicy;
pub use embus_engine::trace::TraceOptions;
pub use embus_protocol::info::ServerInfo;
pub use embus_protocol::limits::DEFAULT_PORT;
pub use embus_protocol::{headers as header, status, subject};
pub use error::StartError;
pub use header::{HeaderMap, HeaderName, HeaderValue};
pub use message::Message;
#[cfg(feature = "monitor")]
pub use monitor::ReloadRequest;
pub use status::StatusCode;
pub use subject::{Subject, SubjectError, ToSubject};
#[cfg(feature = "test-util")]
pub use test_util::TestBroker;

/// Snapshots of the broker's counters, connections and subscriptions.
pub mod statistics {
    pub use embus_engine::close::CloseReason;
    pub use embus_engine::connection::ConnectionKind;
    pub use embus_engine::statistics::{
        ConnectionSnapshot, InterestStatistics, Statistics, SubscriptionSnapshot, Traffic,
    };
}

/// The examples of the README, as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
