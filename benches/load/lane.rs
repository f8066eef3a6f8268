//! A lane: one thread that drives some groups at full speed through nonblocking sockets and one epoll instance.
//!
//! Publishing is bounded by a window over what the slowest subscriber of the group has received, so neither the server
//! nor the kernel has to hold more than [`WINDOW_BYTES`]. Nothing here allocates while messages flow.

use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

pub use crate::lane::group::Group;

mod group;

/// Bytes of deliveries that may be under way for one group (`[performance.md]`).
pub const WINDOW_BYTES: usize = 16 * 1024 * 1024;

/// How long nothing may move before messages count as lost.
const STALL_MILLIS: u16 = 5_000;

/// Bytes that one read takes away at most.
const READ_BYTES: usize = 1024 * 1024;

/// Events taken from the kernel at once.
const EVENTS: usize = 128;

/// The groups of one thread.
#[derive(Debug)]
pub struct Lane {
    groups: Vec<Group>,
    epoll: Epoll,
    /// Where received bytes would go; the kernel drops them instead, so it is only ever a length.
    sink: Vec<u8>,
}

/// What one phase moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phase {
    /// Messages published.
    pub published: u64,
    /// Messages delivered, over all subscribers; checked to be what was due.
    pub delivered: u64,
    /// From the first write to the last byte received.
    pub elapsed: Duration,
}

impl Lane {
    /// Registers the sockets of `groups`.
    pub fn new(groups: Vec<Group>) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let edge = EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
        for (index, group) in groups.iter().enumerate() {
            epoll.add(group.publisher(), EpollEvent::new(edge, token(index, 0)))?;
            for (at, receiver) in group.receivers().enumerate() {
                epoll.add(receiver, EpollEvent::new(EpollFlags::EPOLLIN, token(index, at + 1)))?;
            }
        }
        Ok(Self { groups, epoll, sink: vec![0; READ_BYTES] })
    }

    /// Publishes for `duration`, waits for every delivery and checks the counts.
    pub fn run(&mut self, duration: Duration) -> io::Result<Phase> {
        self.groups.iter_mut().for_each(Group::begin_phase);
        let start = Instant::now();
        let mut publishing = true;
        while publishing || !self.groups.iter().all(Group::is_settled) {
            publishing = publishing && start.elapsed() < duration;
            let mut more = false;
            for group in &mut self.groups {
                more |= group.publish(publishing)?;
            }
            self.receive(more)?;
        }
        let elapsed = start.elapsed();
        self.settle(elapsed)
    }

    fn receive(&mut self, more_to_publish: bool) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let timeout = if more_to_publish { EpollTimeout::ZERO } else { EpollTimeout::from(STALL_MILLIS) };
        let ready = match self.epoll.wait(&mut events, timeout) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if ready == 0 && !more_to_publish && !self.groups.iter().all(Group::is_settled) {
            return Err(self.stalled());
        }
        for event in &events[..ready] {
            let (group, member) = untoken(event.data());
            self.groups[group].handle_event(member, event.events(), &mut self.sink)?;
        }
        Ok(())
    }

    /// Lets every connection answer a PING, so that errors and surplus bytes show.
    fn settle(&mut self, elapsed: Duration) -> io::Result<Phase> {
        let mut phase = Phase { elapsed, ..Phase::default() };
        for group in &mut self.groups {
            phase.delivered += group.settle()?;
            phase.published += group.published();
        }
        Ok(phase)
    }

    fn stalled(&self) -> io::Error {
        let missing: u64 = self.groups.iter().map(Group::missing_bytes).sum();
        io::Error::other(format!("messages lost: {missing} bytes never came, nothing moved for {STALL_MILLIS} ms"))
    }
}

/// Runs all lanes at once, each on its own thread, and adds up what they moved.
pub fn run_lanes(lanes: &mut [Lane], duration: Duration) -> io::Result<Phase> {
    let phases: Vec<io::Result<Phase>> = match lanes {
        [only] => vec![only.run(duration)],
        many => std::thread::scope(|scope| {
            let running: Vec<_> = many.iter_mut().map(|lane| scope.spawn(|| lane.run(duration))).collect();
            running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).collect()
        }),
    };
    phases.into_iter().try_fold(Phase::default(), |sum, phase| phase.map(|phase| sum.joined(phase)))
}

impl Phase {
    fn joined(self, other: Self) -> Self {
        Self {
            published: self.published + other.published,
            delivered: self.delivered + other.delivered,
            elapsed: self.elapsed.max(other.elapsed),
        }
    }
}

fn panicked() -> io::Error {
    io::Error::other("a client thread panicked")
}

/// Packs a group's index and a member of it (0 is the publisher) into what epoll hands back.
fn token(group: usize, member: usize) -> u64 {
    (group as u64) << 32 | member as u64
}

fn untoken(token: u64) -> (usize, usize) {
    let low = |half: u64| usize::try_from(half & u64::from(u32::MAX)).unwrap_or(usize::MAX);
    (low(token >> 32), low(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip() {
        assert_eq!(untoken(token(15, 64)), (15, 64));
    }

    #[test]
    fn phases_join_over_lanes() {
        let phase =
            |published, millis| Phase { published, delivered: 2 * published, elapsed: Duration::from_millis(millis) };
        assert_eq!(phase(1, 5).joined(phase(2, 3)), phase(3, 5));
    }
}
