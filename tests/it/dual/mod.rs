//! One source, two clients: `surface/` is compiled with `use embus as nats;` and with `use async_nats as nats;`, and
//! every test in it runs against both. That is the proof that moving from a remote broker to an embedded one, or back,
//! changes one line.
//!
//! `mixed.rs` has both kinds of client talk to each other.
//!
//! To add a test, write it in `surface/` in terms of `nats` and [`Stage`]. It must not sleep: after subscribing with
//! one client and before publishing with another, wait for `stage.broker.wait_for_interest(subject)`.

mod embedded;
mod mixed;
mod remote;

use embus::Broker;

/// A broker and two clients of it, of the kind under test.
pub(crate) struct Stage<C> {
    pub(crate) broker: Broker,
    pub(crate) client: C,
    pub(crate) peer: C,
}

/// What the tests assume about the broker: its limit for a message, in bytes.
pub(crate) const MAX_PAYLOAD: usize = 64 * 1024;
