//! What a transcript plays against: something that starts brokers, and a broker that takes connections.

use std::{fmt, future::Future, io, time::Duration};

use super::{connection::Stream, options::Options};

/// A kind of broker: the reference server, ours behind a socket, ours in memory.
pub trait Target: Sync {
    /// The broker it starts.
    type Server: Server;

    /// Name of the kind for the directives of a scene: `nats`, or for ours `tcp`, `memory` or `engine`.
    fn kind(&self) -> &'static str;

    /// Whether its brokers can have JetStream; if not, scenes that ask for it are left out.
    fn has_jetstream(&self) -> bool {
        true
    }

    /// Whether its brokers can ask a service who clients are; if not, scenes that want it are left out.
    fn has_callout(&self) -> bool {
        true
    }

    /// Starts a broker with these options; when it returns, connections are accepted.
    fn start(&self, options: &Options) -> impl Future<Output = io::Result<Self::Server>> + Send;
}

/// A running broker. Dropping it stops it.
pub trait Server: Send + Sync + fmt::Debug {
    /// Opens a connection; its first bytes from the broker are the INFO.
    fn connect(&self) -> impl Future<Output = io::Result<Stream>> + Send;

    /// Starts lame-duck mode without waiting for its end.
    fn lame_duck(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// Lets this much time pass for the broker.
    fn pass(&mut self, time: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(time)
    }

    /// Stops the broker in good order without waiting for its end.
    fn stop(&mut self) -> impl Future<Output = io::Result<()>> + Send;
}
