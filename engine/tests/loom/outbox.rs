//! Frames of several producers reach a socket whole, once and in each producer's order, whoever writes them; what is
//! not written is never forgotten, and a close leaves nothing behind.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, PoisonError};

use embus_engine::budget::Budget;
use embus_engine::chunks::{BufferPool, Chunks};
use embus_engine::outbox::Sent;
use embus_engine::{CloseReason, Flushed, Transport, outbox::Outbox};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::check;

/// A socket that takes a byte per write, and at times nothing.
#[derive(Debug)]
struct Socket {
    /// Not loom's: `busy` guards it, and is a step of its own.
    state: Mutex<State>,
    owner_woken: AtomicBool,
    /// Whether somebody is writing: two at once would mix frames.
    busy: AtomicBool,
    behaviour: Behaviour,
}

#[derive(Debug, Default)]
struct State {
    written: Vec<u8>,
    writes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    /// Every other write is refused.
    Halting,
    /// Producers are refused, only the owner writes.
    OwnerOnly,
    /// Nothing is taken.
    Blocked,
    /// As `Halting`, but nobody wakes the owner: what a broken outbox would do.
    Deaf,
}

impl Socket {
    fn new(behaviour: Behaviour) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            owner_woken: AtomicBool::new(false),
            busy: AtomicBool::new(false),
            behaviour,
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        assert!(!self.busy.swap(true, Ordering::SeqCst), "two write at once");
        let taken = self.take(slices);
        self.busy.swap(false, Ordering::SeqCst);
        taken
    }

    fn take(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.state();
        state.writes += 1;
        let is_refused = match self.behaviour {
            Behaviour::Halting | Behaviour::Deaf => state.writes.is_multiple_of(2),
            Behaviour::OwnerOnly => false,
            Behaviour::Blocked => true,
        };
        if is_refused {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.written.push(slices[0][0]);
        Ok(1)
    }

    /// The owner's task: flushes as long as it is woken.
    fn run_owner(&self, outbox: &Outbox) {
        while self.owner_woken.swap(false, Ordering::SeqCst) {
            let flushed = outbox.flush_with(|slices| self.write(slices), &mut BufferPool::default());
            // Writable again at once. While somebody else is writing, they wake the task if it has to run again.
            if matches!(flushed, Flushed::Blocked | Flushed::Busy) {
                self.owner_woken.swap(true, Ordering::SeqCst);
            }
            if flushed == Flushed::Busy {
                return;
            }
        }
    }
}

impl Transport for Socket {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.behaviour == Behaviour::OwnerOnly {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.write(slices)
    }

    fn wake_owner(&self) {
        if self.behaviour == Behaviour::Deaf {
            return;
        }
        self.owner_woken.swap(true, Ordering::SeqCst);
    }
}

struct Model {
    socket: Arc<Socket>,
    outbox: Arc<Outbox>,
    budget: Arc<Budget>,
}

impl Model {
    fn new(behaviour: Behaviour, max_pending: usize) -> Self {
        let budget = Arc::new(Budget::new(1 << 20));
        let socket = Socket::new(behaviour);
        let transport = Arc::clone(&socket) as Arc<dyn Transport>;
        let outbox = Arc::new(Outbox::new(0, max_pending, Arc::clone(&budget), transport));
        Self { socket, outbox, budget }
    }

    /// A thread that sends each of `frames`.
    fn producer(&self, frames: &'static [&'static str]) -> thread::JoinHandle<Sent> {
        let outbox = Arc::clone(&self.outbox);
        thread::spawn(move || frames.iter().fold(Sent::Pending(0), |_, frame| send(&outbox, frame)))
    }

    /// A thread that leaves each of `lines` to the owner.
    fn poster(&self, lines: &'static [&'static str]) -> thread::JoinHandle<Sent> {
        let outbox = Arc::clone(&self.outbox);
        thread::spawn(move || lines.iter().fold(Sent::Pending(0), |_, line| outbox.post(line.as_bytes())))
    }

    /// The owner runs beside `others`, and once more when they are done.
    fn run_owner<const N: usize>(&self, others: [thread::JoinHandle<Sent>; N]) -> [Sent; N] {
        self.socket.run_owner(&self.outbox);
        let sent = others.map(|other| other.join().unwrap());
        // Nobody else writes any more: as long as the owner is busy, it is with its own work.
        while self.socket.owner_woken.load(Ordering::SeqCst) {
            self.socket.run_owner(&self.outbox);
        }
        sent
    }

    /// All `frames` are out, whole and each producer's in order.
    fn check_written(&self, producers: &[&[&str]]) {
        let written = self.socket.state().written.clone();
        let mut rest = std::str::from_utf8(&written).unwrap();
        let mut left: Vec<_> = producers.iter().map(|frames| frames.iter().peekable()).collect();
        while !rest.is_empty() {
            let next = left.iter_mut().find_map(|frames| frames.next_if(|frame| rest.starts_with(**frame)));
            let frame = next.unwrap_or_else(|| panic!("bytes are forgotten, or mixed: {written:?}"));
            rest = &rest[frame.len()..];
        }
        assert!(left.iter_mut().all(|frames| frames.peek().is_none()), "bytes are forgotten: {written:?}");
    }

    fn check_empty(&self) {
        assert_eq!((self.outbox.pending_bytes(), self.budget.used()), (0, 0));
    }
}

fn send(outbox: &Outbox, frame: &str) -> Sent {
    let mut frames = Chunks::default();
    frames.open().extend_from_slice(frame.as_bytes());
    outbox.send(&mut frames, &mut BufferPool::default())
}

fn two_producers(behaviour: Behaviour) {
    let model = Model::new(behaviour, 1000);
    let (one, other): (&[_], &[_]) = (&["ab", "AB"], &["cd"]);
    model.run_owner([model.producer(one), model.producer(other)]);
    model.check_written(&[one, other]);
    model.check_empty();
}

#[test]
fn producers_and_owner_write_in_turn() {
    check(|| two_producers(Behaviour::Halting));
}

#[test]
fn the_owner_writes_for_all() {
    check(|| two_producers(Behaviour::OwnerOnly));
}

#[test]
fn what_is_posted_is_written() {
    check(|| {
        let model = Model::new(Behaviour::Halting, 1000);
        model.run_owner([model.poster(&["ab", "AB"]), model.producer(&["cd"])]);
        model.check_written(&[&["ab", "AB"], &["cd"]]);
        model.check_empty();
    });
}

#[test]
fn a_close_leaves_nothing_behind() {
    check(|| {
        let model = Model::new(Behaviour::Halting, 1000);
        let outbox = Arc::clone(&model.outbox);
        let closer = thread::spawn(move || {
            outbox.close(CloseReason::ClientClosed);
            Sent::Closed
        });
        model.run_owner([model.producer(&["ab", "AB"]), closer]);
        assert_eq!(model.outbox.closed(), Some(CloseReason::ClientClosed));
        assert!("abAB".as_bytes().starts_with(&model.socket.state().written));
        model.check_empty();
    });
}

#[test]
fn a_reader_for_whom_too_much_waits_is_cut_once() {
    check(|| {
        let model = Model::new(Behaviour::Blocked, 3);
        let sent = [model.producer(&["ab"]), model.poster(&["cd"])].map(|thread| thread.join().unwrap());
        assert!(sent.contains(&Sent::Closed));
        assert_eq!(model.outbox.closed(), Some(CloseReason::SlowConsumerPendingBytes));
        assert!(model.socket.owner_woken.load(Ordering::SeqCst), "the owner has to see it");
        model.check_empty();
    });
}

/// Control: without wake-ups what waits is forgotten.
#[test]
#[should_panic(expected = "bytes are forgotten")]
fn an_owner_that_is_not_woken_forgets_bytes() {
    check(|| two_producers(Behaviour::Deaf));
}

/// Control: an outbox that does not note who is writing.
#[test]
#[should_panic(expected = "two write at once")]
fn two_writers_are_noticed() {
    check(|| {
        let socket = Socket::new(Behaviour::Halting);
        let other = Arc::clone(&socket);
        let other = thread::spawn(move || drop(other.write(&[IoSlice::new(b"ab")])));
        drop(socket.write(&[IoSlice::new(b"cd")]));
        other.join().unwrap();
    });
}
