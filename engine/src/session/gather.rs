//! Commits that turns of this session put off, so that others share them, and their end.

use super::Session;
use crate::stream::Stream;
use crate::sync::Arc;
use crate::worker::Worker;

/// What a session has put off.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    is_allowed: bool,
    streams: Vec<Arc<Stream>>,
}

impl Session {
    /// Lets turns put commits off. From now on the caller asks after each turn whether one has, and if so calls
    /// [`end_gathering`](Self::end_gathering) as soon as all sessions that have something to read had a turn.
    pub fn allow_gathering(&mut self) {
        self.gathering.is_allowed = true;
    }

    /// Whether others wait for this session's [`end_gathering`](Self::end_gathering).
    pub fn is_gathering(&self) -> bool {
        !self.gathering.streams.is_empty()
    }

    /// Makes the commits that were put off, and has their answers sent. A turn of its own.
    pub fn end_gathering(&mut self, worker: &mut Worker) {
        if self.gathering.streams.is_empty() {
            return;
        }
        self.engine.workers().turns.begin(&worker.mark);
        for stream in self.gathering.streams.drain(..) {
            worker.batch.turn_end.note_changed(stream);
        }
        self.engine.finish_turn(worker);
        self.engine.workers().turns.end(&worker.mark);
    }

    /// The end of a turn that may put commits off.
    pub(super) fn gather_in_turn<T>(&mut self, worker: &mut Worker, end: impl FnOnce(&Self, &mut Worker) -> T) -> T {
        worker.batch.turn_end.leader = self.gathering.is_allowed.then(|| self.connection.id());
        let result = end(self, worker);
        worker.batch.turn_end.leader = None;
        self.gathering.streams.append(&mut worker.batch.turn_end.put_off);
        result
    }

    /// The same as [`end_gathering`](Self::end_gathering), where no worker is at hand.
    pub(super) fn give_up_gathering(&mut self) {
        for stream in self.gathering.streams.drain(..) {
            stream.end_alone();
        }
    }
}
