//! Transcripts: scripts of `C:` and `S:` lines that say what a client sends and what the broker must answer.
//!
//! The same files replay against every [`Target`]: our broker through a socket, our broker through memory, and the
//! reference server, so that an expectation is itself checked. The format is described in `tests/transcripts/README.md`.
//!
//! [`Script::load_folder`] reads the scripts, [`replay`] plays all of them and returns the [`Failure`]s.

mod callout;
mod connection;
mod failure;
mod message;
mod nats_server;
mod options;
mod parse;
mod pattern;
mod player;
mod request;
mod script;
mod sign;
mod target;
mod text;
mod value;

pub use connection::Stream;
pub use failure::Failure;
pub use nats_server::NatsServer;
pub use options::Options;
pub use parse::ParseError;
pub use player::{Pace, replay};
pub use script::Script;
pub use target::{Server, Target};
