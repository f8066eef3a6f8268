//! A framework for pages that several people look at: publish and subscribe behind a trait ([`pubsub`]), and sessions that
//! outlive a restart ([`session`]). Both stand on embus in this process ([`embedded`]), on a NATS server ([`remote`]) or on
//! nothing but memory ([`memory`]); `domain.rs` is the source of the first two.

pub mod embedded;
pub mod memory;
pub mod pubsub;
pub mod remote;
pub mod session;
pub mod web;
