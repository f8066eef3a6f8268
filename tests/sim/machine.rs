//! A machine that broker after broker runs on, for simulations with disks: threads that take turns, a disk that crashes,
//! clients over the wire, how a broker starts and how whatever meets its end is told.

pub(crate) mod client;
pub(crate) mod crew;
pub(crate) mod disk;
pub(crate) mod wire;

use std::collections::BTreeSet;
use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use embus_engine::jetstream::JetStreamOptions;
use embus_engine::stream::SyncPolicy;
use embus_engine::{Clock, Engine, Limits};
use embus_protocol::info::ServerInfo;
use embus_storage::medium::crash::CrashMedium;
use fastrand::Rng;

use crate::clock::ManualClock;
use crate::trace::Trace;
use crew::{Crew, Killed};
use disk::Disk;

/// The process is dead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Down;

/// Runs what may meet the end of the process.
pub(crate) fn catch<T>(act: impl FnOnce() -> T) -> Result<T, Down> {
    catch_unwind(AssertUnwindSafe(act))
        .map_err(|payload| if payload.is::<Killed>() { Down } else { resume_unwind(payload) })
}

/// Starts a broker with streams on the machine's disk. `is_hit` says that the start may fail.
pub(crate) fn boot(
    machine: &CrashMedium,
    crew: &Crew,
    clock: &Arc<ManualClock>,
    sync: SyncPolicy,
    is_hit: bool,
    rng: &mut Rng,
) -> Result<Arc<Engine>, Down> {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let engine = Engine::new(Limits::default(), ServerInfo::default(), clock, rng.u64(..));
    let options = JetStreamOptions {
        medium: Arc::new(Disk::new(machine.clone(), rng.fork())),
        dir: Some("data/store".into()),
        sync,
        max_store: Some(1 << 30),
        ..JetStreamOptions::in_memory(crew.executor())
    };
    let started = catch(|| engine.start_jetstream(options))?;
    if let Err(error) = &started {
        assert!(is_hit, "no start: {error}");
        return Err(Down);
    }
    let jetstream = engine.jetstream().ok_or(Down)?;
    let unreadable = catch(|| jetstream.unreadable())?;
    // One that came up of two with one name is left alone.
    if unreadable.iter().any(|stream| !stream.reason.starts_with("a newer stream")) {
        assert!(is_hit, "{unreadable:?}");
        return Err(Down);
    }
    Ok(engine)
}

/// Runs all seeds on all cores, also behind one that fails; which thread runs a seed makes no difference to it.
pub(crate) fn run_all(seeds: Range<u64>, run: fn(u64) -> u64) {
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

/// One run of a world; when it fails, what happened last is told, and how to have it again by the `name` of a test.
pub(crate) fn run_world<W>(
    seed: u64,
    name: &str,
    mut world: W,
    trace: impl Fn(&W) -> &Trace,
    run: impl FnOnce(&mut W) -> u64,
) -> u64 {
    catch_unwind(AssertUnwindSafe(|| run(&mut world))).unwrap_or_else(|payload| {
        eprintln!("the last lines of the run:");
        trace(&world).print();
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let text = text.unwrap_or_default();
        panic!("seed {seed}: {text}\nagain: SIM_SEED={seed} cargo test -p embus-tests --test sim {name}");
    })
}
