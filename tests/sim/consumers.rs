//! Seeded simulation of consumers of streams on a disk that crashes: clients that ask for messages, acknowledge them,
//! refuse them, forget them and vanish; consumers that come and go; processes that are killed and power that is cut.
//! What each consumer may deliver, and must, is known from a model that goes by what clients are told: all states that a
//! consumer may be in, and those that it was in, of which a crash may bring one back.
//!
//! The same seed gives the same run: `SIM_SEED` and `SIM_SEEDS` as for the other simulations.

mod answers;
mod checks;
mod config;
mod life;
mod model;
mod process;
mod pull;
mod state;
mod stock;
mod world;

use world::{Sabotage, World};

use crate::machine::{run_all, run_world};
use crate::seeds;

/// Seeds of a test run without `SIM_SEEDS`.
const DEFAULT_SEEDS: u64 = 500;

#[test]
fn consumers_deliver_what_they_must() {
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
#[should_panic(expected = "comes after")]
fn a_repeated_delivery_is_noticed() {
    sabotaged(Sabotage::Repeat);
}

#[test]
#[should_panic(expected = "comes again, and was done")]
fn a_forgotten_acknowledgement_is_noticed() {
    sabotaged(Sabotage::Forget);
}

fn sabotaged(sabotage: Sabotage) {
    for seed in 0..20 {
        World::sabotaged(seed, sabotage).run();
    }
}

/// One run; the hash of its trace.
fn run(seed: u64) -> u64 {
    run_world(seed, "consumers_deliver", World::new(seed), |world| &world.trace, World::run)
}
