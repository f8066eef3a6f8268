//! Reads a segment from one end to the other, over whatever damage there is. Its time and memory are bounded by the size
//! of the file, never by a value read from it.

use std::io;

use crate::medium::File;
use crate::record::{HEADER_BYTES, Header, Salt};

/// Walks the records of a segment.
#[derive(Debug)]
pub struct Scanner<'a> {
    file: &'a dyn File,
    salt: Salt,
    /// Where the next record is expected.
    offset: u32,
    /// Where to stop: no record reaches beyond.
    limit: u32,
    /// Bytes of the file from `buffered_at` on.
    buffer: Vec<u8>,
    buffered_at: u32,
    /// A record that was found behind bytes which were not understood.
    found: Option<Header>,
}

/// What was found next.
#[derive(Debug, PartialEq, Eq)]
pub enum Scanned<'a> {
    /// A record that is intact.
    Record {
        /// Where it lies.
        offset: u32,
        /// Its fixed header.
        header: Header,
        /// The whole record, fixed header included.
        bytes: &'a [u8],
    },
    /// A record with an intact header and a damaged body.
    BadBody {
        /// Where it lies.
        offset: u32,
        /// Its fixed header.
        header: Header,
    },
    /// Bytes that are no record; an intact header follows.
    Unknown {
        /// Where they begin.
        offset: u32,
        /// How many.
        len: u32,
    },
    /// No record follows.
    End {
        /// Where the last record ends.
        offset: u32,
        /// Bytes from there to the last one that is not zero.
        rest: u32,
    },
}

impl<'a> Scanner<'a> {
    /// Starts at `offset`; `limit` is where the segment ends, or the file.
    ///
    /// # Errors
    /// As [`File::len`].
    pub fn new(file: &'a dyn File, salt: Salt, offset: u32, limit: u32) -> io::Result<Self> {
        // A file beyond 4 GiB was not written by us: what lies there is not looked at.
        let len = u32::try_from(file.len()?).unwrap_or(u32::MAX);
        let limit = limit.min(len);
        Ok(Self { file, salt, offset, limit, buffer: Vec::new(), buffered_at: offset, found: None })
    }

    /// Where the next record is expected.
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// What comes next. Behind [`Scanned::End`] it is the same again.
    ///
    /// # Errors
    /// As [`File::read_at`].
    #[expect(clippy::should_implement_trait, reason = "what it returns borrows from it")]
    pub fn next(&mut self) -> io::Result<Scanned<'_>> {
        let offset = self.offset;
        let header = match self.found.take() {
            Some(header) => Some(header),
            None => self.header_at(offset)?,
        };
        let Some(header) = header else { return self.resynchronise() };
        let len = header.record_len();
        self.fill(offset, len)?;
        // The header fits in front of the limit, see `header_at`.
        self.offset = offset + u32::try_from(len).unwrap_or(u32::MAX - offset);
        let at = (offset - self.buffered_at) as usize;
        let bytes = &self.buffer[at..at + len];
        Ok(if header.covers(&bytes[HEADER_BYTES..]) {
            Scanned::Record { offset, header, bytes }
        } else {
            Scanned::BadBody { offset, header }
        })
    }

    /// The header at `offset` if it is one and its record ends within the segment.
    fn header_at(&mut self, offset: u32) -> io::Result<Option<Header>> {
        if !self.fill(offset, HEADER_BYTES)? {
            return Ok(None);
        }
        let at = (offset - self.buffered_at) as usize;
        Ok(self.decode(offset, at))
    }

    fn decode(&self, offset: u32, at: usize) -> Option<Header> {
        let header = Header::decode(&self.buffer[at..], self.salt.at(offset))?;
        (u64::from(offset) + header.record_len() as u64 <= u64::from(self.limit)).then_some(header)
    }

    /// Looks for the next header behind bytes that are none.
    fn resynchronise(&mut self) -> io::Result<Scanned<'_>> {
        let start = self.offset;
        let mut last_nonzero = start;
        let mut offset = start;
        while offset < self.limit {
            self.fill(offset, HEADER_BYTES)?;
            let at = (offset - self.buffered_at) as usize;
            let Some(zeros) = self.buffer[at..].iter().position(|&byte| byte != 0) else {
                offset = self.buffered_end();
                continue;
            };
            // A record starts with its kind, which is not zero.
            offset += u32::try_from(zeros).unwrap_or(u32::MAX - offset);
            self.fill(offset, HEADER_BYTES)?;
            let at = (offset - self.buffered_at) as usize;
            if let Some(header) = self.decode(offset, at) {
                (self.offset, self.found) = (offset, Some(header));
                return Ok(Scanned::Unknown { offset: start, len: offset - start });
            }
            offset += 1;
            last_nonzero = offset;
        }
        Ok(Scanned::End { offset: start, rest: last_nonzero - start })
    }

    fn buffered_end(&self) -> u32 {
        self.buffered_at + u32::try_from(self.buffer.len()).unwrap_or(0)
    }

    /// Makes `len` bytes at `offset` lie in the buffer, as far as the segment has them. Says whether it has.
    fn fill(&mut self, offset: u32, len: usize) -> io::Result<bool> {
        let at = (offset - self.buffered_at) as usize;
        if self.buffer.len() >= at + len {
            return Ok(true);
        }
        if self.buffered_end() < self.limit {
            self.buffer.drain(..at.min(self.buffer.len()));
            self.buffered_at = offset;
            let held = self.buffer.len();
            let wanted = len.max(held * 2).clamp(FIRST_READ_BYTES, READ_BYTES.max(len));
            let wanted = wanted.min((self.limit - offset) as usize);
            self.buffer.resize(wanted, 0);
            let from = u64::from(offset) + held as u64;
            let read = self.file.read_full_at(&mut self.buffer[held..], from)?;
            self.buffer.truncate(held + read);
            if read < wanted - held {
                // The file became shorter under us.
                self.limit = self.buffered_end();
            }
        }
        Ok(self.buffer.len() >= (offset - self.buffered_at) as usize + len)
    }
}

/// Bytes of the first read: small logs shall open quickly.
const FIRST_READ_BYTES: usize = 16 * 1024;
/// Bytes of a read, but for larger records.
const READ_BYTES: usize = 256 * 1024;
