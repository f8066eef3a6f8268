//! A gateway from HTTP to a stream. `domain.rs` has all that is messaging, `web.rs` all that is HTTP; both are compiled
//! twice, on embus in this process and on async-nats.

pub mod embedded;
pub mod remote;
