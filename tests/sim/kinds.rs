//! Seeded simulation of consumers of every kind over streams that crash: pull and push, groups, heartbeats, flow control,
//! priorities, all policies, work queues and streams that keep what is needed, clients that follow a stream in order;
//! consumers that are paused, changed, reset; streams that are purged; disks that fail, processes that are killed, power
//! that is cut.
//!
//! Beside each consumer stands a plain list of what was delivered and what was said of it. It tells what may not come;
//! and at the end, when everybody listens and acknowledges, it tells what must have come. What exactly the state of a
//! plain pull consumer is after each crash is the other simulation's. In a quarter of the runs clients over the wire put
//! commits off for others to share.
//!
//! The same seed gives the same run: `SIM_SEED` and `SIM_SEEDS` as for the other simulations.

mod answers;
mod changes;
mod config;
mod deliver;
mod finish;
mod life;
mod listeners;
mod look;
mod member;
mod ordered;
mod process;
mod pulls;
mod statuses;
mod stock;
mod talk;
mod time;
mod world;

use world::{Sabotage, World};

use crate::machine::{run_all, run_world};
use crate::seeds;

/// Seeds of a test run without `SIM_SEEDS`: half a minute on two cores.
const DEFAULT_SEEDS: u64 = 200;

#[test]
fn every_kind_delivers_what_it_must() {
    run_all(seeds(DEFAULT_SEEDS), run);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 5000..5005 {
        assert_eq!(run(seed), run(seed), "seed {seed} ran differently the second time");
    }
}

#[test]
#[should_panic(expected = "comes after")]
fn a_lost_delivery_is_noticed() {
    sabotaged(Sabotage::Lose);
}

#[test]
#[should_panic(expected = "comes again")]
fn a_forgotten_acknowledgement_is_noticed() {
    sabotaged(Sabotage::Forget);
}

#[test]
#[should_panic(expected = "although paused")]
fn a_pause_that_is_not_kept_is_noticed() {
    sabotaged(Sabotage::Pause);
}

#[test]
#[should_panic(expected = "takes no messages although")]
fn a_commit_that_is_put_off_for_ever_is_noticed() {
    sabotaged(Sabotage::Hold);
}

#[test]
fn clients_share_commits() {
    let gathered = |seed| {
        let mut world = World::new(seed);
        world.run();
        world.gathered
    };
    assert!((0..20).map(gathered).sum::<u64>() > 0);
}

fn sabotaged(sabotage: Sabotage) {
    for seed in 0..40 {
        World::sabotaged(seed, sabotage).run();
    }
}

/// One run; the hash of its trace.
fn run(seed: u64) -> u64 {
    run_world(seed, "every_kind", World::new(seed), |world| &world.trace, World::run)
}
