//! What the machine itself takes, with no broker on it: less than that no server can cost. It tells how much of a target
//! is left for a broker where the kernel's share is large, as it is with one request in flight.

use std::io;

use crate::sample::Sample;
use crate::scenario::Settings;

mod disk;
mod echo;

/// What to ask of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// Takes a publish on each of so many connections, writes what came with one wake-up to a file, and answers, in one
    /// thread: the processor time of that.
    Echo {
        /// Connections, with one request in flight each.
        connections: usize,
    },
    /// Writes one record behind the others and syncs it: how long that takes.
    Sync,
}

/// Bytes of a publish with a payload of 128 bytes, of the record that is stored of it, and of its acknowledgement.
const PUBLISH_BYTES: usize = 161;
const RECORD_BYTES: usize = 170;
const ACK_BYTES: usize = 48;

/// Asks the machine.
pub fn run(floor: Floor, settings: &Settings) -> io::Result<Sample> {
    match floor {
        Floor::Echo { connections } => echo::run(connections, settings),
        Floor::Sync => disk::run(settings),
    }
}
