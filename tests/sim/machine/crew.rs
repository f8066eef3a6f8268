//! Threads that take turns: exactly one of them, or the simulation itself, runs at any time, and chance says which. A job
//! lets go of its turn only in calls that change the disk, where the engine holds no lock that others need, so jobs of
//! one stream and of several overlap in every order and a run is still the same each time.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use embus_engine::jobs::{Executor, Job};
use fastrand::Rng;

/// Jobs that nobody has begun.
#[derive(Default)]
pub(crate) struct JobQueue(Mutex<Vec<Job>>, AtomicBool);

impl std::fmt::Debug for JobQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JobQueue")
    }
}

impl Executor for JobQueue {
    fn spawn(&self, job: Job) {
        if !self.1.load(Ordering::Relaxed) {
            self.lock().push(job);
        }
    }
}

impl JobQueue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads of one run.
#[derive(Debug, Default)]
pub(crate) struct Crew {
    jobs: Arc<JobQueue>,
    idle: Vec<Hand>,
    paused: Vec<Hand>,
}

/// One thread, seen from the simulation.
#[derive(Debug)]
struct Hand {
    orders: Sender<Order>,
    events: Receiver<Event>,
}

enum Order {
    Run(Job),
    GoOn,
    Die,
}

enum Event {
    Paused,
    Done,
    Killed,
    Panicked(Box<dyn Any + Send>),
}

/// The same from within.
struct Baton {
    orders: Receiver<Order>,
    events: Sender<Event>,
}

/// What a thread unwinds with when its process is dead.
#[derive(Debug)]
pub(crate) struct Killed;

thread_local! {
    static BATON: RefCell<Option<Baton>> = const { RefCell::new(None) };
}

impl Crew {
    pub(crate) fn executor(&self) -> Arc<dyn Executor> {
        Arc::clone(&self.jobs) as Arc<dyn Executor>
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.paused.is_empty() || !self.jobs.lock().is_empty()
    }

    /// Gives one thread its turn, if one has something to do; says what it came to.
    pub(crate) fn turn(&mut self, rng: &mut Rng) -> &'static str {
        let waiting = self.jobs.lock().len();
        if waiting + self.paused.len() == 0 {
            return "nothing";
        }
        let choice = rng.usize(..waiting + self.paused.len());
        let (hand, order) = if choice < waiting {
            let job = self.jobs.lock().remove(choice);
            (self.idle.pop().unwrap_or_else(Hand::start), Order::Run(job))
        } else {
            (self.paused.remove(choice - waiting), Order::GoOn)
        };
        self.give(hand, order)
    }

    fn give(&mut self, hand: Hand, order: Order) -> &'static str {
        hand.orders.send(order).expect("the thread waits for orders");
        match hand.events.recv_timeout(MAX_TURN) {
            Ok(Event::Paused) => {
                self.paused.push(hand);
                "paused"
            }
            Ok(Event::Done) => {
                self.idle.push(hand);
                "done"
            }
            Ok(Event::Killed) => {
                self.idle.push(hand);
                "killed"
            }
            Ok(Event::Panicked(payload)) => resume_unwind(payload),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                panic!("a job never ends: it waits for a lock of one that is paused")
            }
        }
    }

    /// Ends all jobs where they are.
    pub(crate) fn kill(&mut self) {
        while let Some(hand) = self.paused.pop() {
            self.give(hand, Order::Die);
        }
        // What ends may have asked for more.
        loop {
            let jobs = std::mem::take(&mut *self.jobs.lock());
            if jobs.is_empty() {
                return;
            }
        }
    }
}

impl Drop for Crew {
    /// What nobody has begun holds the engine that it is for, and that holds the queue.
    fn drop(&mut self) {
        self.jobs.1.store(true, Ordering::Relaxed);
        let jobs = std::mem::take(&mut *self.jobs.lock());
        drop(jobs);
    }
}

impl Hand {
    fn start() -> Self {
        let ((orders, their_orders), (their_events, events)) = (channel(), channel());
        thread::spawn(move || {
            BATON.set(Some(Baton { orders: their_orders, events: their_events }));
            work();
        });
        Self { orders, events }
    }
}

fn work() {
    while let Some(Order::Run(job)) = next_order() {
        let event = match catch_unwind(AssertUnwindSafe(job)) {
            Ok(()) => Event::Done,
            Err(payload) if payload.is::<Killed>() => Event::Killed,
            Err(payload) => Event::Panicked(payload),
        };
        tell(event);
    }
}

fn next_order() -> Option<Order> {
    BATON.with_borrow(|baton| baton.as_ref()?.orders.recv().ok())
}

fn tell(event: Event) {
    BATON.with_borrow(|baton| {
        // Nobody listens once the run is over.
        let _ = baton.as_ref().map(|baton| baton.events.send(event));
    });
}

/// Lets others have their turn, if this is the thread of a job.
pub(crate) fn pause() {
    if thread::panicking() || BATON.with_borrow(Option::is_none) {
        return;
    }
    tell(Event::Paused);
    if !matches!(next_order(), Some(Order::GoOn)) {
        die();
    }
}

/// Ends whatever this thread does: its process is dead.
pub(crate) fn die() -> ! {
    resume_unwind(Box::new(Killed))
}

/// How long a turn may take on a slow machine.
const MAX_TURN: Duration = Duration::from_secs(20);
