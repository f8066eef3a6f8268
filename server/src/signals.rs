//! The signals a server listens to, and what clients of the system account ask for, as events.

use std::io;

use embus::{Builder, ReloadRequest};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

/// What a signal asks for.
#[derive(Debug)]
pub(crate) enum Event {
    /// Stop soon. The text is the signal's name.
    Stop(&'static str),
    /// Ask the clients to move, then stop.
    LameDuck,
    /// Open the log file again: somebody moved it.
    ReopenLog,
    /// Read the configuration again.
    Reload,
    /// The same, asked for by a client of the system account.
    ReloadRequest(ReloadRequest),
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

/// All that a server waits for.
#[derive(Debug)]
pub(crate) struct Events {
    pub(crate) signals: Signals,
    requests: mpsc::Receiver<ReloadRequest>,
    requester: mpsc::Sender<ReloadRequest>,
}

impl Events {
    /// Begins to listen to signals. Must be called on the runtime.
    pub(crate) fn install() -> io::Result<Self> {
        let (requester, requests) = mpsc::channel(MAX_REQUESTS);
        Ok(Self { signals: Signals::install()?, requests, requester })
    }

    /// Has the broker hand on what clients of the system account ask for.
    pub(crate) fn hear_of(&self, builder: Builder) -> Builder {
        let requester = self.requester.clone();
        builder.on_reload_request(move |request| {
            if let Err(error) = requester.try_send(request) {
                let why = "too many requests to reload wait";
                error.into_inner().answer(Err(why));
            }
        })
    }

    /// The next event. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Event {
        tokio::select! {
            event = self.signals.next() => event,
            Some(request) = self.requests.recv() => Event::ReloadRequest(request),
        }
    }
}

/// Requests to reload that wait.
const MAX_REQUESTS: usize = 16;
