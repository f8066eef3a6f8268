//! The log of one stream: append, read, remove, commit.
//!
//! A [`Log`] is a synchronous state machine: changes happen in memory at once, and reach the disk through a [`Commit`] that
//! [`Log::take_commit`] hands out, any thread runs, and [`Log::finish_commit`] takes back. Segments and records are drawn
//! in [`segment`](crate::segment) and [`record`](crate::record). Nothing is ever written in place but tail marks, which
//! are hints.

mod append;
mod block_reader;
mod close;
mod commit;
mod description;
mod evicted;
mod files;
mod found;
mod handover;
mod locator;
mod options;
mod pending;
mod per_subject;
mod ranges;
mod read;
mod recover;
mod removals;
mod remove;
mod run;
mod search;
mod segments;
mod tail;
mod times;
mod trim;
mod undone;
mod upkeep;
mod watch;
mod within;

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

pub use crate::subject_index::MAX_WARM;
pub use block_reader::{BlockReader, Fetched, MAX_BLOCK_BYTES};
use commit::Closed;
pub use commit::{Commit, Committed};
pub use description::Describe;
pub use evicted::Evicted;
use files::{Place, SegmentFile};
use handover::Durable;
pub use locator::Locator;
pub use options::{Accounting, LogOptions};
use pending::{Chunk, Pending};
use removals::{Removals, Single};
pub use run::{Run, RunEnd, RunLimit};
use segments::Segment;
use tail::Unproven;
use times::FirstTimes;
pub use undone::Undone;
use upkeep::Keeper;
pub use upkeep::{Kept, Upkeep};
pub use watch::RemovalMark;
use watch::Watch;

use crate::error::StorageError;
use crate::medium::Medium;
use crate::message::Timestamp;
use crate::record::Salt;
use crate::segment::SegmentHeader;
use crate::subject_index::SubjectIndex;

/// One stream's messages. Changes are visible in it at once; they are durable when the [`Commit`] that carries them has
/// run. A reader that must not see what a power cut may take back waits for [`Log::position`] to be committed.
#[derive(Debug)]
pub struct Log {
    place: Arc<Place>,
    options: LogOptions,
    /// By base, never empty; the last one is appended to.
    segments: VecDeque<Segment>,
    subjects: SubjectIndex,
    messages: u64,
    bytes: u64,
    /// Of the oldest live message; one beyond the last without any.
    first_sequence: u64,
    last_sequence: u64,
    last_time: Timestamp,
    first_times: FirstTimes,
    lost_messages: u64,
    lost_bytes: u64,
    /// Records that no commit has taken yet.
    pending: Pending,
    /// What was removed since the last commit and is not in a record yet.
    removals: Removals,
    /// What was, but only once.
    single: Single,
    /// The next commit writes the description down once more.
    is_described_anew: bool,
    /// The commit that is under way, for reads of what it writes. After a failure it stays.
    in_flight: Option<Arc<Vec<Chunk>>>,
    /// A buffer for the commit after the next.
    spare: Vec<u8>,
    position: Position,
    /// What was not synced may be undone.
    is_after_power_cut: bool,
    /// The commit that covers this covers all removals so far.
    removed_at: Position,
    /// What the last commit that was taken covers.
    taken: Position,
    committed: Position,
    durable: Durable,
    /// Segments that were closed by the last commit, with their last marks.
    continued: Vec<Closed>,
    /// Files that nothing needs any more once the next commit has run.
    doomed: Vec<Arc<SegmentFile>>,
    /// The end of the last segment is in doubt: it must not be appended to.
    unproven: Option<Unproven>,
    next_generation: u32,
    /// What is known of the work in the background.
    keeper: Keeper,
    /// What was removed lately, if somebody wants to know.
    watch: Option<Box<Watch>>,
    /// What the next commit has to take back before anything else.
    undone: Undone,
    /// What limits took that are not in force any more.
    evicted: Option<Evicted>,
    /// Why no change is taken any more.
    failed: Option<StorageError>,
}

/// A summary of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// Live messages.
    pub messages: u64,
    /// What they count as.
    pub bytes: u64,
    /// Sequence of the oldest live message; one beyond the last when there is none; 0 before the first one ever.
    pub first_sequence: u64,
    /// Its time; 0 without messages.
    pub first_time: Timestamp,
    /// The sequence given out last.
    pub last_sequence: u64,
    /// When that was; 0 before the first one.
    pub last_time: Timestamp,
    /// Subjects with live messages.
    pub subjects: u64,
    /// Sequences between first and last that hold no message.
    pub deleted: u64,
    /// Messages that damage took.
    pub lost_messages: u64,
    /// Bytes of the files that were not understood.
    pub lost_bytes: u64,
}

/// A message to append.
#[derive(Debug, Clone, Copy)]
pub struct Append<'a> {
    /// When; raised to the time of the message before it if it lies behind that.
    pub time: Timestamp,
    /// Where it was published: 1 to 65,535 bytes.
    pub subject: &'a [u8],
    /// The raw header block, empty without headers: up to 65,535 bytes.
    pub headers: &'a [u8],
    /// The body.
    pub payload: &'a [u8],
    /// Carried in the record for whoever replays the log: that `headers` hold something it must look at.
    pub marked: bool,
    /// Oldest messages of the same subject that this one replaces, decided by the caller from `Log::subject`.
    pub evict: u64,
}

/// How far changes have come; ordered. A commit makes everything up to its own position durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

/// What a recovery hands to the owner of a log, in order, for each live-or-dead message that it reads: those behind the
/// checkpoint, after the checkpoint's own `notes`.
pub trait Replay {
    /// The `notes` of the checkpoint that the recovery started from.
    fn notes(&mut self, notes: &[u8]);
    /// A message that was appended with `marked`.
    fn message(&mut self, sequence: u64, time: Timestamp, subject: &[u8], headers: &[u8]);
}

impl Log {
    /// A new log in the directory, which exists and is empty. Nothing is durable yet: the first commit makes it so.
    pub fn create(medium: Arc<dyn Medium>, dir: PathBuf, options: LogOptions) -> Result<Self, StorageError> {
        Ok(Self::new(Place::new(medium, dir), options, 0, 0))
    }

    /// Recovers the log in the directory: from its checkpoint and the tail behind that, or from all its segments. Writes
    /// nothing: that works on a full disk.
    ///
    /// # Errors
    /// What the disk says, and [`StorageError::NewerFormat`]; damage is not an error.
    pub fn open(
        medium: Arc<dyn Medium>,
        dir: PathBuf,
        options: LogOptions,
        replay: &mut dyn Replay,
    ) -> Result<Self, StorageError> {
        Self::reopen(medium, dir, options, Undone::default(), replay)
    }

    /// The same in place of a log that has failed, whose commits left something on the disk, maybe, that never happened.
    pub fn reopen(
        medium: Arc<dyn Medium>,
        dir: PathBuf,
        options: LogOptions,
        undone: Undone,
        replay: &mut dyn Replay,
    ) -> Result<Self, StorageError> {
        let place = Place::new(medium, dir);
        found::sweep(&place);
        recover::Recovery::run(place, options, undone, replay)
    }

    /// What failed commits left behind, for [`reopen`](Self::reopen).
    pub fn undone(&self) -> Undone {
        Undone { evicted: self.evicted, ..self.undone.clone() }
    }

    /// Takes new options; segments to come carry the new description, those there are after
    /// [`note_description`](Self::note_description).
    pub fn set_options(&mut self, options: LogOptions) {
        let recount = self.options.accounting != options.accounting;
        self.options = options.clamped();
        if recount {
            self.tally();
        }
    }

    /// A summary. Costs little: at most, when the first message has changed, a small read for its time.
    pub fn state(&self) -> State {
        let span = match self.messages {
            0 => 0,
            _ => self.last_sequence - self.first_sequence + 1,
        };
        State {
            messages: self.messages,
            bytes: self.bytes,
            first_sequence: self.first_sequence(),
            first_time: self.first_time(),
            last_sequence: self.last_sequence,
            last_time: self.last_time,
            subjects: self.subjects.len() as u64,
            deleted: span - self.messages,
            lost_messages: self.lost_messages,
            lost_bytes: self.lost_bytes,
        }
    }

    /// Live messages. Costs nothing.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// What the live messages count as. Costs nothing.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// As in [`State`]. Costs nothing.
    pub fn first_sequence(&self) -> u64 {
        if self.last_sequence == 0 { 0 } else { self.first_sequence }
    }

    /// The sequence given out last. Costs nothing.
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// The time of the message appended last; 0 before the first one. Costs nothing.
    pub fn last_time(&self) -> Timestamp {
        self.last_time
    }

    /// How far changes have come, uncommitted ones included.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Everything up to here is written (and synced, if its commit was asked to).
    pub fn committed(&self) -> Position {
        self.committed
    }

    /// What the last commit that was taken covers: it is under way, or over.
    pub fn taken(&self) -> Position {
        self.taken
    }

    /// Whether something that was removed is there again if what is not committed comes to nothing.
    #[inline]
    pub fn has_unsettled_removals(&self) -> bool {
        self.removed_at.min(self.position) > self.committed
    }

    /// Whether it was recovered after the power was cut, or the machine was started anew, since it was last committed: then
    /// what was not synced may be undone, removals as well as messages.
    pub fn is_after_power_cut(&self) -> bool {
        self.is_after_power_cut
    }

    /// Bytes that wait for a commit.
    pub fn pending_bytes(&self) -> usize {
        self.pending.bytes()
    }

    /// Whether something written is not synced. After a recovery: whether something is not known to be.
    pub fn is_dirty(&self) -> bool {
        self.durable.dirty
    }

    /// Why the log takes no changes any more, if it does not.
    pub fn failure(&self) -> Option<&StorageError> {
        self.failed.as_ref()
    }

    /// An empty log whose next message comes behind `last_sequence`; its first commit makes a segment.
    fn new(place: Arc<Place>, options: LogOptions, last_sequence: u64, generation: u32) -> Self {
        let header = SegmentHeader::new(random_salt(), last_sequence.saturating_add(1));
        let (segment, chunk) = Segment::begin(&place, header, generation, &*options.description, 0);
        let durable = Durable { reserve: handover::MIN_RESERVE, boot_id: place.medium.boot_id(), ..Durable::default() };
        Self {
            place,
            options: options.clamped(),
            segments: VecDeque::from([segment]),
            subjects: SubjectIndex::new(),
            messages: 0,
            bytes: 0,
            first_sequence: last_sequence.saturating_add(1),
            last_sequence,
            last_time: 0,
            first_times: FirstTimes::default(),
            lost_messages: 0,
            lost_bytes: 0,
            pending: Pending { closed: Vec::new(), active: chunk },
            removals: Removals::default(),
            single: Single::default(),
            is_described_anew: false,
            in_flight: None,
            spare: Vec::new(),
            position: Position(1),
            removed_at: Position(0),
            taken: Position(0),
            committed: Position(0),
            durable,
            continued: Vec::new(),
            doomed: Vec::new(),
            unproven: None,
            next_generation: generation.saturating_add(1),
            keeper: Keeper::default(),
            watch: None,
            undone: Undone::default(),
            is_after_power_cut: false,
            evicted: None,
            failed: None,
        }
    }

    /// The segment that is appended to.
    fn active(&self) -> &Segment {
        self.segments.back().expect("a log has a segment")
    }

    /// Counts everything anew.
    fn tally(&mut self) {
        let segments = self.segments.iter();
        let live = segments.flat_map(|segment| segment.entries.iter()).filter(|entry| entry.subject.is_some());
        let (messages, bytes) =
            live.fold((0, 0), |(messages, bytes), entry| (messages + 1, bytes + self.size(entry.extent)));
        (self.messages, self.bytes) = (messages, bytes);
        let position = self.position;
        self.drop_front();
        // Files that go need no commit of their own here.
        self.position = position;
    }
}

/// A salt that nobody can guess who might want to publish what looks like a record.
pub(crate) fn random_salt() -> Salt {
    Salt(RandomState::new().hash_one(0_u8))
}
