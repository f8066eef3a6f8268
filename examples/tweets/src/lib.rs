//! Event streaming: what happens is a stream of events, and the timeline is what a durable subscriber makes of them.
//! `domain.rs` has all that is messaging, `web.rs` all that is HTTP; both are compiled twice, on embus in this process and on
//! async-nats.

pub mod embedded;
pub mod remote;
