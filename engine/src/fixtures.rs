//! What unit tests of several modules need: clients without a session, and a transport that keeps what it is given.

use std::io::{self, IoSlice};
use std::time::SystemTime;

use crate::budget::Budget;
use crate::clock::{Clock, Monotonic};
use crate::connection::{ClientId, Connection, ConnectionKind, Peer};
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
