//! Programs that read a consumer by themselves: messages come in whole runs, straight from the log, without subjects to
//! deliver to, acknowledgements, or queues between. [`Read`]

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll};

use embus_storage::error::StorageError;
use embus_storage::log::{BlockReader, Fetched, RunLimit};
use embus_storage::message::StoredMessage;

use super::Consumers;
use super::gate::Gate;
use super::index::Slot;
use crate::consumer::Read;
use crate::stream::{State, Stream};
use crate::sync::Arc;

/// What a program reads of one consumer; see [`Stream::poll_consumer`]. One that is dropped leaves the consumer as it is.
#[derive(Default)]
pub struct ConsumerReader {
    /// How many messages the consumer has delivered, all of them to this reader.
    delivered: u64,
    messages: VecDeque<StoredMessage>,
    /// Why what comes behind them cannot be read.
    failed: Option<StorageError>,
    blocks: BlockReader,
}

/// Why there is nothing more to read.
#[derive(Debug)]
pub enum ReaderEnd {
    /// The consumer is gone, or somebody else has meddled with it. One may be made anew, if the stream is there.
    Gone,
    /// The broker stops.
    Stopped,
    /// The disk said this: whoever asks again goes on where it was.
    Failed(StorageError),
}

impl ConsumerReader {
    /// Of a consumer that has delivered nothing and waits for no acknowledgements.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next message that it has taken.
    #[inline]
    pub fn next_message(&mut self) -> Option<StoredMessage> {
        self.messages.pop_front()
    }

    /// Bytes that it holds.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.messages.iter().map(|it| it.subject.len() + it.headers.len() + it.payload.len()).sum()
    }

    /// Reads what was found.
    fn fill(&mut self, found: &Read) -> Filled {
        let mut filled = Filled { tried: 0, damaged: Vec::new(), unread: None };
        let Self { messages, failed, blocks, .. } = self;
        // What comes behind one that cannot be read is not given out: that would be a gap.
        let mut add = |sequence: u64, read: Result<Fetched<'_>, StorageError>| {
            filled.tried += 1;
            match read {
                Ok(message) => messages.push_back(message.to_stored()),
                Err(StorageError::Damaged { .. }) => filled.damaged.push(sequence),
                Err(error) => (*failed, filled.unread) = (Some(error), Some(sequence)),
            }
            failed.is_none()
        };
        match found {
            Read::One(locator) => _ = add(locator.sequence(), blocks.read(locator, None)),
            Read::Run(run) => {
                let mut places = run.sequences().enumerate();
                while let Some((number, sequence)) = places.next()
                    && add(sequence, blocks.read_of(run, number, Some(run.end())))
                {}
            }
        }
        filled
    }
}

/// What came of the messages that were found.
struct Filled {
    tried: u64,
    damaged: Vec<u64>,
    /// The last one that was tried: it could not be read just now.
    unread: Option<u64>,
}

impl Stream {
    /// Has `reader`, which has nothing left, take what comes next of a pull consumer without acknowledgements that only it
    /// reads; there may be nothing in it if that is damaged. While there is nothing, the task is told when that changes.
    ///
    /// # Errors
    /// See [`ReaderEnd`].
    pub fn poll_consumer(
        self: &Arc<Self>,
        name: &str,
        reader: &mut ConsumerReader,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ReaderEnd>> {
        if let Some(error) = reader.failed.take() {
            return Poll::Ready(Err(ReaderEnd::Failed(error)));
        }
        let Some(found) = self.find_run(name, reader, cx)? else {
            // What was read last is not kept while it waits.
            reader.blocks.clear();
            return Poll::Pending;
        };
        let (found, is_sending) = found;
        let filled = reader.fill(&found);
        if is_sending || filled.unread.is_some() || !filled.damaged.is_empty() {
            self.note_read(name, reader, &filled, found.len());
        }
        Poll::Ready(Ok(()))
    }

    /// Of so many messages that were found: what was read may be removed where nobody acknowledges it, what could not be
    /// read just now comes again.
    fn note_read(self: &Arc<Self>, name: &str, reader: &mut ConsumerReader, filled: &Filled, found: u64) {
        let now = self.now();
        {
            let mut state = self.state.lock();
            let State { consumers, core, .. } = &mut *state;
            for sequence in &filled.damaged {
                core.log_mut().note_damaged(*sequence);
            }
            let slot = consumers.slot(name).filter(|slot| consumers.is_read_by(*slot, reader));
            if let Some(slot) = slot
                && let Some(member) = consumers.member_mut(slot)
            {
                if let Some(sequence) = filled.unread {
                    let number = reader.delivered.saturating_sub(found) + filled.tried;
                    member.consumer.go_back_to(sequence, number, core.log_mut(), now);
                    reader.delivered = member.consumer.consumer_sequence();
                }
                member.consumer.handle_sent();
                consumers.settle(slot, core, now);
            }
            self.arm(&mut state);
        }
        self.end_alone();
    }

    /// What comes next, and whether the stream waits until it was read.
    fn find_run(
        self: &Arc<Self>,
        name: &str,
        reader: &mut ConsumerReader,
        cx: &mut Context<'_>,
    ) -> Result<Option<(Read, bool)>, ReaderEnd> {
        let Some(router) = self.router.upgrade() else { return Err(ReaderEnd::Stopped) };
        let now = self.now();
        let mut state = self.state.lock();
        let State { consumers, core, .. } = &mut *state;
        let Some(slot) = consumers.slot(name).filter(|slot| consumers.is_read_by(*slot, reader)) else {
            return Err(ReaderEnd::Gone);
        };
        if consumers.is_closed {
            return Err(ReaderEnd::Stopped);
        }
        let mut gate = Gate::new(&router, None);
        let read = consumers.show(slot, core, &mut gate, now, |consumer, scene| consumer.read(LIMIT, scene));
        consumers.settle(slot, core, now);
        let mut is_sending = false;
        if let Some(member) = consumers.member_mut(slot) {
            reader.delivered = member.consumer.consumer_sequence();
            is_sending = member.consumer.is_sending();
            member.reader = matches!(read, Some(Ok(None))).then(|| cx.waker().clone());
        }
        let wants_pump = state.wants_pump();
        self.arm(&mut state);
        drop(state);
        if wants_pump {
            self.pump_alone();
        }
        let read = read.transpose().map(Option::flatten).map_err(ReaderEnd::Failed)?;
        Ok(read.map(|read| (read, is_sending)))
    }
}

impl Consumers {
    fn is_read_by(&self, slot: Slot, reader: &ConsumerReader) -> bool {
        let consumer = self.member(slot).map(|member| &member.consumer);
        consumer.is_some_and(|consumer| consumer.is_readable() && consumer.consumer_sequence() == reader.delivered)
    }

    /// Has the program look that waits at a consumer, if there is one.
    pub(super) fn call_reader(&mut self, slot: Slot) {
        let Some(member) = self.member_mut(slot) else { return };
        let Some(reader) = member.reader.take() else { return };
        member.consumer.handle_called();
        self.called.push(reader);
    }
}

impl fmt::Debug for ConsumerReader {
    /// Without what it has read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerReader")
            .field("delivered", &self.delivered)
            .field("held", &self.messages.len())
            .finish_non_exhaustive()
    }
}

/// What is read at once: as long as that takes, nobody else sees the stream; and so much a slow reader holds.
const LIMIT: RunLimit = RunLimit { messages: 1024, bytes: 256 * 1024 };
