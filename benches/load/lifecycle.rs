//! How long a server takes to start and to stop.

use std::io;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::sample::median;
use crate::server::{Contender, Server};

/// Starts and stops in one round; the round's figure is their median.
const TRIALS: usize = 5;

/// From starting the process to the PONG on a first connection, in milliseconds.
pub fn start_millis(contender: &Contender) -> io::Result<f64> {
    trials(|| {
        let server = Server::start(contender)?;
        let started_in = server.started_in();
        server.stop(Signal::SIGKILL).map(|_| started_in)
    })
}

/// From `signal` to the end of a process without connections, in milliseconds.
pub fn stop_millis(contender: &Contender, signal: Signal) -> io::Result<f64> {
    trials(|| Server::start(contender)?.stop(signal))
}

fn trials(mut trial: impl FnMut() -> io::Result<Duration>) -> io::Result<f64> {
    let durations = (0..TRIALS).map(|_| trial()).collect::<io::Result<Vec<_>>>()?;
    Ok(median(durations.iter().map(|duration| duration.as_secs_f64() * 1000.0).collect()))
}
