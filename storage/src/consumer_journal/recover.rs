//! Reading a journal, over whatever damage there is. Time and memory are bounded by the size of the file, never by a value
//! read from it.
//!
//! Records have numbers without gaps, so it is known which ones are missing. A missing one that was proven to be there,
//! because a later write (in the same run of the operating system) or a later sync (in a later one) says so, is damage. Any
//! other was never finished: the deltas that build on it count as little as it does.

use std::collections::BTreeMap;

use super::Place;
use super::format::{self, DecodedHeader, FILE_HEADER_BYTES, FORMAT_VERSION, FileHeader, Kind, RecordHeader};
use crate::error::StorageError;
use crate::medium::File;

/// What is known of one consumer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// As it was put.
    pub id: u64,
    /// The configuration that was put last.
    pub config: Vec<u8>,
    /// The last snapshot.
    pub snapshot: Option<Vec<u8>>,
    /// What was noted since then, in order, without a gap.
    pub deltas: Vec<Vec<u8>>,
    /// Whether something of it is lost: at least one delta or the snapshot in front of `behind`, or all is taken from an
    /// older file.
    pub damaged: bool,
    /// What was noted behind what is lost, in order; there may be more gaps.
    pub behind: Vec<Vec<u8>>,
}

/// What a recovery came to.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) consumers: Vec<Recovered>,
    /// Records, or whole files, that damage took.
    pub(super) lost: u64,
    /// Files that may go when there is a newer one.
    pub(super) readable: Vec<u64>,
    pub(super) next_generation: u64,
}

/// Reads the newest file that can be read.
pub(super) fn recover(place: &Place) -> Result<Found, StorageError> {
    let names = place.medium.list(&place.dir).map_err(|error| StorageError::io("list", &place.dir, error))?;
    for name in names.iter().filter(|name| format::is_temporary(name)) {
        // Of no use to anybody; if it stays, the next one goes over it.
        let _ = place.medium.remove(&place.dir.join(name));
    }
    let mut generations: Vec<u64> = names.iter().filter_map(|name| format::parse_name(name)).collect();
    generations.sort_unstable();
    let next_generation = generations.last().map_or(1, |last| last.saturating_add(1));
    let mut found = Found { next_generation, ..Found::default() };
    let mut is_newest_readable = true;
    for &generation in generations.iter().rev() {
        if !found.readable.is_empty() {
            // Left over: a newer one stands for it.
            found.readable.push(generation);
            continue;
        }
        let file = place.read(generation)?;
        match FileHeader::find(&file) {
            DecodedHeader::Valid(header) => {
                let is_same_run = header.boot_id == place.medium.boot_id();
                let (consumers, lost) = Scan::of(&file, &header).consumers(&header, is_same_run);
                (found.consumers, found.lost) = (consumers, found.lost + lost);
                found.readable.push(generation);
            }
            DecodedHeader::Newer(version) => {
                let (path, supported) = (place.path(generation), FORMAT_VERSION);
                return Err(StorageError::NewerFormat { path, found: version, supported });
            }
            DecodedHeader::Damaged => {
                // It is left where it is: somebody may still make sense of it.
                tracing::warn!(path = %place.path(generation).display(), "a journal of consumers cannot be read");
                found.lost += 1;
                is_newest_readable = false;
            }
        }
    }
    found.consumers.iter_mut().for_each(|consumer| consumer.damaged |= !is_newest_readable);
    Ok(found)
}

impl Place {
    /// All of a file, as far as it can be addressed.
    fn read(&self, generation: u64) -> Result<Vec<u8>, StorageError> {
        let path = self.path(generation);
        let file = self.medium.open(&path).map_err(|error| self.error(generation, "open", error))?;
        read_all(&*file).map_err(|error| self.error(generation, "read", error))
    }
}

/// All bytes of a file, as far as it can be addressed.
pub(super) fn read_all(file: &dyn File) -> std::io::Result<Vec<u8>> {
    let len = usize::try_from(file.len()?.min(u32::MAX.into())).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let start = bytes.len();
        bytes.resize(len.min(start + READ_BYTES), 0);
        let wanted = bytes.len() - start;
        let read = file.read_full_at(&mut bytes[start..], start as u64)?;
        if read < wanted {
            // It is shorter than it said.
            bytes.truncate(start + read);
            break;
        }
    }
    Ok(bytes)
}

/// The records of a file that are intact, by number, each once.
#[derive(Debug)]
struct Scan<'a> {
    records: Vec<(RecordHeader, &'a [u8])>,
}

impl<'a> Scan<'a> {
    fn of(file: &'a [u8], header: &FileHeader) -> Self {
        let mut records = Vec::new();
        let mut at = FILE_HEADER_BYTES;
        while let Some(rest) = file.get(at..) {
            // A record starts with its kind, which is not zero.
            let Some(zeros) = rest.iter().position(|&byte| byte != 0) else { break };
            at += zeros;
            let (rest, offset) = (&rest[zeros..], u32::try_from(at).unwrap_or(u32::MAX));
            let record = RecordHeader::decode(rest, header.salt.at(offset));
            let Some(record) = record.filter(|record| record.record_len() <= rest.len()) else {
                at += 1;
                continue;
            };
            at += record.record_len();
            records.extend(record.body(rest).map(|body| (record, body)));
        }
        records.sort_by_key(|(record, _)| record.number);
        records.dedup_by_key(|(record, _)| record.number);
        Self { records }
    }

    /// What the records say of each consumer, and how many of them are lost.
    fn consumers(&self, header: &FileHeader, is_same_run: bool) -> (Vec<Recovered>, u64) {
        let proven = self.proven(header, is_same_run);
        let present = self.records.iter().take_while(|(record, _)| record.number <= proven).count() as u64;
        let mut known = BTreeMap::<u64, Known>::new();
        for (record, body) in &self.records {
            if record.kind == Kind::Delete {
                known.remove(&record.id);
            } else {
                known.entry(record.id).or_default().take(record, body, proven);
            }
        }
        let consumers = known.into_iter().filter(|(_, it)| it.has_config);
        (consumers.map(|(id, it)| Recovered { id, ..it.recovered }).collect(), proven.saturating_sub(present))
    }

    /// All records up to this number were there.
    fn proven(&self, header: &FileHeader, is_same_run: bool) -> u64 {
        let before = self.records.iter().map(|(record, _)| {
            let unproven = if is_same_run { record.in_write } else { record.unproven };
            record.number.saturating_sub(1).saturating_sub(unproven.into())
        });
        before.max().unwrap_or(0).max(header.base_records)
    }
}

/// What is known of a consumer so far.
#[derive(Debug, Default)]
struct Known {
    recovered: Recovered,
    has_config: bool,
    /// The record that the next delta has to build on.
    last: u64,
}

impl Known {
    fn take(&mut self, record: &RecordHeader, body: &[u8], proven: u64) {
        let recovered = &mut self.recovered;
        match record.kind {
            Kind::Config => {
                recovered.config = body.to_vec();
                self.has_config = true;
                return;
            }
            Kind::Snapshot => {
                recovered.snapshot = Some(body.to_vec());
                recovered.deltas.clear();
                recovered.behind.clear();
                recovered.damaged = false;
            }
            Kind::Delta if record.previous == self.last && !recovered.damaged => recovered.deltas.push(body.to_vec()),
            Kind::Delta if record.previous == self.last || record.previous <= proven => {
                recovered.damaged = true;
                recovered.behind.push(body.to_vec());
            }
            // What it builds on was never finished.
            Kind::Delta | Kind::Delete => return,
        }
        self.last = record.number;
    }
}

/// Bytes of a read.
const READ_BYTES: usize = 1 << 20;
