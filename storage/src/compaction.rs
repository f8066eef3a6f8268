//! Writing closed segments anew without their dead records, merging small ones, compressing them.
//!
//! Some neighbouring closed segments ([`Source`]s) become one new file, of a generation above theirs and with the base of
//! the first one; nothing that is read is ever written to. The file has the name of its own until it is complete and
//! synced, then its right one, and then the directory is synced. The old files are the caller's to remove, later.
//!
//! # What makes it safe
//! A recovery reads whatever files are there, so what a file says of others must not vanish with it too early:
//!
//! - **Facts.** A removal record, and a message that evicted another one, are why some other record is dead. Such a fact is
//!   kept, as a removal record at the end of the new file, as long as a record that it speaks of may lie in an older file:
//!   see [`Plan::earlier`].
//! - **Durable deaths.** A record may be left out only if its death is durable: the message that evicted it, or the record of
//!   its removal, is synced. Otherwise a power cut takes both. The caller hands a plan out to run only then.
//! - **Obsolete files.** The header of a new file says which sequences it stands for (`covers_to`), so that a recovery after
//!   a crash in between knows the files that it replaces.
//! - **Order of removal.** Names that were removed may come back with a power cut until the directory is synced. A file that
//!   replaced others must not be removed before the removal of those is durable, and neither must a fact about them
//!   vanish: a file that is not removed, or whose removal may not be durable, counts as there for [`Plan::earlier`].
//!   What was removed before a plan runs becomes durable with it.
//! - **Damage.** A segment in which anything does not read as it should is left alone, see [`Outcome::Unfit`].

mod choose;
mod facts;
mod rewrite;

use std::path::Path;
use std::sync::Arc;

use crate::entries::Entries;
use crate::error::StorageError;
use crate::medium::{File, Medium};
use crate::record::{Extent, Salt};
use crate::segment::{SegmentHeader, SegmentName};
use crate::subject_index::SubjectId;

pub use choose::{Candidate, Policy, choose};

/// A closed segment as it is about to be written anew.
#[derive(Debug)]
pub struct Source {
    /// Its file.
    pub name: SegmentName,
    /// What its header says.
    pub header: SegmentHeader,
    /// The file with its plain bytes, inflated if it is compressed.
    pub file: Arc<dyn File>,
    /// Where its records end.
    pub end: u32,
    /// Which records are live: the others are left out.
    pub entries: Entries,
}

/// What is to be done.
#[derive(Debug)]
pub struct Plan {
    /// Neighbours, by base; at least one.
    pub sources: Vec<Source>,
    /// The base of the segment behind them, above that of the first one: they hold what there is below it.
    pub until: u64,
    /// What older files with dead records may hold: `base..until` of each, by base, files included that are to be removed
    /// and are not yet durably gone.
    pub earlier: Vec<(u64, u64)>,
    /// The generation of the new file: above that of every file with the base of the first source.
    pub generation: u32,
    /// The salt of the new file.
    pub salt: Salt,
    /// Kept at its head.
    pub description: Arc<[u8]>,
    /// Whether to compress it.
    pub compress: bool,
}

/// What became of it.
#[derive(Debug)]
pub enum Outcome {
    /// The new file is there, durably.
    Done(Rewritten),
    /// Something in a source does not read as it should. Nothing was changed.
    Unfit {
        /// Which one: it is not to be chosen again.
        name: SegmentName,
    },
    /// The disk refused. Nothing was changed, and it may be tried again.
    Failed(StorageError),
    /// The disk refused when the new file had its name, and whether that is durable is unknown: what is in memory and
    /// what a recovery would find are not the same for sure. The log is to be opened anew.
    Uncertain(StorageError),
}

/// A new file.
#[derive(Debug)]
pub struct Rewritten {
    /// Its name.
    pub name: SegmentName,
    /// What its header says.
    pub header: SegmentHeader,
    /// The file with its plain bytes.
    pub file: Arc<dyn File>,
    /// Where its records end.
    pub end: u32,
    /// Where its messages begin, behind the description if that is a record.
    pub start: u32,
    /// Bytes of it that are facts.
    pub facts: u32,
    /// Where the messages lie now that were live when it was planned, ascending.
    pub records: Vec<(u64, Extent)>,
    /// The segments that it stands for.
    pub replaces: Vec<SegmentName>,
    /// One behind the last sequence that it covers.
    pub until: u64,
}

impl Plan {
    /// Does it. Blocks.
    pub fn run(self, medium: &dyn Medium, dir: &Path) -> Outcome {
        rewrite::run(&self, medium, dir)
    }
}

impl Rewritten {
    /// The entries of the new file: a message that was removed in the meantime, which is not `live` any more, is dead.
    pub fn entries(&self, mut live: impl FnMut(u64) -> Option<SubjectId>) -> Entries {
        let mut entries = Entries::new(self.name.base);
        for &(sequence, extent) in &self.records {
            let pushed = match live(sequence) {
                Some(subject) => entries.push(sequence, extent, subject),
                None => entries.push_deleted(sequence, extent),
            };
            assert!(pushed, "records of a segment ascend from its base");
        }
        entries.skip_to(self.until);
        entries.seal();
        entries
    }
}

#[cfg(test)]
mod tests;
