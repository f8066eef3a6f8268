//! Scenarios with streams: what storing, reading, restarting and keeping costs, in the durability that is asked for.
//!
//! Every run has a fresh store on a real disk. Nothing counts that was not acknowledged, and in the end the stream must
//! hold what was.

use std::io;

use nix::sys::signal::Signal;

use crate::sample::Sample;
use crate::scenario::Settings;
use crate::server::{Contender, Server};
use crate::streams::footprint::{disk_bytes, subject_memory};
use crate::streams::lifetime::{restart, small_streams};
use crate::streams::rates::{direct_get, dirty_streams, publish};
use crate::streams::store::{Durability, Store};

pub(crate) mod api;
pub mod catalogue;
pub(crate) mod drive;
mod footprint;
pub(crate) mod frames;
pub(crate) mod lifetime;
pub(crate) mod pipeline;
pub(crate) mod rates;
mod replies;
pub(crate) mod store;

/// Payload of every message in bytes, where nothing else is said.
pub(crate) const PAYLOAD_BYTES: usize = 128;

/// Messages under way while a store is filled.
pub(crate) const FILL_WINDOW: usize = 4096;

/// What is done with streams, and how durably.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamLoad {
    /// What is done.
    pub work: Work,
    /// What an acknowledgement promises.
    pub syncs: Syncs,
}

/// What an acknowledgement promises: with embus, and with the reference server beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncs {
    /// embus has synced; the reference server has written, which is its default.
    AlwaysBesideDefault,
    /// Both have synced.
    AlwaysBesideAlways,
    /// Both have written.
    OsBesideDefault,
}

/// What is done with a fresh store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Publishes into one stream.
    Publish(Publish),
    /// Gets the last message of one of so many subjects, with so many requests in flight.
    DirectGet {
        /// Subjects with a message each.
        keys: usize,
        /// Requests in flight.
        window: usize,
    },
    /// Writes a few messages to each of many streams at once, again and again.
    DirtyStreams {
        /// Streams written at once.
        streams: usize,
        /// Messages for each of them.
        messages: usize,
    },
    /// Stops a server with this signal and starts it with so many messages in its store.
    Restart {
        /// Messages in the store.
        messages: u64,
        /// How the server is stopped.
        signal: Signal,
    },
    /// Stores one message for each of so many subjects of 24 bytes and looks at the memory.
    SubjectMemory {
        /// Subjects of the stream.
        subjects: usize,
    },
    /// Stores so many messages and looks at the disk.
    DiskBytes {
        /// Messages in the store.
        messages: u64,
    },
    /// Creates so many streams with one message each, restarts, and looks at the memory.
    SmallStreams {
        /// Streams in the store.
        count: usize,
    },
}

/// How messages are published into one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Connections that publish.
    pub publishers: usize,
    /// Unacknowledged messages of each of them.
    pub window: usize,
    /// Subjects over which each of them goes, in an order that is no order.
    pub keys: usize,
    /// Further fields of the stream's configuration, each behind a comma.
    pub config: &'static str,
    /// Messages that are there before.
    pub stored: u64,
}

impl StreamLoad {
    /// Runs once with a fresh server of `contender` and a fresh store.
    pub fn run(&self, contender: &Contender, settings: &Settings) -> io::Result<Sample> {
        let store = Store::new(&settings.store)?;
        let arguments = store.arguments(contender, self.syncs.of(contender))?;
        let start = || Server::start_with(contender, &arguments);
        let server = start()?;
        match &self.work {
            Work::Publish(load) => publish(&server, load, settings),
            Work::DirectGet { keys, window } => direct_get(&server, *keys, *window, settings),
            Work::DirtyStreams { streams, messages } => dirty_streams(&server, *streams, *messages, settings),
            Work::Restart { messages, signal } => restart(server, start, *messages, *signal),
            Work::SubjectMemory { subjects } => subject_memory(&server, *subjects),
            Work::DiskBytes { messages } => disk_bytes(server, &store, *messages),
            Work::SmallStreams { count } => small_streams(server, start, *count),
        }
    }
}

impl Syncs {
    fn of(self, contender: &Contender) -> Durability {
        match (self, contender.name) {
            (Self::AlwaysBesideAlways, _) | (Self::AlwaysBesideDefault, "embus") => Durability::Always,
            (Self::AlwaysBesideDefault | Self::OsBesideDefault, _) => Durability::Os,
        }
    }
}
