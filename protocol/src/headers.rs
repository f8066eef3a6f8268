//! Message headers: the map a program works with, and the `NATS/1.0` block on the wire. [ADR-4]
//!
//! The broker itself passes blocks on as bytes and parses them only where a program asks for the map. Names, values
//! and their traits mirror `async_nats::header`.

pub mod block;
mod map;
mod name;
mod value;

pub use map::{GetAll, HeaderMap, Iter};
pub use name::*;
pub use value::{HeaderValue, IntoHeaderValue, ParseHeaderValueError};
