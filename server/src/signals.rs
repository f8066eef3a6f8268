//! The signals a server listens to, as events.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Stop soon. The text is the signal's name.
    Stop(&'static str),
    /// Ask the clients to move, then stop.
    LameDuck,
    /// Open the log file again: somebody moved it.
    ReopenLog,
    /// Read the configuration again.
    Reload,
}

/// The signals, from the moment this exists; before it, they end the process.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    lame_duck: Signal,
    reopen: Signal,
    reload: Signal,
}

impl Signals {
    /// Begins to listen. Must be called on the runtime.
    pub(crate) fn install() -> io::Result<Self> {
        // A limit on the size of files (`ulimit -f`) is like a full disk: writes fail, and the process lives. Once it is
        // listened to, this signal never ends a process again.
        drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            lame_duck: signal(SignalKind::user_defined2())?,
            reopen: signal(SignalKind::user_defined1())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    /// The next event. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Event {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Event::Stop("SIGINT"),
            _ = self.terminate.recv() => Event::Stop("SIGTERM"),
            _ = self.lame_duck.recv() => Event::LameDuck,
            _ = self.reopen.recv() => Event::ReopenLog,
            _ = self.reload.recv() => Event::Reload,
        }
    }
}
