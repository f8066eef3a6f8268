//! Models of the concurrent primitives: loom runs every interleaving of a few threads (up to a bound of preemptions),
//! with the code that ships. Each model has a control: a broken protocol, or a broken environment, that must fail.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p embus-engine --release --test loom`
#![cfg(loom)]

mod local_queue;
mod outbox;
mod relief;

use std::task::{Context, Poll};

use loom::future::block_on;
use loom::model::Builder;

/// Preemptions per run: known bugs of this kind need two; with one more, all models together take about a minute.
const PREEMPTIONS: usize = 3;

/// Runs `model` in all interleavings.
fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}

/// Polls until ready; a wake-up that never comes is a deadlock, which loom reports.
fn wait<T>(poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    block_on(std::future::poll_fn(poll))
}
