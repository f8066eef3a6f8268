//! Where messages lie that are delivered one after the other: found together, and held by one handle on their file.

use std::sync::Arc;

use super::Log;
use super::files::SegmentFile;
use super::locator::Locator;
use super::pending::Chunk;
use super::segments::Messages;
use crate::record::Extent;

/// Where some messages of one segment lie, in ascending order; they may be read after the owner of the log has let go of
/// it. It is never empty.
#[derive(Debug)]
pub struct Run {
    pub(super) file: Arc<SegmentFile>,
    pub(super) spots: Vec<Spot>,
    /// Keeps the file where it is.
    _reader: Arc<()>,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) sequence: u64,
    pub(super) extent: Extent,
}

/// How much a run may be.
#[derive(Debug, Clone, Copy)]
pub struct RunLimit {
    /// Messages of it.
    pub messages: usize,
    /// It ends with the message that reaches so many bytes of subjects, headers and payloads.
    pub bytes: usize,
}

/// Where the last message of a run ends, for who reads up to there.
#[derive(Debug, Clone, Copy)]
pub struct RunEnd<'a> {
    pub(super) file: &'a Arc<SegmentFile>,
    pub(super) offset: u64,
}

impl Run {
    /// How many messages it is.
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.spots.len()
    }

    /// The sequences of its messages.
    pub fn sequences(&self) -> impl Iterator<Item = u64> {
        self.spots.iter().map(|spot| spot.sequence)
    }

    /// Bytes of subject, headers and payload of each of its messages.
    pub fn body_bytes(&self) -> impl Iterator<Item = usize> {
        self.spots.iter().map(|spot| usize::try_from(spot.extent.parts()).unwrap_or(usize::MAX))
    }

    /// The sequence of its last message.
    pub fn last_sequence(&self) -> u64 {
        self.spots.last().map_or(0, |spot| spot.sequence)
    }

    /// Ends it behind so many messages, at least one.
    pub fn truncate(&mut self, messages: usize) {
        self.spots.truncate(messages.max(1));
    }

    /// Where it ends.
    pub fn end(&self) -> RunEnd<'_> {
        RunEnd { file: &self.file, offset: self.spots.last().map_or(0, |spot| spot.extent.end()) }
    }
}

impl Locator {
    /// A run that ends with this message.
    pub fn end(&self) -> RunEnd<'_> {
        RunEnd { file: &self.file, offset: self.extent.end() }
    }
}

impl Log {
    /// The first live message from `from` to `up_to` whose subject matches one of `filters` (none: any), and those behind it
    /// that lie in the same segment, up to `limit`. Nothing if there is none, or if the first one waits for a commit:
    /// then [`next_within`](Self::next_within) finds it.
    pub fn run_within(&mut self, filters: &[&[u8]], from: u64, up_to: u64, limit: RunLimit) -> Option<Run> {
        let range = self.range(filters, from, up_to)?;
        let Self { subjects, segments, pending, in_flight, .. } = self;
        let mut choice = subjects.choose(filters);
        let (segment, first) = Messages(segments).next_within(range, &mut choice)?;
        let in_flight = in_flight.iter().flat_map(|chunks| chunks.iter());
        let committed = committed_end(&segment.file, pending.chunks().chain(in_flight));
        segment.file.file().ok()?;
        let (mut spots, mut bytes) = (Vec::new(), 0);
        let mut next = Some(first);
        while let Some(entry) = next.filter(|entry| u64::from(entry.extent.offset) < committed) {
            if spots.is_empty() {
                spots.reserve_exact(limit.messages);
            }
            spots.push(Spot { sequence: entry.sequence, extent: entry.extent });
            bytes += entry.extent.parts();
            if spots.len() >= limit.messages || bytes >= limit.bytes as u64 {
                break;
            }
            next = segment.entries.next_within(entry.sequence + 1, range.1, &mut choice);
        }
        let file = Arc::clone(&segment.file);
        (!spots.is_empty()).then(|| Run { _reader: file.reader(), file, spots })
    }
}

/// Records of a file wait for a commit, or are being written, from here on.
fn committed_end<'a>(file: &Arc<SegmentFile>, waiting: impl Iterator<Item = &'a Chunk>) -> u64 {
    let of_it = waiting.filter(|chunk| !chunk.bytes.is_empty() && Arc::ptr_eq(&chunk.file, file));
    of_it.map(|chunk| chunk.offset.into()).min().unwrap_or(u64::MAX)
}
