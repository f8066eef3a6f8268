//! Whether a client can still send.

use std::fmt::{self, Display};

/// The state of a client's connection, as async-nats names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum State {
    /// Not connected yet. An in-process client never is: it works from the moment it exists.
    Pending,
    /// Publishing and subscribing work.
    Connected,
    /// The client was drained or the broker has stopped; an in-process client does not come back.
    Disconnected,
}

impl Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
        })
    }
}
