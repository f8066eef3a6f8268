//! A stream whose disk fails, is slow, or hangs.

mod deadlines;
mod gathering;
mod overload;
mod reopening;
mod telling;

use std::path::PathBuf;

use embus_storage::medium::crash::CrashMedium;

use super::consumers::tests::fixture::{Fixture, stream_config};
use super::{Done, SyncPolicy, Witness};
use crate::api::error::ApiError;
use crate::jetstream::JetStreamOptions;
use crate::stream::config::{Retention, StreamConfig};
use crate::sync::{Arc, Mutex};

fn config() -> StreamConfig {
    stream_config(Retention::Limits)
}

fn on(disk: &CrashMedium, sync: SyncPolicy, config: StreamConfig) -> Fixture {
    let (medium, dir) = (std::sync::Arc::new(disk.clone()), Some(PathBuf::from("/store")));
    Fixture::with(config, |options| JetStreamOptions { medium, dir, sync, ..options })
}

/// What somebody who waits was told, if anything.
type Told = Arc<Mutex<Option<Result<(), ApiError>>>>;

fn wait(witness: &Witness) -> Told {
    let told = Told::default();
    let heard = Arc::clone(&told);
    let done: Done = Box::new(move |result| *heard.lock() = Some(result));
    witness.after_commit(done);
    told
}

fn heard(told: &Told) -> Option<bool> {
    told.lock().as_ref().map(Result::is_ok)
}
