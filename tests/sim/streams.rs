//! Seeded simulation of streams on a disk that crashes, tears and fails: a broker with streams, clients that publish,
//! remove, read, create and delete, jobs that overlap in any order, and at some call the end of the process, of the
//! power, or an error. The next broker must have all that was answered before, and nothing else.
//!
//! The same seed gives the same run: `SIM_SEED` and `SIM_SEEDS` as for the other simulation.

mod checks;
mod crew;
mod disk;
mod life;
mod loss;
mod message;
mod model;
mod process;
mod scenes;
mod slots;
mod wire;
mod world;

use std::collections::BTreeSet;
use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

use world::World;

use crate::seeds;

/// Seeds of a test run without `SIM_SEEDS`.
const DEFAULT_SEEDS: u64 = 200;

#[test]
fn streams_keep_what_they_acknowledged() {
    run_all(seeds(DEFAULT_SEEDS));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 5000..5005 {
        assert_eq!(run(seed), run(seed), "seed {seed} ran differently the second time");
    }
}

/// Runs all seeds on all cores, also behind one that fails; which thread runs a seed makes no difference to it.
fn run_all(seeds: Range<u64>) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let failed = Mutex::new(BTreeSet::new());
    let (seeds, failed_seeds) = (&seeds, &failed);
    let run_some = move |first: usize| {
        for seed in seeds.clone().skip(first).step_by(threads) {
            if catch_unwind(|| run(seed)).is_err() {
                failed_seeds.lock().unwrap_or_else(PoisonError::into_inner).insert(seed);
            }
        }
    };
    thread::scope(|scope| (0..threads).for_each(|first| drop(scope.spawn(move || run_some(first)))));
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failed.is_empty(), "seeds that failed: {failed:?}");
}

/// One run; the hash of its trace.
fn run(seed: u64) -> u64 {
    let mut world = World::new(seed);
    catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|payload| {
        eprintln!("the last lines of the run:");
        world.trace.print();
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let text = text.unwrap_or_default();
        panic!("seed {seed}: {text}\nagain: SIM_SEED={seed} cargo test -p embus-tests --test sim streams_keep");
    })
}
