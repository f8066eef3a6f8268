//! Work in the background: checkpoints, and closed segments that are written anew. See
//! [`compaction`](crate::compaction) for the rules.
//!
//! What is to be done is decided, and what it is made from copied, on the owner's turn. It may only reach the disk when all
//! that was decided by then is durable: a checkpoint must not know of messages that a power cut takes, and a message must
//! not go whose death a power cut undoes. So it waits for a commit that syncs, and asks for one, see `wants_sync`.

mod look;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::files::{Place, SegmentFile};
use super::segments::{Messages, Segment};
use super::{Log, Position, random_salt};
use crate::checkpoint::{self, Checkpoint, SegmentRef, Summary};
use crate::compaction::{Outcome, Plan, Rewritten, Source};
use crate::entries::Entries;
use crate::error::StorageError;
use crate::segment::{RECORDS_START, SegmentName};

/// Disk work in the background: closed segments that are written anew, without their dead records or compressed, or a
/// checkpoint.
#[derive(Debug)]
pub struct Upkeep {
    place: Arc<Place>,
    work: Work,
}

/// What an [`Upkeep`] came to.
#[derive(Debug)]
pub struct Kept(Done);

#[derive(Debug)]
enum Work {
    Save { bytes: Vec<u8>, saved: Saved },
    Rewrite(Plan),
}

#[derive(Debug)]
enum Done {
    Saved(Result<Saved, StorageError>),
    Rewrite(Outcome),
}

impl Upkeep {
    /// Does it. Blocks.
    pub fn run(self) -> Kept {
        let Place { medium, dir, .. } = &*self.place;
        Kept(match self.work {
            Work::Save { bytes, saved } => Done::Saved(checkpoint::save(&**medium, dir, &bytes).map(|()| saved)),
            Work::Rewrite(plan) => Done::Rewrite(plan.run(&**medium, dir)),
        })
    }
}

/// What a log knows of its upkeep.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    stage: Stage,
    saved: Saved,
    /// What is worth knowing of some segments.
    remarks: BTreeMap<SegmentName, Remark>,
    /// Looking for work costs a little per segment: it is done again when the log changed so far, or there is one more.
    next_look: (Position, usize),
    /// What failed is not tried again before so many changes: a disk that refuses is not asked without end.
    not_before: Position,
    /// Files of which only marked messages matter, until a checkpoint knows of these.
    held: Vec<Held>,
}

/// A file without live messages.
#[derive(Debug)]
struct Held {
    file: Arc<SegmentFile>,
    /// The base of the segment behind it.
    until: u64,
    bytes: u64,
}

/// The checkpoint that is on the disk.
#[derive(Debug, Clone, Copy)]
struct Saved {
    last_sequence: u64,
    /// The segment that was appended to, and where it ended.
    base: u64,
    end: u32,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Idle,
    /// For everything up to the position to be durable.
    Waiting(Position, Wanted),
    Running,
}

#[derive(Debug)]
enum Wanted {
    Save {
        bytes: Vec<u8>,
        saved: Saved,
    },
    /// Segments, with the messages that were live then.
    Rewrite(Vec<(SegmentName, Entries)>),
}

#[derive(Debug, Clone, Copy)]
enum Remark {
    /// What is in it beside messages: where they begin, and how many bytes are facts.
    Rewritten { start: u32, facts: u32 },
    /// It does not read as it should.
    Unfit,
}

impl Default for Saved {
    fn default() -> Self {
        Self { last_sequence: 0, base: 0, end: RECORDS_START }
    }
}

impl Keeper {
    /// Of a log that was recovered from this checkpoint.
    pub(super) fn recovered(checkpoint: &Checkpoint) -> Self {
        let active = checkpoint.segments.last();
        let (base, end) = active.map_or((0, RECORDS_START), |segment| (segment.name.base, segment.end));
        let saved = Saved { last_sequence: checkpoint.summary.last_sequence, base, end };
        Self { saved, ..Self::default() }
    }

    /// Whether work waits for what is written to be synced.
    pub(super) fn wants_sync(&self) -> bool {
        matches!(self.stage, Stage::Waiting(..))
    }
}

impl Log {
    /// Background work that is worth doing now; `notes` are what the owner wants back from a checkpoint. At most one is
    /// under way; before the log is opened anew it has to have come to its end.
    ///
    /// Worth asking behind each commit. Some work waits until all that was done so far is synced, whatever the policy: then
    /// this returns nothing, the next [`take_commit`](Log::take_commit) syncs, and behind that commit the work is given
    /// out.
    pub fn take_upkeep(&mut self, notes: &mut dyn FnMut() -> Vec<u8>) -> Option<Upkeep> {
        if self.failed.is_some() || self.position < self.keeper.not_before {
            return None;
        }
        if matches!(self.keeper.stage, Stage::Idle) {
            let wanted = self.look(notes)?;
            self.keeper.stage = Stage::Waiting(self.position, wanted);
        }
        let is_durable = |position| self.committed >= position && !self.durable.dirty;
        match std::mem::take(&mut self.keeper.stage) {
            Stage::Waiting(position, wanted) if is_durable(position) => {
                let work = self.work(wanted)?;
                self.keeper.stage = Stage::Running;
                Some(Upkeep { place: Arc::clone(&self.place), work })
            }
            stage => {
                self.keeper.stage = stage;
                None
            }
        }
    }

    /// Takes the outcome in.
    pub fn finish_upkeep(&mut self, kept: Kept) {
        self.keeper.stage = Stage::Idle;
        self.keeper.next_look = (Position(0), 0);
        match kept.0 {
            Done::Saved(Ok(saved)) => self.saved(saved),
            Done::Rewrite(Outcome::Done(rewritten)) => self.install(&rewritten),
            Done::Rewrite(Outcome::Unfit { name }) => {
                tracing::warn!(segment = %name.file_name(), "a segment is damaged and stays as it is");
                self.keeper.remarks.insert(name, Remark::Unfit);
            }
            Done::Rewrite(Outcome::Uncertain(error)) => self.failed = Some(error),
            Done::Saved(Err(error)) | Done::Rewrite(Outcome::Failed(error)) => {
                tracing::warn!(%error, "upkeep of a stream failed, to be tried again later");
                self.keeper.not_before = Position(self.position.0.saturating_add(RETRY_CHANGES));
            }
        }
    }

    /// Writes a checkpoint at once, unless there is hardly anything that the last one does not know of. Everything is
    /// committed and synced.
    pub(super) fn save_checkpoint(&mut self, notes: &[u8]) -> Result<(), StorageError> {
        let is_worth_it = self.unproven.is_none() && self.appended_since_saved() >= MIN_SAVED_BYTES;
        if !self.place.persistent || !is_worth_it {
            return Ok(());
        }
        let (bytes, saved) = self.checkpoint(notes);
        checkpoint::save(&*self.place.medium, &self.place.dir, &bytes)?;
        self.saved(saved);
        Ok(())
    }

    /// Lets go of a segment at the front in which nothing is live any more. The next commit says that the floor has risen,
    /// then the file goes; but if it holds messages that a replay has to hand out, only once a checkpoint knows of them.
    pub(super) fn let_go(&mut self, segment: Segment, until: u64) {
        let Segment { file, end, marked, .. } = segment;
        self.keeper.remarks.remove(&file.name);
        if marked && self.place.persistent && until > self.keeper.saved.last_sequence + 1 {
            self.keeper.held.push(Held { file, until, bytes: end.into() });
        } else {
            self.doomed.push(file);
        }
        self.position.0 += 1;
    }

    /// There is a new checkpoint.
    fn saved(&mut self, saved: Saved) {
        self.keeper.saved = saved;
        let held = self.keeper.held.extract_if(.., |held| held.until <= saved.last_sequence + 1);
        let before = self.doomed.len();
        self.doomed.extend(held.map(|held| held.file));
        self.position.0 += u64::from(self.doomed.len() > before);
    }

    fn checkpoint(&self, notes: &[u8]) -> (Vec<u8>, Saved) {
        let summary = Summary {
            last_sequence: self.last_sequence,
            last_time: self.last_time,
            floor: self.first_sequence,
            reserved_to: self.durable.reserved_to,
            lost_messages: self.lost_messages,
            lost_bytes: self.lost_bytes,
        };
        let segment = |segment: &'_ Segment| (segment.file.name, segment.header.salt, segment.end);
        let segments = self.segments.iter().map(|it| {
            let (name, salt, end) = segment(it);
            SegmentRef { name, salt, end, entries: &it.entries }
        });
        let bytes = checkpoint::encode(&summary, segments, &self.subjects, notes);
        let (base, end) = self.segments.back().map_or((0, RECORDS_START), |active| (active.base(), active.end));
        let saved = Saved { last_sequence: self.last_sequence, base, end };
        (bytes, saved)
    }

    /// Makes what was wanted into work; nothing if it was overtaken by what happened since.
    fn work(&mut self, wanted: Wanted) -> Option<Work> {
        let sources = match wanted {
            Wanted::Save { bytes, saved } => return Some(Work::Save { bytes, saved }),
            Wanted::Rewrite(sources) => sources,
        };
        let start = self.segments.iter().position(|segment| segment.file.name == sources[0].0)?;
        let until = self.segments.get(start + sources.len())?.base();
        let segments = self.segments.range(start..start + sources.len());
        let sources = sources.into_iter().zip(segments).map(|((name, entries), segment)| {
            let file = Arc::clone(segment.file.file().ok()?);
            Some(Source { name, header: segment.header.clone(), file, end: segment.end, entries })
        });
        let sources: Vec<_> = sources.collect::<Option<_>>()?;
        let generation = self.next_generation;
        self.next_generation = self.next_generation.saturating_add(1);
        Some(Work::Rewrite(Plan {
            sources,
            until,
            earlier: self.wasteful_before(start),
            generation,
            salt: random_salt(),
            description: self.options.description.describe().into(),
            compress: self.options.compress,
        }))
    }

    /// The sequences of the segments in front of a place that have dead records.
    fn wasteful_before(&self, place: usize) -> Vec<(u64, u64)> {
        let behind = self.segments.iter().skip(1).map(Segment::base);
        let segments = self.segments.iter().zip(behind).take(place);
        let wasteful = segments.filter(|(segment, _)| segment.has_dead());
        let wasteful = wasteful.map(|(segment, until)| (segment.base(), until));
        let front = self.segments.front().map(|first| (0, first.base())).filter(|_| self.has_files_in_front());
        front.into_iter().chain(wasteful).collect()
    }

    /// Puts a new file in the place of those that it stands for.
    fn install(&mut self, rewritten: &Rewritten) {
        // Some at the front may have been let go of in the meantime, because nothing in them was live any more.
        let is_replaced = |segment: &Segment| rewritten.replaces.contains(&segment.file.name);
        let (name, header, end) = (rewritten.name, rewritten.header.clone(), rewritten.end);
        let len = u64::from(end);
        let file = SegmentFile::opened(Arc::clone(&self.place), name, header.salt, Arc::clone(&rewritten.file), len);
        self.position.0 += 1;
        let Some(start) = self.segments.iter().position(is_replaced) else { return self.doomed.push(file) };
        let count = self.segments.iter().filter(|segment| is_replaced(segment)).count();
        let messages = Messages(&self.segments);
        let entries = rewritten.entries(|sequence| messages.get(sequence)?.subject);
        for old in self.segments.drain(start..start + count) {
            self.keeper.remarks.remove(&old.file.name);
            self.doomed.push(old.file);
        }
        self.segments.insert(start, Segment { file, header, entries, end, marked: false });
        let remark = Remark::Rewritten { start: rewritten.start, facts: rewritten.facts };
        self.keeper.remarks.insert(name, remark);
        self.drop_front();
    }
}

/// What a recovery reads faster than a checkpoint is written.
const MIN_SAVED_BYTES: u64 = 64 * 1024;
/// Changes until something that failed is tried again.
const RETRY_CHANGES: u64 = 1024;
