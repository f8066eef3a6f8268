//! Seeded simulation of the engine: sessions and in-process clients, random operations in random pieces, readers that
//! are slow, stalled or gone, time that is moved by hand. What each client must get is known from a simple model.
//!
//! The same seed gives the same run. `SIM_SEED=n` starts at a seed (and runs that one alone), `SIM_SEEDS=n` says how
//! many seeds to run.

mod buckets;
mod client;
mod clock;
mod consumers;
mod driver;
mod expect;
mod frame;
mod kinds;
mod local;
mod machine;
mod message;
mod model;
mod ops;
mod scenario;
mod socket;
mod streams;
mod subject;
mod trace;
mod world;

use std::env;
use std::ops::Range;
use std::thread;

use world::{Sabotage, World};

/// Seeds of a test run without `SIM_SEEDS`: some ten seconds.
const DEFAULT_SEEDS: u64 = 300;

#[test]
fn every_client_gets_what_it_must() {
    for seed in seeds(DEFAULT_SEEDS) {
        run(seed, None);
    }
}

/// The seeds to run: what the environment says, else `default` of them.
fn seeds(default: u64) -> Range<u64> {
    let number =
        |name| env::var(name).ok().map(|text| text.parse::<u64>().expect("SIM_SEED and SIM_SEEDS are numbers"));
    let (first, count) = (number("SIM_SEED"), number("SIM_SEEDS"));
    let count = count.unwrap_or(if first.is_some() { 1 } else { default });
    let first = first.unwrap_or(0);
    first..first + count
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 1000..1010 {
        assert_eq!(run(seed, None), run(seed, None), "seed {seed} ran differently the second time");
    }
}

#[test]
#[should_panic(expected = "lost, or overtaken")]
fn a_lost_message_is_noticed() {
    sabotaged(Sabotage::Lose);
}

#[test]
#[should_panic(expected = "not due")]
fn a_repeated_message_is_noticed() {
    sabotaged(Sabotage::Repeat);
}

#[test]
#[should_panic(expected = "overtaken")]
fn an_overtaken_message_is_noticed() {
    sabotaged(Sabotage::Swap);
}

fn sabotaged(sabotage: Sabotage) {
    for seed in 0..20 {
        run(seed, Some(sabotage));
    }
}

/// One run; the hash of its trace.
fn run(seed: u64, sabotage: Option<Sabotage>) -> u64 {
    let mut run = Run { seed, world: World::new(seed, sabotage) };
    run.world.run()
}

/// Tells which run it was when it fails.
struct Run {
    seed: u64,
    world: World,
}

impl Drop for Run {
    fn drop(&mut self) {
        if thread::panicking() && self.world.sabotage.is_none() {
            eprintln!("the last lines of the run:");
            self.world.trace.print();
            eprintln!(
                "seed {seed} failed; again: SIM_SEED={seed} cargo test -p embus-tests --test sim every_client",
                seed = self.seed
            );
        }
    }
}
