//! Records that wait to be written, one behind the other in pieces of memory. All of a stream with many consumers is a lot:
//! as one piece it would grow by being copied, and leave a hole behind that is seldom filled.

use std::collections::BTreeMap;

use super::format::Kind;

/// Records in the order in which they were noted.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Each body lies in one of them.
    pieces: Vec<Vec<u8>>,
    bytes: usize,
    records: Vec<Noted>,
}

#[derive(Debug)]
struct Noted {
    kind: Kind,
    id: u64,
    /// Bytes of its body.
    len: usize,
}

/// Records that know their numbers.
#[derive(Debug, Default)]
pub(super) struct Numbered {
    gathered: Gathered,
    first: u64,
    /// Of each: the number of the record that it builds on.
    previous: Vec<u64>,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) kind: Kind,
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) previous: u64,
    pub(super) body: &'a [u8],
}

impl Gathered {
    pub(super) fn push(&mut self, kind: Kind, id: u64, body: &[u8]) {
        match self.pieces.last_mut() {
            Some(piece) if piece.len() + body.len() <= PIECE_BYTES => piece.extend_from_slice(body),
            _ => self.pieces.push(body.to_vec()),
        }
        self.bytes += body.len();
        self.records.push(Noted { kind, id, len: body.len() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.records.len() * super::format::HEADER_BYTES
    }

    /// Numbers them from `first` on. `chain` has of each consumer the last record that a delta builds on.
    pub(super) fn number(self, first: u64, chain: &mut BTreeMap<u64, u64>) -> Numbered {
        let previous = (first..).zip(&self.records).map(|(number, record)| match record.kind {
            Kind::Snapshot => {
                chain.insert(record.id, number);
                0
            }
            Kind::Delta => chain.insert(record.id, number).unwrap_or(0),
            Kind::Delete => {
                chain.remove(&record.id);
                0
            }
            Kind::Config => 0,
        });
        Numbered { previous: previous.collect(), first, gathered: self }
    }
}

impl Numbered {
    pub(super) fn len(&self) -> u64 {
        self.previous.len() as u64
    }

    pub(super) fn next_number(&self) -> u64 {
        self.first + self.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        let mut pieces = self.gathered.pieces.iter();
        let mut piece: &[u8] = &[];
        let records = (self.first..).zip(&self.gathered.records).zip(&self.previous);
        records.map(move |((number, noted), &previous)| {
            while piece.len() < noted.len
                && let Some(next) = pieces.next()
            {
                piece = next;
            }
            let body;
            (body, piece) = piece.split_at(noted.len);
            Record { kind: noted.kind, id: noted.id, number, previous, body }
        })
    }
}

/// Bytes of one piece, but for a single body that is longer.
const PIECE_BYTES: usize = 64 * 1024;
