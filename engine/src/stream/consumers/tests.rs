//! Consumers of a stream in a broker without sockets: a clock that is set by hand, jobs that run when the test says so.

mod congestion;
mod damage;
mod durability;
pub(in crate::stream) mod fixture;
mod hungry;
mod pull;
mod push;
mod reader;
mod refused;
mod removals;
mod retention;
mod unread;
