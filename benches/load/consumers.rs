//! Scenarios with consumers: what handing messages out costs, over pull requests and pushed, acknowledged or not, and what
//! consumers cost that nobody uses.
//!
//! Every run has a fresh store, filled before the clock starts; embus does not sync, as the reference server does not.
//! Each message must come exactly once.

use std::io;

use crate::sample::Sample;
use crate::scenario::Settings;
use crate::server::{Contender, Server};
use crate::streams::store::{Durability, Store};

pub mod catalogue;
pub(crate) mod deliveries;
mod idle;
mod latency;
mod pull;
mod push;

/// The stream.
const STREAM: &str = "LOAD";

/// The consumer.
const CONSUMER: &str = "C";

/// What is done with consumers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerLoad {
    /// Pulls all messages of a stream.
    Pull(Pull),
    /// Has all messages of a stream pushed, in order and with flow control.
    Push {
        /// Messages in the stream.
        messages: u64,
    },
    /// Publishes one message at a time and waits for its delivery.
    Latency,
    /// Publishes while so many consumers exist that want other subjects, and before.
    BesideIdle {
        /// Durable consumers, each with a filter of its own.
        consumers: usize,
    },
    /// Looks at the memory of so many consumers that nobody uses.
    IdleMemory {
        /// Durable consumers.
        consumers: usize,
    },
}

/// How messages are pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Messages in the stream.
    pub messages: u64,
    /// Connections that pull from the same consumer.
    pub workers: usize,
    /// Messages that one request asks for.
    pub batch: usize,
    /// Whether each message is acknowledged.
    pub acks: bool,
    /// Further fields of the stream's configuration, each behind a comma.
    pub config: &'static str,
}

impl ConsumerLoad {
    /// Whether the reference server can do it, too: by default its streams have a thousand consumers at most.
    pub fn has_reference(&self) -> bool {
        !matches!(self, Self::BesideIdle { .. } | Self::IdleMemory { .. })
    }

    /// Runs once with a fresh server of `contender` and a fresh store.
    pub fn run(&self, contender: &Contender, settings: &Settings) -> io::Result<Sample> {
        let store = Store::new(&settings.store)?;
        let server = Server::start_with(contender, &store.arguments(contender, Durability::Os)?)?;
        match self {
            Self::Pull(load) => pull::pull_all(&server, load),
            Self::Push { messages } => push::replay(&server, *messages),
            Self::Latency => latency::publish_to_delivery(&server, settings),
            Self::BesideIdle { consumers } => idle::beside(&server, *consumers, settings),
            Self::IdleMemory { consumers } => idle::memory(&server, *consumers),
        }
    }
}
