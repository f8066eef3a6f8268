//! Where the messages of one segment lie: the offset, the length and the subject of each record, by sequence.
//!
//! Twelve bytes per message, in an array over the sequences from the first one on. When records are missing from a
//! segment (a compaction left them out, or there is a gap in the sequences), and they are more than a few, the sequences
//! are listed instead: then it is sixteen per message, however far apart the sequences are. Memory is bounded by the
//! records that lie in the file either way.

mod image;
mod scan;
mod within;

use crate::record::Extent;
use crate::subject_index::{Choice, SubjectId};

/// Where one message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its sequence.
    pub sequence: u64,
    /// Where its record lies.
    pub extent: Extent,
    /// Its subject; nothing if the message was removed.
    pub subject: Option<SubjectId>,
}

/// What is known of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A message.
    Live(Entry),
    /// A record of a message that was removed.
    Deleted(Entry),
    /// No record.
    Absent,
}

/// The messages of one segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    /// The sequence that all others count from.
    base: u64,
    /// One behind the last sequence that it knows of.
    end: u64,
    extents: Vec<Extent>,
    /// Beside the extents, because reads look for subjects: an id, or [`DELETED`] or [`ABSENT`].
    subjects: Vec<u32>,
    /// Sequences less the base, ascending, if these do not simply count up from zero.
    sparse: Option<Vec<u32>>,
    /// Nothing is live in front of this place.
    front: usize,
    live: usize,
    live_bytes: u64,
    absent: usize,
}

impl Entries {
    /// Of a segment that begins with sequence `base`. It allocates nothing.
    pub fn new(base: u64) -> Self {
        Self { base, end: base, ..Self::default() }
    }

    /// The sequence that the segment begins with.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// One behind the last sequence that it knows of, a message's or the end of a gap.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The sequence of the last message record, dead or not.
    pub fn last_record(&self) -> Option<u64> {
        self.entry(self.subjects.len().checked_sub(1)?).map(|entry| entry.sequence)
    }

    /// Live messages.
    pub fn live(&self) -> usize {
        self.live
    }

    /// Bytes of the records of live messages.
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Message records that lie in the file, dead ones included.
    pub fn records(&self) -> usize {
        self.subjects.len() - self.absent
    }

    /// Adds a message behind all others. Says whether it could: its sequence must be new, and within 2³² of the base.
    pub fn push(&mut self, sequence: u64, extent: Extent, subject: SubjectId) -> bool {
        let pushed = self.push_record(sequence, extent, subject.0);
        if pushed {
            self.live += 1;
            self.live_bytes += u64::from(extent.len());
        }
        pushed
    }

    /// Adds a record of a message that was removed.
    pub fn push_deleted(&mut self, sequence: u64, extent: Extent) -> bool {
        let was_empty = self.live == 0;
        let pushed = self.push_record(sequence, extent, DELETED);
        if was_empty {
            self.front = self.subjects.len();
        }
        pushed
    }

    /// Says that there are no messages up to `end`.
    pub fn skip_to(&mut self, end: u64) {
        self.end = self.end.max(end);
    }

    /// Marks a message as removed; returns what it was, nothing if there was none.
    pub fn remove(&mut self, sequence: u64) -> Option<Entry> {
        let place = self.place(sequence)?;
        let entry = self.entry(place).filter(|entry| entry.subject.is_some())?;
        self.subjects[place] = DELETED;
        self.live -= 1;
        self.live_bytes -= u64::from(entry.extent.len());
        if place == self.front {
            self.front = scan::first_live(&self.subjects, place);
        }
        Some(entry)
    }

    /// A live message.
    pub fn get(&self, sequence: u64) -> Option<Entry> {
        self.entry(self.place(sequence)?).filter(|entry| entry.subject.is_some())
    }

    /// What is known of a sequence.
    pub fn status(&self, sequence: u64) -> Status {
        match self.place(sequence).and_then(|place| self.entry(place)) {
            Some(entry) if entry.subject.is_some() => Status::Live(entry),
            Some(entry) => Status::Deleted(entry),
            None => Status::Absent,
        }
    }

    /// The first live message.
    pub fn first(&self) -> Option<Entry> {
        self.next(self.base, &mut Choice::Any)
    }

    /// The first live message at or behind `from` of the chosen subjects.
    pub fn next(&self, from: u64, choice: &mut Choice<'_>) -> Option<Entry> {
        let place = scan::next(&self.subjects, self.place_at_or_behind(from), choice)?;
        self.entry(place)
    }

    /// The last live message at or before `up_to` of the chosen subjects.
    pub fn last(&self, up_to: u64, choice: &mut Choice<'_>) -> Option<Entry> {
        let behind = up_to.checked_add(1).map_or(self.subjects.len(), |behind| self.place_at_or_behind(behind));
        let place = scan::last(&self.subjects[self.front.min(behind)..behind], choice)?;
        self.entry(self.front + place)
    }

    /// How many live messages at or behind `from` are of the chosen subjects.
    pub fn count(&self, from: u64, choice: &mut Choice<'_>) -> usize {
        let place = self.place_at_or_behind(from);
        match choice {
            Choice::Any if place <= self.front => self.live,
            _ => scan::count(&self.subjects[place..], choice),
        }
    }

    /// The first live message whose time is not before `time`, by halving; `time_of` reads the time of one.
    pub fn first_at<E>(&self, time: i64, mut time_of: impl FnMut(Entry) -> Result<i64, E>) -> Result<Option<Entry>, E> {
        let (mut low, mut high) = (self.front, self.subjects.len());
        while low < high {
            let middle = low.midpoint(high);
            let live = scan::first_live(&self.subjects[..high], middle);
            match self.entry(live).filter(|_| live < high) {
                Some(entry) if time_of(entry)? < time => low = live + 1,
                // Whatever lies between the middle and the first live one behind it is not the answer.
                _ => high = middle,
            }
        }
        Ok(self.entry(scan::first_live(&self.subjects, low)))
    }

    /// Visits the ranges `[start, end]` of live sequences, ascending; ends early when `visit` says false, and says so.
    pub fn live_runs(&self, visit: &mut dyn FnMut(u64, u64) -> bool) -> bool {
        let mut run: Option<(u64, u64)> = None;
        for entry in self.iter().filter(|entry| entry.subject.is_some()) {
            match &mut run {
                Some((_, end)) if *end + 1 == entry.sequence => *end += 1,
                _ => {
                    let ended = run.replace((entry.sequence, entry.sequence));
                    if ended.is_some_and(|(start, end)| !visit(start, end)) {
                        return false;
                    }
                }
            }
        }
        run.is_none_or(|(start, end)| visit(start, end))
    }

    /// All records of messages in the file, dead ones included, in order.
    pub fn iter(&self) -> impl Iterator<Item = Entry> {
        (0..self.subjects.len()).filter_map(|place| self.entry(place))
    }

    /// Gives memory back that was taken for messages to come.
    pub fn seal(&mut self) {
        self.extents.shrink_to_fit();
        self.subjects.shrink_to_fit();
        if let Some(sequences) = &mut self.sparse {
            sequences.shrink_to_fit();
        }
    }

    /// Bytes that it takes in memory beyond itself.
    pub fn memory(&self) -> usize {
        self.extents.capacity() * size_of::<Extent>()
            + (self.subjects.capacity() + self.sparse.as_ref().map_or(0, Vec::capacity)) * size_of::<u32>()
    }

    fn push_record(&mut self, sequence: u64, extent: Extent, subject: u32) -> bool {
        let Some(relative) = self.relative(sequence).filter(|_| sequence >= self.end && sequence < u64::MAX) else {
            return false;
        };
        let gap = relative as usize - self.subjects.len().min(relative as usize);
        match &mut self.sparse {
            Some(sequences) => sequences.push(relative),
            None if gap > 0 => self.leave_gap(gap, relative),
            None => {}
        }
        self.extents.push(extent);
        self.subjects.push(subject);
        self.end = sequence + 1;
        true
    }

    /// Fills the places up to `relative`, or goes over to a list where that would take more.
    fn leave_gap(&mut self, gap: usize, relative: u32) {
        if (self.absent + gap) * 3 <= self.subjects.len() {
            self.absent += gap;
            self.extents.resize(relative as usize, Extent { offset: 0, length: 0 });
            self.subjects.resize(relative as usize, ABSENT);
            return;
        }
        let mut sequences: Vec<u32> = (0..).zip(&self.subjects).filter(|it| *it.1 != ABSENT).map(|it| it.0).collect();
        let (front, mut subjects) = (self.front, self.subjects.iter());
        self.front -= self.subjects[..front].iter().filter(|&&subject| subject == ABSENT).count();
        self.extents.retain(|_| subjects.next().is_some_and(|&subject| subject != ABSENT));
        self.subjects.retain(|&subject| subject != ABSENT);
        sequences.push(relative);
        (self.sparse, self.absent) = (Some(sequences), 0);
    }

    /// The place of a sequence, if there is one for it.
    fn place(&self, sequence: u64) -> Option<usize> {
        let relative = self.relative(sequence)?;
        match &self.sparse {
            None => Some(relative as usize).filter(|&place| place < self.subjects.len()),
            Some(sequences) => sequences.binary_search(&relative).ok(),
        }
    }

    /// The first place that is not before a sequence, nor before the first live one.
    fn place_at_or_behind(&self, sequence: u64) -> usize {
        let place = match (self.relative(sequence), &self.sparse) {
            (None, _) if sequence > self.base => self.subjects.len(),
            (None, _) => 0,
            (Some(relative), None) => self.subjects.len().min(relative as usize),
            (Some(relative), Some(sequences)) => sequences.partition_point(|&it| it < relative),
        };
        place.max(self.front)
    }

    fn relative(&self, sequence: u64) -> Option<u32> {
        sequence.checked_sub(self.base).and_then(|relative| u32::try_from(relative).ok())
    }

    fn entry(&self, place: usize) -> Option<Entry> {
        let subject = *self.subjects.get(place)?;
        let relative = self.sparse.as_ref().map_or(place as u64, |sequences| u64::from(sequences[place]));
        let extent = self.extents[place];
        let subject = match subject {
            ABSENT => return None,
            DELETED => None,
            id => Some(SubjectId(id)),
        };
        Some(Entry { sequence: self.base + relative, extent, subject })
    }
}

/// The record is there, but the message was removed.
const DELETED: u32 = u32::MAX - 1;
/// There is no record.
const ABSENT: u32 = u32::MAX;

#[cfg(test)]
mod tests;
