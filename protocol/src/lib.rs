//! The words and bytes of the NATS protocol: subjects, control lines, headers, limits and error texts.
//!
//! Everything here is pure: bytes in, values out. The crate reads no socket and no clock, starts no runtime and keeps
//! no state between calls. Malformed network input is an error value, never a panic.
//!
//! | module | noun |
//! |---|---|
//! | [`subject`] | a literal subject, as async-nats has it |
//! | [`filter`] | rules for subjects and filters as bytes, and the plain matcher |
//! | [`subject_tree`] | many filters, matched at once |
//! | [`filter_tree`] | many filters, asked which of them meet another |
//! | [`decode`] | bytes of a client, one operation at a time |
//! | [`encode`] | operations to bytes |
//! | [`headers`], [`status`] | the `NATS/1.0` header block |
//! | [`info`], [`connect`] | the two JSON documents of the handshake |
//! | [`error`] | every `-ERR` text, and which of them close |
//! | [`quoted`] | names of the peer inside those texts |
//! | [`limits`] | named bounds and default times |

pub mod connect;
pub mod decode;
pub mod encode;
pub mod error;
pub mod filter;
pub mod filter_tree;
pub mod headers;
pub mod info;
pub mod limits;
mod line;
pub mod quoted;
pub mod secret;
pub mod status;
pub mod subject;
pub mod subject_tree;
pub mod transform;
pub mod websocket;
