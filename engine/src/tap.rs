//! Seeing what is published without being a subscriber: no interest, no delivery, no count changes because of it.

use std::fmt::Debug;

use crate::service::Request;

/// Sees every message that is published in an account, by clients or by the broker itself, before anybody gets it.
pub trait Tap: Debug + Send + Sync {
    /// A message was accepted from its publisher. Called on the publisher's thread, in the order of each publisher; must
    /// neither block nor publish.
    fn published(&self, message: &Request<'_>);
}
