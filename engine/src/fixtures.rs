//! What unit tests of several modules need: clients without a session, a transport that keeps what it is given, and damage.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::path::Path;
use std::time::{Duration, SystemTime};

use embus_storage::medium::Medium;
use embus_storage::medium::crash::CrashMedium;
use embus_storage::message::Timestamp;

use crate::budget::Budget;
use crate::clock::{Clock, Monotonic};
use crate::connection::{ClientId, Connection, ConnectionKind, Peer};
use crate::jobs::{Executor, Job};
use crate::outbox::{Outbox, Transport};
use crate::subscription::{Sid, Subscription};
use crate::sync::{Arc, Mutex};

/// A transport that takes everything.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<u8>>);

impl Recorder {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock()).into_owned()
    }

    /// What came since the last call.
    pub(crate) fn take(&self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut *self.0.lock())).into_owned()
    }
}

impl Transport for Recorder {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let all = slices.iter().map(|slice| &**slice).collect::<Vec<_>>().concat();
        self.0.lock().extend_from_slice(&all);
        Ok(all.len())
    }

    fn wake_owner(&self) {}
}

/// A clock that stands still.
#[derive(Debug)]
pub(crate) struct Noon;

impl Clock for Noon {
    fn monotonic(&self) -> Monotonic {
        Monotonic::default()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

/// A clock that is set by hand, in nanoseconds.
#[derive(Debug)]
pub(crate) struct ByHandClock(pub(crate) Mutex<Timestamp>);

impl Clock for ByHandClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic::default()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(*self.0.lock()).unwrap())
    }
}

/// Keeps jobs until the test runs them.
#[derive(Default)]
pub(crate) struct ByHand(Mutex<VecDeque<Job>>);

impl fmt::Debug for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByHand")
    }
}

impl Executor for ByHand {
    fn spawn(&self, job: Job) {
        self.0.lock().push_back(job);
    }
}

impl ByHand {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Runs them, and those that come of them.
    pub(crate) fn run(&self) {
        while self.run_one() {}
    }

    /// Runs the oldest one; says whether there was one.
    pub(crate) fn run_one(&self) -> bool {
        let job = self.0.lock().pop_front();
        job.map(|job| job()).is_some()
    }
}

/// An outbox in `slot` and what is written through it.
pub(crate) fn outbox(slot: u32) -> (Arc<Outbox>, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let transport = Arc::clone(&recorder) as Arc<dyn Transport>;
    (Arc::new(Outbox::new(slot, 1 << 20, Arc::new(Budget::new(1 << 20)), transport)), recorder)
}

/// A wire client.
pub(crate) fn connection(number: u32) -> Arc<Connection> {
    let peer = Peer { kind: ConnectionKind::Stream, host: String::new(), port: 0 };
    Arc::new(Connection::wire(ClientId(number.into()), peer, &Noon, outbox(number).0))
}

/// A subscription of `connection`.
pub(crate) fn subscription(
    connection: &Arc<Connection>,
    sid: &str,
    filter: &str,
    queue: Option<&str>,
) -> Arc<Subscription> {
    let sid = Sid::from(sid.as_bytes());
    let (filter, queue) = (Arc::from(filter.as_bytes()), queue.map(str::as_bytes));
    Arc::new(Subscription::new(sid, filter, queue, Arc::clone(connection), None))
}

/// Changes these bytes wherever they lie below a directory; says whether they did.
pub(crate) fn flip(disk: &CrashMedium, dir: &Path, bytes: &[u8]) -> bool {
    let names = disk.list(dir).unwrap_or_default();
    names.iter().fold(false, |found, name| {
        let path = dir.join(name);
        flip_in_file(disk, &path, bytes) | flip(disk, &path, bytes) | found
    })
}

fn flip_in_file(disk: &CrashMedium, path: &Path, bytes: &[u8]) -> bool {
    let Ok(file) = disk.open(path) else { return false };
    let mut content = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    let length = file.read_at(&mut content, 0).unwrap();
    let Some(at) = content[..length].windows(bytes.len()).position(|window| window == bytes) else { return false };
    let flipped: Vec<_> = bytes.iter().map(|byte| !byte).collect();
    file.write_at(&flipped, at as u64).unwrap() == flipped.len()
}
