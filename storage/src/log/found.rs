//! The first look of a recovery: which files there are, and which of them count.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::files::{Place, SegmentFile};
use super::undone::Undone;
use crate::compress::Inflated;
use crate::error::StorageError;
use crate::medium::{File, Medium};
use crate::record::{self, HEADER_BYTES, Header, MIN_MESSAGE_BYTES, Salt};
use crate::segment::{DecodedHeader, FORMAT_VERSION, Marks, RECORDS_START, SegmentHeader, SegmentName, TailMark};

/// A segment file and what its header block says.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: SegmentName,
    pub(super) file: Arc<dyn File>,
    pub(super) len: u64,
    /// Nothing if it is damaged beyond repair.
    pub(super) header: Option<SegmentHeader>,
    pub(super) description: Option<Vec<u8>>,
    pub(super) marks: Marks,
}

/// The segments that count, by base, and the files that do not.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) segments: Vec<Found>,
    pub(super) superseded: Vec<Found>,
    /// Above those of all files.
    pub(super) next_generation: u32,
}

impl Listing {
    /// Looks at all files, and past what should not be there.
    pub(super) fn new(medium: &dyn Medium, dir: &Path, undone: &Undone) -> Result<Self, StorageError> {
        let names = medium.list(dir).map_err(|error| StorageError::io("list", dir, error))?;
        let mut names: Vec<_> = names.iter().filter_map(|name| SegmentName::parse(name)).collect();
        // Of each base the latest first.
        names.sort_by_key(|name| (name.base, u32::MAX - name.generation));
        let mut listing = Self { next_generation: 0, ..Self::default() };
        for name in names {
            listing.next_generation = listing.next_generation.max(name.generation.saturating_add(1));
            if !undone.created.contains(&name) {
                listing.add(Found::new(medium, dir, name)?);
            }
        }
        if let Some(told) = &undone.mark
            && let Some(found) = listing.segments.iter_mut().find(|found| found.name == told.name)
        {
            found.marks.put(told.slot, told.mark, &told.removals);
        }
        Ok(listing)
    }

    fn add(&mut self, found: Found) {
        match self.segments.last_mut() {
            Some(last) if last.covers(&found) => self.superseded.push(found),
            // The later one is beyond repair, an earlier one is not.
            Some(last) if last.name.base == found.name.base && found.header.is_some() => *last = found,
            Some(last) if last.name.base == found.name.base => {}
            _ => self.segments.push(found),
        }
    }
}

impl Found {
    fn new(medium: &dyn Medium, dir: &Path, name: SegmentName) -> Result<Self, StorageError> {
        let path = dir.join(name.file_name());
        let file = medium.open(&path).map_err(|error| StorageError::io("open", &path, error))?;
        let failed = |error| StorageError::io("read", &path, error);
        let len = file.len().map_err(failed)?;
        let mut block = [0; RECORDS_START as usize];
        let read = file.read_full_at(&mut block, 0).map_err(failed)?;
        let (file, header, description) = match SegmentHeader::decode(&block[..read]) {
            DecodedHeader::Newer(found) => {
                return Err(StorageError::NewerFormat { path, found, supported: FORMAT_VERSION });
            }
            DecodedHeader::Valid { header, description } if header.base == name.base => {
                let file = if header.compressed { inflated(file, Some(&header)).map_err(failed)? } else { file };
                (file, Some(header), description)
            }
            DecodedHeader::Valid { .. } | DecodedHeader::Damaged => {
                let (file, header) = rescue(file, name).map_err(failed)?;
                (file, header, None)
            }
        };
        let marks = header.as_ref().map(|header| Marks::read(&block[..read], header.salt)).unwrap_or_default();
        Ok(Self { name, file, len, header, description, marks })
    }

    /// Whether a file says again what is in this one.
    fn covers(&self, other: &Self) -> bool {
        let Some(header) = &self.header else { return false };
        self.name.base == other.name.base || header.compacted && header.covers_to >= other.name.base
    }

    /// Whether the records of the commit that wrote this mark may be there. Those of one that failed are cut off, while its
    /// mark may stay, where the disk makes nothing durable any more.
    pub(super) fn reaches(&self, mark: &TailMark) -> bool {
        self.len >= mark.end
    }

    /// Whether not even the header block is complete.
    pub(super) fn is_cut(&self) -> bool {
        self.len < u64::from(RECORDS_START)
    }

    /// The file as the log knows it.
    pub(super) fn open(&self, place: &Arc<Place>, header: &SegmentHeader) -> Arc<SegmentFile> {
        SegmentFile::opened(Arc::clone(place), self.name, header.salt, Arc::clone(&self.file), self.len)
    }
}

/// The salt that the CRCs of the first record start from, if it is intact: for a header block that is not.
fn rescue_salt(file: &dyn File) -> io::Result<Option<Salt>> {
    let mut fixed = [0; HEADER_BYTES];
    if file.read_full_at(&mut fixed, RECORDS_START.into())? < HEADER_BYTES || file.len()? < MIN_RESCUE_LEN {
        return Ok(None);
    }
    let salt = Salt(u64::from(record::seed_of(&fixed).wrapping_sub(RECORDS_START)));
    let Some(header) = Header::decode(&fixed, salt.at(RECORDS_START)) else { return Ok(None) };
    if u64::from(RECORDS_START) + header.record_len() as u64 > file.len()? {
        return Ok(None);
    }
    let mut body = vec![0; header.body_len as usize];
    let read = file.read_full_at(&mut body, u64::from(RECORDS_START) + HEADER_BYTES as u64)?;
    Ok((read == body.len() && header.covers(&body)).then_some(salt))
}

/// A compressed file as if it was not.
fn inflated(file: Arc<dyn File>, header: Option<&SegmentHeader>) -> io::Result<Arc<dyn File>> {
    Ok(Arc::new(Inflated::open(file, header)?))
}

/// What a header block that is beyond repair must have said, if the first record is intact. As of a compacted segment:
/// nothing tells which of its sequences have to be there.
fn rescue(file: Arc<dyn File>, name: SegmentName) -> io::Result<(Arc<dyn File>, Option<SegmentHeader>)> {
    let compressed = Inflated::is_likely(&*file)?;
    let file = if compressed { inflated(file, None)? } else { file };
    let header = rescue_salt(&*file)?.map(|salt| {
        let header = SegmentHeader::new(salt, name.base);
        SegmentHeader { compacted: true, compressed, previous_last: u64::MAX, ..header }
    });
    Ok((file, header))
}

/// Removes what interrupted commits left.
pub(super) fn sweep(place: &Place) {
    for name in place.medium.list(&place.dir).unwrap_or_default().iter().filter(|name| is_temporary(name)) {
        // Of no use to anybody; if it stays, the next one goes over it.
        let _ = place.medium.remove(&place.dir.join(name));
    }
}

fn is_temporary(name: &str) -> bool {
    name.strip_suffix(".tmp").is_some_and(|stem| SegmentName::parse(&format!("{stem}.seg")).is_some())
}

/// Bytes of the shortest file with a record.
const MIN_RESCUE_LEN: u64 = RECORDS_START as u64 + MIN_MESSAGE_BYTES as u64;
