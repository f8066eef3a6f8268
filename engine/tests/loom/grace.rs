//! Behind a grace period nothing comes any more of interest that was taken back, and who waits for one is woken.

use std::sync::Arc;

use embus_engine::grace::{Mark, Turns};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::{Task, check};

/// One subscription, and what came of it.
struct World {
    turns: Turns,
    wanted: AtomicBool,
    /// Set when the client was told that nothing more comes.
    replied: AtomicBool,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self { turns: Turns::new(), wanted: AtomicBool::new(true), replied: AtomicBool::new(false) })
    }

    fn match_now(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// Hands out what was staged: too late if the client was told the end.
    fn deliver(&self, matched: bool) {
        if matched {
            assert!(!self.replied.load(Ordering::Acquire), "a message behind the reply");
        }
    }
}

/// A turn as a worker runs it.
fn turn(world: &World, mark: &Mark) {
    world.turns.begin(mark);
    let matched = world.match_now();
    world.deliver(matched);
    world.turns.end(mark);
}

/// A turn that matches before it tells that it has begun.
fn hasty_turn(world: &World, mark: &Mark) {
    let matched = world.match_now();
    world.turns.begin(mark);
    world.deliver(matched);
    world.turns.end(mark);
}

/// One session takes its interest back while others are in turns.
fn take_back(turns: usize, turn: fn(&World, &Mark)) {
    let world = World::new();
    let workers: Vec<_> = (0..turns)
        .map(|_| {
            let (world, mark) = (Arc::clone(&world), world.turns.enroll());
            thread::spawn(move || turn(&world, &mark))
        })
        .collect();
    let task = Task::new();
    world.wanted.store(false, Ordering::Release);
    let grace = world.turns.start_grace();
    let reply = |task: &Task| {
        let passed = task.poll(|cx| world.turns.poll_passed(grace, cx)).is_some();
        if passed {
            world.replied.store(true, Ordering::Release);
        }
        passed
    };
    let passed = reply(&task);
    for worker in workers {
        worker.join().unwrap();
    }
    assert!(passed || reply(&task), "nobody woke the one who waits");
}

#[test]
fn nothing_comes_behind_the_reply() {
    check(|| take_back(1, turn));
}

#[test]
fn nothing_comes_behind_the_reply_of_two_turns() {
    check(|| take_back(2, turn));
}

#[test]
#[should_panic(expected = "a message behind the reply")]
fn control_a_turn_that_matches_before_it_begins() {
    check(|| take_back(1, hasty_turn));
}

#[test]
#[should_panic(expected = "nobody woke")]
fn control_a_turn_that_never_ends() {
    check(|| take_back(1, |world, mark| world.turns.begin(mark)));
}
