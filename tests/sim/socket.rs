//! A socket without a network: bounded, takes what it likes of a write, refuses, fails, breaks.

use std::{
    io::{self, IoSlice},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use embus_engine::{Clock, Monotonic, Transport};
use fastrand::Rng;

use crate::clock::{Flag, ManualClock};

/// One connection's two byte streams, between the broker's end and the client's.
#[derive(Debug)]
pub(crate) struct SimSocket {
    state: Mutex<State>,
    clock: Arc<ManualClock>,
    owner: Arc<Flag>,
    traits: Traits,
}

/// How a socket behaves all its life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traits {
    /// Bytes that wait for the client at most.
    pub(crate) capacity: usize,
    /// Of 256 writes, so many are refused although there is room.
    pub(crate) refusals: u8,
    /// Whether only the connection's owner writes, as with a stream that is no socket.
    pub(crate) owner_only: bool,
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each of them happens by itself")]
struct State {
    rng: Rng,
    to_client: Vec<u8>,
    to_broker: Vec<u8>,
    /// Bytes ever taken from the broker, and when the last were.
    accepted: u64,
    accepted_at: Monotonic,
    /// The client sends no more.
    client_finished: bool,
    /// The client is gone: reads and writes of the broker fail.
    client_gone: bool,
    /// Writes fail although the client is there.
    is_failing: bool,
    /// The broker closed its end.
    broker_closed: bool,
}

/// What a read of the broker finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Bytes(usize),
    Nothing,
    End,
}

impl SimSocket {
    pub(crate) fn new(traits: Traits, rng: Rng, clock: Arc<ManualClock>, owner: Arc<Flag>) -> Self {
        let state = State {
            rng,
            to_client: Vec::new(),
            to_broker: Vec::new(),
            accepted: 0,
            accepted_at: clock.monotonic(),
            client_finished: false,
            client_gone: false,
            is_failing: false,
            broker_closed: false,
        };
        Self { state: Mutex::new(state), clock, owner, traits }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A write of the connection's owner.
    pub(crate) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.state();
        assert!(!state.broker_closed, "a write behind the close");
        if state.client_gone || state.is_failing {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = self.traits.capacity.saturating_sub(state.to_client.len());
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        assert!(offered > 0, "an empty write");
        match state.rng.u8(..) {
            0..4 => return Err(io::ErrorKind::Interrupted.into()),
            chance if room == 0 || chance.wrapping_sub(4) < self.traits.refusals => {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            _ => {}
        }
        let most = room.min(offered);
        let taken = if state.rng.bool() { most } else { state.rng.usize(1..=most) };
        let mut left = taken;
        for slice in slices {
            let part = left.min(slice.len());
            state.to_client.extend_from_slice(&slice[..part]);
            left -= part;
        }
        state.accepted += taken as u64;
        state.accepted_at = self.clock.monotonic();
        Ok(taken)
    }

    /// Whether a write that was refused is worth another try.
    pub(crate) fn is_writable(&self) -> bool {
        let state = self.state();
        state.client_gone || state.is_failing || state.to_client.len() < self.traits.capacity
    }

    /// Whether a read of the broker finds something.
    pub(crate) fn is_readable(&self) -> bool {
        let state = self.state();
        !state.to_broker.is_empty() || state.client_finished || state.client_gone
    }

    /// A read of the broker of at most `limit` bytes.
    pub(crate) fn read(&self, limit: usize, take: impl FnOnce(&[u8])) -> Read {
        let mut state = self.state();
        assert!(limit > 0, "a read into no room would look like the end");
        if state.client_gone || (state.to_broker.is_empty() && state.client_finished) {
            return Read::End;
        }
        let len = limit.min(state.to_broker.len());
        if len == 0 {
            return Read::Nothing;
        }
        take(&state.to_broker[..len]);
        state.to_broker.drain(..len);
        Read::Bytes(len)
    }

    /// The broker closes its end.
    pub(crate) fn close(&self) {
        self.state().broker_closed = true;
    }

    /// Bytes ever taken from the broker.
    pub(crate) fn accepted(&self) -> u64 {
        self.state().accepted
    }

    /// When the last bytes were taken from the broker.
    pub(crate) fn accepted_at(&self) -> Monotonic {
        self.state().accepted_at
    }

    // The client's end.

    pub(crate) fn send(&self, bytes: &[u8]) {
        self.state().to_broker.extend_from_slice(bytes);
    }

    /// Bytes for the client, at most `limit`; the flag says that the end comes behind them.
    pub(crate) fn receive(&self, limit: usize) -> (Vec<u8>, bool) {
        let mut state = self.state();
        let len = limit.min(state.to_client.len());
        let bytes = state.to_client.drain(..len).collect();
        (bytes, state.broker_closed && state.to_client.is_empty())
    }

    pub(crate) fn has_for_client(&self) -> bool {
        !self.state().to_client.is_empty()
    }

    pub(crate) fn finish_sending(&self) {
        self.state().client_finished = true;
    }

    pub(crate) fn vanish(&self) {
        self.state().client_gone = true;
    }

    pub(crate) fn fail_writes(&self) {
        self.state().is_failing = true;
    }

    /// Whether a write error is the socket's doing.
    pub(crate) fn is_broken(&self) -> bool {
        let state = self.state();
        state.client_gone || state.is_failing
    }
}

impl Transport for SimSocket {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.traits.owner_only { Err(io::ErrorKind::WouldBlock.into()) } else { self.write(slices) }
    }

    fn wake_owner(&self) {
        self.owner.raise();
    }
}
