//! Seeded simulation of a bucket on a disk that crashes: programs that put, create, update, delete, purge, read and list at
//! the same time, entries that expire, jobs that overlap in any order, and at some call the end of the process or of the
//! power. Histories must be what a simple model says, at any time and after each end.
//!
//! What runs is `embus-kv` itself, over messages to an engine without sockets or runtime. The same seed gives the same run:
//! `SIM_SEED` and `SIM_SEEDS` as for the other simulations.

mod bucket;
mod change;
mod checks;
mod life;
mod model;
mod program;
mod world;

use world::{Sabotage, World};

use crate::machine::{run_all, run_world};
use crate::seeds;

/// Seeds of a test run without `SIM_SEEDS`: some five seconds on two cores.
const DEFAULT_SEEDS: u64 = 400;

#[test]
fn buckets_are_what_was_acknowledged() {
    run_all(seeds(DEFAULT_SEEDS), run);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 9000..9005 {
        assert_eq!(run(seed), run(seed), "seed {seed} ran differently the second time");
    }
}

#[test]
#[should_panic(expected = "is not in its history")]
fn a_lost_entry_is_noticed() {
    sabotaged(Sabotage::LoseEntry);
}

#[test]
#[should_panic(expected = "is not listed")]
fn a_key_that_is_not_listed_is_noticed() {
    sabotaged(Sabotage::LoseKey);
}

fn sabotaged(sabotage: Sabotage) {
    for seed in 0..20 {
        World::new(seed, Some(sabotage)).run();
    }
}

/// One run; the hash of its trace.
fn run(seed: u64) -> u64 {
    run_world(seed, "buckets_are", World::new(seed, None), |world| &world.trace, World::run)
}
