//! What a destination can do with the tokens of a subject. [reference §1.11]

use std::io::Write;

use crate::filter::tokens;

/// A function of a subject. Lengths that are not positive, or not shorter than the token, leave it whole.
#[derive(Debug, PartialEq)]
pub(super) enum Function {
    /// The token itself.
    Token { position: usize },
    /// A number below `buckets` that depends on some tokens, or on the whole subject if there are none.
    Partition { buckets: u32, positions: Box<[usize]> },
    /// Cut at every separator.
    Split { position: usize, separator: Box<[u8]> },
    /// Cut once, so far from the left.
    SplitFromLeft { position: usize, length: i32 },
    /// Cut once, so far from the right.
    SplitFromRight { position: usize, length: i32 },
    /// Cut again and again from the left.
    SliceFromLeft { position: usize, length: i32 },
    /// Cut again and again from the right.
    SliceFromRight { position: usize, length: i32 },
    /// The first bytes.
    Left { position: usize, length: i32 },
    /// The last bytes.
    Right { position: usize, length: i32 },
}

impl Function {
    /// Whether the result can not be cut into several tokens.
    pub(super) fn gives_one_token(&self) -> bool {
        matches!(self, Self::Token { .. } | Self::Partition { .. } | Self::Left { .. } | Self::Right { .. })
    }

    /// Appends the result.
    pub(super) fn push(&self, subject: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Token { position } => out.extend_from_slice(token(subject, *position)),
            Self::Partition { buckets, positions } => push_number(partition(subject, *buckets, positions), out),
            Self::Split { position, separator } => push_split(token(subject, *position), separator, out),
            Self::SplitFromLeft { position, length } => {
                let token = token(subject, *position);
                push_cut(token, cut(token, *length), out);
            }
            Self::SplitFromRight { position, length } => {
                let token = token(subject, *position);
                push_cut(token, cut(token, *length).map(|length| token.len() - length), out);
            }
            Self::SliceFromLeft { position, length } => push_slices(token(subject, *position), *length, false, out),
            Self::SliceFromRight { position, length } => push_slices(token(subject, *position), *length, true, out),
            Self::Left { position, length } => {
                let token = token(subject, *position);
                out.extend_from_slice(&token[..cut(token, *length).unwrap_or(token.len())]);
            }
            Self::Right { position, length } => {
                let token = token(subject, *position);
                out.extend_from_slice(&token[token.len() - cut(token, *length).unwrap_or(token.len())..]);
            }
        }
    }
}

/// Appends decimal digits.
pub(super) fn push_number(number: u32, out: &mut Vec<u8>) {
    let written = write!(out, "{number}");
    debug_assert!(written.is_ok(), "a Vec takes everything");
}

fn token(subject: &[u8], position: usize) -> &[u8] {
    tokens(subject).nth(position).unwrap_or_default()
}

/// The length, if it is one that cuts the token.
fn cut(token: &[u8], length: i32) -> Option<usize> {
    usize::try_from(length).ok().filter(|length| (1..token.len()).contains(length))
}

fn partition(subject: &[u8], buckets: u32, positions: &[usize]) -> u32 {
    if buckets == 0 {
        return 0;
    }
    let hash = if positions.is_empty() {
        fnv1a(FNV_BASIS, subject)
    } else {
        positions.iter().fold(FNV_BASIS, |hash, position| fnv1a(hash, token(subject, *position)))
    };
    hash % buckets
}

/// The 32 bit hash of Fowler, Noll and Vo.
fn fnv1a(basis: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(basis, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619))
}

const FNV_BASIS: u32 = 2_166_136_261;

/// Empty pieces are left out. An empty separator parts characters.
fn push_split(token: &[u8], separator: &[u8], out: &mut Vec<u8>) {
    let mut rest = token;
    let mut is_first = true;
    while !rest.is_empty() {
        let (length, skipped) = if separator.is_empty() {
            (character_length(rest), 0)
        } else {
            let found = rest.windows(separator.len()).position(|window| window == separator);
            found.map_or((rest.len(), 0), |at| (at, separator.len()))
        };
        if length > 0 {
            if !is_first {
                out.push(b'.');
            }
            is_first = false;
            out.extend_from_slice(&rest[..length]);
        }
        rest = &rest[length + skipped..];
    }
}

/// Of the first character; one for what is not UTF-8.
fn character_length(bytes: &[u8]) -> usize {
    let first = bytes.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    first.map_or(1, char::len_utf8)
}

fn push_cut(token: &[u8], at: Option<usize>, out: &mut Vec<u8>) {
    let (left, right) = token.split_at(at.unwrap_or(token.len()));
    out.extend_from_slice(left);
    if !right.is_empty() {
        out.push(b'.');
        out.extend_from_slice(right);
    }
}

fn push_slices(token: &[u8], length: i32, from_right: bool, out: &mut Vec<u8>) {
    let Some(length) = cut(token, length) else { return out.extend_from_slice(token) };
    let first = if from_right { token.len() % length } else { 0 };
    let (head, rest) = token.split_at(first);
    out.extend_from_slice(head);
    for (at, slice) in rest.chunks(length).enumerate() {
        if at > 0 || first > 0 {
            out.push(b'.');
        }
        out.extend_from_slice(slice);
    }
}
