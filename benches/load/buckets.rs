//! Scenarios with buckets over TCP, as clients of every language make, write and watch them: a stream of one message per
//! subject, and ordered consumers of the last message of each. [ADR-8]
//!
//! Every run has a fresh store. In the process itself buckets are measured by `in_process::bucket`.

use std::io;

use crate::sample::Sample;
use crate::scenario::Settings;
use crate::server::{Contender, Server};
use crate::streams::api::Api;
use crate::streams::rates::publish_into;
use crate::streams::store::{Durability, Store};
use crate::streams::{PAYLOAD_BYTES, Publish};

pub mod catalogue;
mod keys;
mod watch;

/// The stream of the bucket.
const STREAM: &str = "KV_LOAD";

/// What is done with a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketLoad {
    /// Puts over so many keys, with so many in flight; what is acknowledged is on the disk.
    PutSynced {
        /// Keys.
        keys: usize,
        /// Puts in flight.
        window: usize,
    },
    /// Puts one value at a time and waits until a watch tells of it.
    Watch,
    /// Begins to watch so many keys and waits for the mark that everything has come.
    WatchStart {
        /// Keys with a value each.
        keys: usize,
    },
    /// Looks at the memory of so many keys, and starts anew with them.
    Keys {
        /// Keys with a value each.
        keys: usize,
    },
}

impl BucketLoad {
    /// Runs once with a fresh server of `contender` and a fresh store.
    pub fn run(self, contender: &Contender, settings: &Settings) -> io::Result<Sample> {
        let store = Store::new(&settings.store)?;
        let durability = if matches!(self, Self::PutSynced { .. }) { Durability::Always } else { Durability::Os };
        let arguments = store.arguments(contender, durability)?;
        let start = || Server::start_with(contender, &arguments);
        let server = start()?;
        create(&server)?;
        match self {
            Self::PutSynced { keys, window } => {
                let load = Publish { publishers: 1, window, keys, config: "", stored: 0 };
                publish_into(&server, (STREAM, "$KV.LOAD"), &load, settings)
            }
            Self::Watch => watch::put_to_event(&server, settings),
            Self::WatchStart { keys } => watch::start(&server, keys),
            Self::Keys { keys } => keys::memory_and_restart(server, start, keys),
        }
    }
}

/// Makes the bucket, as clients do with a history of one. [ADR-8]
fn create(server: &Server) -> io::Result<()> {
    const CONFIG: &str = concat!(
        r#","max_msgs_per_subject":1,"discard":"new","allow_rollup_hdrs":true,"deny_delete":true,"allow_direct":true"#,
        r#","duplicate_window":120000000000"#
    );
    Api::open(server.address())?.create(STREAM, "$KV.LOAD.>", CONFIG)
}

/// Subjects of keys, all of one length.
fn subject(number: usize) -> String {
    format!("$KV.LOAD.00.{number:07}")
}

/// A value of the usual size.
fn value() -> [u8; PAYLOAD_BYTES] {
    [b'x'; PAYLOAD_BYTES]
}
