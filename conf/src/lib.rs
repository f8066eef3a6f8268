//! The configuration of a NATS server: the file format of `nats-server`, and its directives as plain structs.
//!
//! Two layers. [`Document`] is what stands in a file, its includes and variables carried out, each value with the place it
//! came from. [`Config`] is what the directives mean; a directive that it does not know is a fault, and so is one of the
//! wrong type or out of range. All faults are found at once, and nothing is read and then ignored: what `Config` has
//! no place for stands in [`Config::refused`].
//!
//! Nothing here opens a socket, reads a clock or starts a thread; files and the environment are reached through
//! [`Surroundings`].
//!
//! ```
//! use embus_conf::{Config, Document, Nowhere};
//!
//! let text = "server_name: meter\n listen: '127.0.0.1:4222'\n jetstream { max_file_store: 1GB }";
//! let document = Document::parse("meter.conf", text, &Nowhere)?;
//! let config = Config::read(&document)?;
//! assert_eq!(config.listen.port, Some(embus_conf::Port::Number(4222)));
//! # Ok::<(), embus_conf::ConfigError>(())
//! ```

mod config;
mod digest;
mod document;
mod error;
mod load;
mod position;
mod syntax;
mod value;

pub use config::*;
pub use document::Document;
pub use error::{ConfigError, Fault, LoadError};
pub use load::{Nowhere, Surroundings, System};
pub use position::Position;
pub use value::{Block, Entry, Kind, Value};
