//! A chat with rooms. `domain.rs` has all that is messaging, `web.rs` the pages; both are compiled twice, on embus in this
//! process and on async-nats.

pub mod embedded;
pub mod remote;
