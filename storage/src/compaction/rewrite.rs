//! Makes the new file of a plan.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::facts::Facts;
use super::{Outcome, Plan, Rewritten, Source};
use crate::compress::{BlockWriter, Inflated};
use crate::error::StorageError;
use crate::medium::{File, Medium};
use crate::message::Timestamp;
use crate::record::{self, Extent, Header, Kind, Removal, Salt};
use crate::segment::{RECORDS_START, Scanned, Scanner, SegmentHeader, SegmentName};

pub(super) fn run(plan: &Plan, medium: &dyn Medium, dir: &Path) -> Outcome {
    let name = SegmentName { base: plan.sources[0].name.base, generation: plan.generation };
    let temporary = dir.join(name.temporary_name());
    // Facts are about to be left out because of files that are not there any more: that has to be durable.
    if let Err(error) = medium.sync_dir(dir) {
        return Outcome::Failed(StorageError::io("sync", dir, error));
    }
    let rewritten = match write(plan, name, medium, &temporary) {
        Ok(rewritten) => rewritten,
        Err(stop) => {
            // Of no use to anybody; if it stays, the next attempt removes it.
            let _ = medium.remove(&temporary);
            return stop.outcome(&temporary);
        }
    };
    let path = dir.join(name.file_name());
    let renamed = medium.rename(&temporary, &path).map_err(|error| StorageError::io("rename", &path, error));
    let synced = renamed.and_then(|()| medium.sync_dir(dir).map_err(|error| StorageError::io("sync", dir, error)));
    match synced {
        Ok(()) => Outcome::Done(rewritten),
        Err(error) => Outcome::Uncertain(error),
    }
}

/// Writes and syncs the file under its temporary name.
fn write(plan: &Plan, name: SegmentName, medium: &dyn Medium, path: &Path) -> Result<Rewritten, Stop> {
    let file = create(medium, path)?;
    let first = &plan.sources[0].header;
    let mut header = SegmentHeader {
        compacted: true,
        compressed: plan.compress,
        covers_to: plan.until - 1,
        previous_last: first.previous_last,
        previous_time: first.previous_time,
        previous_end: first.previous_end,
        ..SegmentHeader::new(plan.salt, name.base)
    };
    let mut copy = Copy::new(plan, &*file, first.previous_time);
    if !SegmentHeader::holds(&plan.description) {
        copy.control(Kind::Description, name.base, &plan.description)?;
    }
    let start = copy.end;
    let mut facts = Facts::default();
    for source in &plan.sources {
        copy.source(source, &mut facts)?;
    }
    let messages_end = copy.end;
    if let Some(removal) = facts.about(&plan.earlier) {
        copy.control(Kind::Removal, plan.until, &Removal::encode(&removal))?;
    }
    let (records, end) = (std::mem::take(&mut copy.records), copy.end);
    if let Some(compression) = copy.finish()? {
        header.compression = compression;
    }
    file.write_all_at(&header.encode(&plan.description)[..], 0)?;
    file.sync()?;
    let file = if plan.compress { Arc::new(Inflated::open(file, Some(&header))?) } else { file };
    let replaces = plan.sources.iter().map(|source| source.name).collect();
    Ok(Rewritten { name, header, file, start, end, facts: end - messages_end, records, replaces, until: plan.until })
}

fn create(medium: &dyn Medium, path: &Path) -> io::Result<Arc<dyn File>> {
    match medium.create(path) {
        // Left from an attempt that a crash ended.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            medium.remove(path)?;
            medium.create(path)
        }
        created => created,
    }
}

/// Why there is no new file.
enum Stop {
    Unfit(SegmentName),
    Io(io::Error),
    Storage(StorageError),
}

impl Stop {
    fn outcome(self, path: &Path) -> Outcome {
        match self {
            Self::Unfit(name) => Outcome::Unfit { name },
            Self::Io(error) => Outcome::Failed(StorageError::io("write", path, error)),
            Self::Storage(error) => Outcome::Failed(error),
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// The new file as far as it is written.
struct Copy<'a> {
    base: u64,
    salt: Salt,
    out: Out<'a>,
    buffer: Vec<u8>,
    /// Where the next record will lie.
    end: u32,
    /// The time of the last message.
    time: Timestamp,
    records: Vec<(u64, Extent)>,
}

/// How bytes reach the file.
enum Out<'a> {
    Plain(&'a dyn File, u64),
    Blocks(BlockWriter<'a>),
}

impl<'a> Copy<'a> {
    fn new(plan: &Plan, file: &'a dyn File, time: Timestamp) -> Self {
        let out =
            if plan.compress { Out::Blocks(BlockWriter::new(file)) } else { Out::Plain(file, RECORDS_START.into()) };
        let base = plan.sources[0].name.base;
        Self { base, salt: plan.salt, out, buffer: Vec::new(), end: RECORDS_START, time, records: Vec::new() }
    }

    /// Copies what is live, and collects what the rest says of others.
    fn source(&mut self, source: &Source, facts: &mut Facts) -> Result<(), Stop> {
        let unfit = || Stop::Unfit(source.name);
        let copied = self.records.len();
        let mut scanner = Scanner::new(&*source.file, source.header.salt, RECORDS_START, source.end)?;
        loop {
            match scanner.next()? {
                Scanned::Record { offset, header, bytes } => {
                    self.record(source, offset, &header, bytes, facts)?.ok_or_else(unfit)?;
                }
                // Bytes behind the end are none of ours, but up to there all have to be.
                Scanned::End { offset, .. } if offset >= source.end => break,
                _ => return Err(unfit()),
            }
        }
        if self.records.len() - copied == source.entries.live() { Ok(()) } else { Err(unfit()) }
    }

    /// Nothing if the record does not read as what its CRCs say it is.
    fn record(
        &mut self,
        source: &Source,
        offset: u32,
        header: &Header,
        bytes: &[u8],
        facts: &mut Facts,
    ) -> Result<Option<()>, Stop> {
        let body = &bytes[record::HEADER_BYTES..];
        match header.kind {
            // The sequences before `until` are left out on purpose, whatever the gaps in them.
            Kind::Description | Kind::Skip | Kind::Filler => {}
            Kind::Removal => match Removal::decode(body) {
                Some(removal) => facts.removed(&removal),
                None => return Ok(None),
            },
            Kind::Message => {
                let sequence = source.name.base.saturating_add(header.relative.into());
                let entry = source.entries.get(sequence);
                if entry.is_some_and(|entry| entry.extent.offset == offset) {
                    self.message(sequence, header, bytes)?;
                } else if header.evicts {
                    let Some(message) = header.message(body) else { return Ok(None) };
                    facts.evicted(sequence.saturating_sub(message.evicts.into()));
                }
            }
        }
        Ok(Some(()))
    }

    fn message(&mut self, sequence: u64, header: &Header, bytes: &[u8]) -> Result<(), Stop> {
        let relative = self.relative(sequence)?;
        record::encode_moved(bytes, relative, (self.salt, self.end), &mut self.buffer);
        self.records.push((sequence, header.extent(self.end)));
        self.time = header.time;
        self.wrote(bytes.len())
    }

    fn control(&mut self, kind: Kind, next: u64, body: &[u8]) -> Result<(), Stop> {
        let relative = self.relative(next)?;
        let place = (self.salt, self.end);
        let len = record::encode_control(kind, relative, self.time, body, place, &mut self.buffer)?;
        self.wrote(len)
    }

    fn relative(&self, sequence: u64) -> Result<u32, StorageError> {
        u32::try_from(sequence - self.base).map_err(|_| StorageError::TooLarge)
    }

    fn wrote(&mut self, len: usize) -> Result<(), Stop> {
        let end = u32::try_from(len).ok().and_then(|len| self.end.checked_add(len));
        self.end = end.ok_or(StorageError::TooLarge)?;
        if self.buffer.len() >= WRITE_BYTES { Ok(self.flush()?) } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Plain(file, offset) => {
                file.write_all_at(&self.buffer, *offset)?;
                *offset += self.buffer.len() as u64;
            }
            Out::Blocks(writer) => writer.write(&self.buffer)?,
        }
        self.buffer.clear();
        Ok(())
    }

    /// Writes what is left; returns what the header has to say of the compression, if there is one.
    fn finish(mut self) -> io::Result<Option<[u8; crate::segment::COMPRESSION_BYTES]>> {
        self.flush()?;
        match self.out {
            Out::Plain(..) => Ok(None),
            Out::Blocks(writer) => writer.finish().map(Some),
        }
    }
}

/// Bytes that are collected for one write.
const WRITE_BYTES: usize = 256 * 1024;
