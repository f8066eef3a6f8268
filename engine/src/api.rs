//! The JetStream API: requests on `$JS.API.` subjects and their answers. [reference §3]
//!
//! A request for JSON waits in one serial queue, as changes of streams are made one at a time; `handle` runs it on a
//! thread that may block and answers once what the answer tells is durable. Direct gets do not wait there: `direct`
//! answers them on the turn that brings them. Owns no state: that is in `jetstream` and `stream`.

mod account;
pub(crate) mod advisory;
mod audit;
mod base64;
mod consumer;
pub(crate) mod direct;
mod dispatch;
pub mod error;
pub mod fetch;
pub(crate) mod json;
mod message;
mod names;
mod purge;
pub(crate) mod request;
mod response;
pub mod selector;
pub(crate) mod service;
mod snapshot;
mod stamp;
mod state;
mod stream;
#[cfg(test)]
mod tests;
pub mod time;

/// The version of the reference server that answers are like; clients gate features on it.
pub const VERSION: &str = "2.15.1";

pub(crate) use dispatch::{handle, refuse};
pub(crate) use response::Response;
