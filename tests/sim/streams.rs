//! Seeded simulation of streams on a disk that crashes, tears and fails: a broker with streams, clients that publish,
//! remove, read, create and delete, jobs that overlap in any order, and at some call the end of the process, of the
//! power, or an error. The next broker must have all that was answered before, and nothing else.
//!
//! The same seed gives the same run: `SIM_SEED` and `SIM_SEEDS` as for the other simulation.

mod checks;
mod life;
mod loss;
mod message;
mod model;
mod process;
mod scenes;
mod slots;
mod world;

use world::World;

use crate::machine::{run_all, run_world};
use crate::seeds;

/// Seeds of a test run without `SIM_SEEDS`: half a minute on two cores.
const DEFAULT_SEEDS: u64 = 2_000;

#[test]
fn streams_keep_what_they_acknowledged() {
    run_all(seeds(DEFAULT_SEEDS), run);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 5000..5005 {
        assert_eq!(run(seed), run(seed), "seed {seed} ran differently the second time");
    }
}

/// One run; the hash of its trace.
fn run(seed: u64) -> u64 {
    run_world(seed, "streams_keep", World::new(seed), |world| &world.trace, World::run)
}
