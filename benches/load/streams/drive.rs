//! Drives pipelines on one thread: all of them are kept full until the time or the count is up, and then until the last
//! answer is there.

use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::lane::Phase;
use crate::latency::Latencies;
use crate::streams::pipeline::Pipeline;

/// How long nothing may come before answers count as lost.
const STALL_MILLIS: u16 = 10_000;

/// Events taken from the kernel at once.
const EVENTS: usize = 64;

/// When to stop sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After so many requests.
    Count(usize),
}

impl Until {
    /// How many more requests may be sent now.
    fn room(self, start: Instant, sent: usize) -> usize {
        match self {
            Self::Elapsed(time) if start.elapsed() < time => usize::MAX,
            Self::Elapsed(_) => 0,
            Self::Count(count) => count - sent,
        }
    }
}

/// Sends and receives on all pipelines; what is sent is answered when this returns.
pub(crate) fn drive(pipelines: &mut [Pipeline], until: Until, latencies: &mut Latencies) -> io::Result<Phase> {
    let start = Instant::now();
    let sent = match pipelines {
        [only] => drive_one(only, until, start, latencies)?,
        many => drive_many(many, until, start, latencies)?,
    } as u64;
    Ok(Phase { published: sent, delivered: sent, elapsed: start.elapsed() })
}

fn drive_one(pipeline: &mut Pipeline, until: Until, start: Instant, latencies: &mut Latencies) -> io::Result<usize> {
    let mut sent = 0;
    loop {
        sent += pipeline.send(until.room(start, sent))?;
        if pipeline.is_idle() {
            return Ok(sent);
        }
        pipeline.receive(latencies)?;
    }
}

fn drive_many(
    pipelines: &mut [Pipeline],
    until: Until,
    start: Instant,
    latencies: &mut Latencies,
) -> io::Result<usize> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let mut sent = 0;
    for (index, pipeline) in pipelines.iter_mut().enumerate() {
        epoll.add(pipeline.socket(), EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        sent += pipeline.send(until.room(start, sent))?;
    }
    while !pipelines.iter().all(Pipeline::is_idle) {
        for index in ready(&epoll)? {
            pipelines[index].receive(latencies)?;
            sent += pipelines[index].send(until.room(start, sent))?;
        }
    }
    Ok(sent)
}

/// The indexes of pipelines with something to read.
fn ready(epoll: &Epoll) -> io::Result<Vec<usize>> {
    let mut events = [EpollEvent::empty(); EVENTS];
    match epoll.wait(&mut events, EpollTimeout::from(STALL_MILLIS)) {
        Ok(0) => Err(io::Error::other(format!("answers lost: nothing came for {STALL_MILLIS} ms"))),
        Ok(count) => Ok(events[..count].iter().filter_map(|event| usize::try_from(event.data()).ok()).collect()),
        Err(Errno::EINTR) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
