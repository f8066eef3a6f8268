//! One record of a segment: how a message, a removal or a description rests in a file.
//!
//! A fixed header of 28 bytes, then the body. The header has a CRC of its own, checked before any length or sequence in it
//! is believed. Both CRCs start from the [`Salt`] of the segment and the offset of the record, so a record that is stale,
//! or lies where it was not written, never validates.
//!
//! ```text
//!  0 u8   kind (low nibble: 1 message, 2 removal, 3 description, 4 skip, 5 filler), flags (high nibble: 1 headers, 2 marked, 4 evicts,
//!         8 removed as it came)
//!  1 u8   0
//!  2 u16  length of the subject
//!  4 u32  length of the body
//!  8 u32  sequence - base of the segment; of the other kinds: that of the next message
//! 12 i64  time, nanoseconds since the Unix epoch; of the other kinds: that of the message before it
//! 20 u32  CRC-32 of bytes 0..20, started from salt and offset
//! 24 u32  CRC-32 of the body, started from the header's CRC
//! 28      body
//! ```
//! Body of a message: `headers` → u16 length of the headers; `evicts` → u32 distance back to the sequence that it evicts;
//! then subject, headers, payload. The body of a skip is empty: the sequences before its own were left out on purpose.

mod removal;

use crate::error::StorageError;
use crate::message::Timestamp;

pub use removal::Removal;

/// Bytes of the fixed header.
pub const HEADER_BYTES: usize = 28;
/// Bytes that the smallest record of a message takes: one byte of subject.
pub const MIN_MESSAGE_BYTES: usize = HEADER_BYTES + 1;
/// Bytes that the largest record takes: the two bits above are flags of an [`Extent`].
pub const MAX_RECORD_BYTES: usize = (1 << 30) - 1;

/// What the CRCs of one segment start from: drawn at random for each segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub u64);

impl Salt {
    /// What the CRCs of a record at this offset start from.
    #[allow(clippy::cast_possible_truncation)] // Folded on purpose: a CRC starts from 32 bits.
    pub fn at(self, offset: u32) -> u32 {
        ((self.0 ^ (self.0 >> 32)) as u32).wrapping_add(offset)
    }
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message.
    Message,
    /// Sequences that hold no message any more.
    Removal,
    /// The description of the stream, where it does not fit in the header of the segment.
    Description,
    /// Sequences that are left out on purpose.
    Skip,
    /// Nothing: keeps records apart.
    Filler,
}

/// A fixed header whose CRC holds.
#[allow(clippy::struct_field_names)] // It is the CRC of the header.
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of the format")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// Whether a message has headers.
    pub has_headers: bool,
    /// Whether a replay hands the message to the owner of the log.
    pub marked: bool,
    /// Whether a message evicts another one.
    pub evicts: bool,
    /// Whether a message was removed as it came: nobody ever sees it.
    pub dead: bool,
    /// Bytes of the subject.
    pub subject_len: u16,
    /// Bytes behind the fixed header.
    pub body_len: u32,
    /// The sequence less the base of the segment.
    pub relative: u32,
    /// When it was stored.
    pub time: Timestamp,
    /// CRC of the header, which that of the body starts from.
    header_crc: u32,
    /// CRC of the body.
    body_crc: u32,
}

impl Header {
    /// Reads a fixed header at an offset whose CRCs start from `seed`; nothing if its CRC does not hold.
    pub fn decode(bytes: &[u8], seed: u32) -> Option<Self> {
        let fixed = bytes.first_chunk::<HEADER_BYTES>()?;
        let kind = Kind::from_bits(fixed[0] & 0x0f).filter(|_| fixed[1] == 0)?;
        let header_crc = u32_at(fixed, 20);
        if crc(seed, &fixed[..20]) != header_crc {
            return None;
        }
        let header = Self {
            kind,
            has_headers: fixed[0] & HAS_HEADERS != 0,
            marked: fixed[0] & MARKED != 0,
            evicts: fixed[0] & EVICTS != 0,
            dead: fixed[0] & DEAD != 0,
            subject_len: u16::from_le_bytes([fixed[2], fixed[3]]),
            body_len: u32_at(fixed, 4),
            relative: u32_at(fixed, 8),
            time: i64::from_le_bytes(*fixed[12..].first_chunk()?),
            header_crc,
            body_crc: u32_at(fixed, 24),
        };
        (header.record_len() <= MAX_RECORD_BYTES).then_some(header)
    }

    /// Bytes of the whole record.
    pub fn record_len(&self) -> usize {
        HEADER_BYTES + self.body_len as usize
    }

    /// Whether this is the body that was written with the header. `body` may be longer.
    pub fn covers(&self, body: &[u8]) -> bool {
        body.get(..self.body_len as usize).is_some_and(|body| crc(self.header_crc, body) == self.body_crc)
    }

    /// The parts of a message. Nothing if the body is not one, which a CRC that holds rules out.
    pub fn message<'a>(&self, body: &'a [u8]) -> Option<Message<'a>> {
        let body = body.get(..self.body_len as usize)?;
        let (headers_len, body) = if self.has_headers {
            body.split_first_chunk::<2>().map(|(len, body)| (u16::from_le_bytes(*len), body))?
        } else {
            (0, body)
        };
        let (evicts, body) = if self.evicts {
            body.split_first_chunk::<4>().map(|(back, body)| (u32::from_le_bytes(*back), body))?
        } else {
            (0, body)
        };
        let (subject, body) = body.split_at_checked(self.subject_len.into())?;
        let (headers, payload) = body.split_at_checked(headers_len.into())?;
        Some(Message {
            relative: self.relative,
            time: self.time,
            marked: self.marked,
            dead: self.dead,
            evicts,
            subject,
            headers,
            payload,
        })
    }

    /// Where the record lies and what its length says of it.
    pub fn extent(&self, offset: u32) -> Extent {
        Extent::new(offset, self.record_len(), self.has_headers, self.evicts)
    }
}

impl Kind {
    fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            1 => Some(Self::Message),
            2 => Some(Self::Removal),
            3 => Some(Self::Description),
            4 => Some(Self::Skip),
            5 => Some(Self::Filler),
            _ => None,
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Message => 1,
            Self::Removal => 2,
            Self::Description => 3,
            Self::Skip => 4,
            Self::Filler => 5,
        }
    }
}

/// A message as it is written into a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The sequence less the base of the segment.
    pub relative: u32,
    /// When it was stored.
    pub time: Timestamp,
    /// Whether a replay hands it to the owner of the log.
    pub marked: bool,
    /// Whether it was removed as it came.
    pub dead: bool,
    /// How many sequences before it the one lies that it evicts; 0: none.
    pub evicts: u32,
    /// Where it was published.
    pub subject: &'a [u8],
    /// The raw header block; empty: none.
    pub headers: &'a [u8],
    /// Its body.
    pub payload: &'a [u8],
}

impl Message<'_> {
    /// Bytes of its record.
    ///
    /// # Errors
    /// [`StorageError::TooLarge`] if a part does not fit its length field, or the whole a record.
    pub fn record_len(&self) -> Result<usize, StorageError> {
        if self.subject.len() > u16::MAX.into() || self.headers.len() > u16::MAX.into() {
            return Err(StorageError::TooLarge);
        }
        let options = if self.headers.is_empty() { 0 } else { 2 } + if self.evicts == 0 { 0 } else { 4 };
        let parts = HEADER_BYTES + options + self.subject.len() + self.headers.len();
        Some(parts + self.payload.len()).filter(|&len| len <= MAX_RECORD_BYTES).ok_or(StorageError::TooLarge)
    }

    /// Writes its record behind `out`; `offset` is where the record will lie in the segment. Returns where that is.
    ///
    /// # Errors
    /// As [`record_len`](Self::record_len); nothing is written then.
    pub fn encode(&self, salt: Salt, offset: u32, out: &mut Vec<u8>) -> Result<Extent, StorageError> {
        let len = self.record_len()?;
        let (has_headers, evicts) = (!self.headers.is_empty(), self.evicts != 0);
        let mut bits = Kind::Message.bits();
        bits |= if has_headers { HAS_HEADERS } else { 0 };
        bits |= if self.marked { MARKED } else { 0 };
        bits |= if evicts { EVICTS } else { 0 };
        bits |= if self.dead { DEAD } else { 0 };
        out.reserve(len);
        let start = out.len();
        let fixed = Fixed { bits, subject_len: self.subject.len(), relative: self.relative, time: self.time };
        fixed.begin(out, len);
        if has_headers {
            out.extend_from_slice(&u16_of(self.headers.len()).to_le_bytes());
        }
        if evicts {
            out.extend_from_slice(&self.evicts.to_le_bytes());
        }
        out.extend_from_slice(self.subject);
        out.extend_from_slice(self.headers);
        out.extend_from_slice(self.payload);
        finish(&mut out[start..], salt.at(offset));
        Ok(Extent::new(offset, len, has_headers, evicts))
    }
}

/// Writes a control record behind `out`; returns its length.
///
/// # Errors
/// [`StorageError::TooLarge`] if the body does not fit a record.
pub fn encode_control(
    kind: Kind,
    relative: u32,
    time: Timestamp,
    body: &[u8],
    (salt, offset): (Salt, u32),
    out: &mut Vec<u8>,
) -> Result<usize, StorageError> {
    let len = HEADER_BYTES + body.len();
    if len > MAX_RECORD_BYTES {
        return Err(StorageError::TooLarge);
    }
    let start = out.len();
    Fixed { bits: kind.bits(), subject_len: 0, relative, time }.begin(out, len);
    out.extend_from_slice(body);
    finish(&mut out[start..], salt.at(offset));
    Ok(len)
}

/// Copies a record to another place: the bytes of `record`, whose CRCs hold, behind `out`, where they get CRCs for
/// `offset` in a segment with this salt, and another relative sequence.
pub fn encode_moved(record: &[u8], relative: u32, (salt, offset): (Salt, u32), out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(record);
    out[start + 8..start + 12].copy_from_slice(&relative.to_le_bytes());
    finish(&mut out[start..], salt.at(offset));
}

/// The seed that makes the CRC of this fixed header hold. A header whose segment lost its salt still tells it: the body's
/// CRC says whether it is true.
pub fn seed_of(fixed: &[u8; HEADER_BYTES]) -> u32 {
    let mut state = !u32_at(fixed, 20);
    for &byte in fixed[..20].iter().rev() {
        for _ in 0..8 {
            // The step of a reflected CRC, backwards: the top bit tells whether the polynomial went in.
            state = if state & 0x8000_0000 == 0 { state << 1 } else { ((state ^ POLYNOMIAL) << 1) | 1 };
        }
        state ^= u32::from(byte);
    }
    !state
}

/// Where a record lies in its segment, in eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Of its first byte.
    pub offset: u32,
    /// Its length, and in the upper two bits what the length of the message's parts depends on.
    pub length: u32,
}

impl Extent {
    fn new(offset: u32, len: usize, has_headers: bool, evicts: bool) -> Self {
        let flags = if has_headers { 1 << 30 } else { 0 } | if evicts { 1 << 31 } else { 0 };
        // A record is shorter than 2^30 bytes: checked where it is encoded and where it is decoded.
        Self { offset, length: u32::try_from(len).unwrap_or(LENGTH_BITS) & LENGTH_BITS | flags }
    }

    /// Bytes of the record.
    #[allow(clippy::len_without_is_empty)] // No record is empty.
    pub fn len(self) -> u32 {
        self.length & LENGTH_BITS
    }

    /// Where the next record begins.
    pub fn end(self) -> u64 {
        u64::from(self.offset) + u64::from(self.len())
    }

    /// Whether the message has headers.
    pub fn has_headers(self) -> bool {
        self.length & (1 << 30) != 0
    }

    /// Bytes of subject, headers and payload together.
    pub fn parts(self) -> u64 {
        let options = if self.has_headers() { 2 } else { 0 } + if self.length & (1 << 31) == 0 { 0 } else { 4 };
        u64::from(self.len()).saturating_sub(HEADER_BYTES as u64 + options)
    }
}

/// The header before its CRCs are known.
struct Fixed {
    bits: u8,
    subject_len: usize,
    relative: u32,
    time: Timestamp,
}

impl Fixed {
    fn begin(&self, out: &mut Vec<u8>, len: usize) {
        let mut fixed = [0; HEADER_BYTES];
        fixed[0] = self.bits;
        fixed[2..4].copy_from_slice(&u16_of(self.subject_len).to_le_bytes());
        let body_len = u32::try_from(len - HEADER_BYTES).expect("a record is shorter than 2^30 bytes");
        fixed[4..8].copy_from_slice(&body_len.to_le_bytes());
        fixed[8..12].copy_from_slice(&self.relative.to_le_bytes());
        fixed[12..20].copy_from_slice(&self.time.to_le_bytes());
        out.extend_from_slice(&fixed);
    }
}

/// Fills in the CRCs of a record.
fn finish(record: &mut [u8], seed: u32) {
    let header_crc = crc(seed, &record[..20]);
    let body_crc = crc(header_crc, &record[HEADER_BYTES..]);
    record[20..24].copy_from_slice(&header_crc.to_le_bytes());
    record[24..28].copy_from_slice(&body_crc.to_le_bytes());
}

/// A CRC-32 that starts from `seed`.
pub fn crc(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

fn u16_of(len: usize) -> u16 {
    u16::try_from(len).expect("checked when the length of the record was taken")
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

const HAS_HEADERS: u8 = 0x10;
const MARKED: u8 = 0x20;
const EVICTS: u8 = 0x40;
const DEAD: u8 = 0x80;
const LENGTH_BITS: u32 = (1 << 30) - 1;
/// Of CRC-32 (IEEE), reflected.
const POLYNOMIAL: u32 = 0xedb8_8320;

#[cfg(test)]
mod tests;
