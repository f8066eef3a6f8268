//! The header block on the wire: `NATS/1.0[ status[ description]]`, lines of `Name: value`, an empty line. [ADR-4]
//!
//! Blocks come from clients unchecked, so [`parse`] and [`value`] take any bytes. Reading is as tolerant as async-nats,
//! writing is strict.

use super::{HeaderMap, HeaderName, HeaderValue};
use crate::status::StatusCode;

/// First bytes of every block.
pub const VERSION: &str = "NATS/1.0";

/// A block read: its status with description, if it has one, and its headers.
pub type Parsed = (Option<(StatusCode, Option<String>)>, HeaderMap);

/// Why a block does not read. The message itself may still be delivered with its bytes as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// It is not UTF-8.
    #[error("header block is not UTF-8")]
    NotUtf8,
    /// It does not begin with `NATS/1.0`.
    #[error("header block does not begin with NATS/1.0")]
    Version,
    /// The status is not three digits.
    #[error("invalid status in header block")]
    Status,
    /// A line has no colon.
    #[error("header line without a colon")]
    Line,
    /// A name is not visible ASCII.
    #[error("invalid header name")]
    Name,
    /// A value holds CR.
    #[error("invalid header value")]
    Value,
}

/// The block of a map, without status. An empty map gives a block without lines.
///
/// ```
/// use embus_protocol::headers::{HeaderMap, block};
/// let mut headers = HeaderMap::new();
/// headers.insert("A", "1");
/// assert_eq!(block::encode(&headers), b"NATS/1.0\r\nA: 1\r\n\r\n");
/// ```
pub fn encode(headers: &HeaderMap) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded_len(headers));
    out.extend_from_slice(VERSION.as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in lines(headers) {
        for part in [name.as_str(), ": ", value.as_str(), "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The length of [`encode`] in bytes.
pub fn encoded_len(headers: &HeaderMap) -> usize {
    let line_len = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.as_str().len() + 4;
    VERSION.len() + 4 + lines(headers).map(line_len).sum::<usize>()
}

/// A block that is a status alone: `NATS/1.0 503\r\n\r\n`, with lines of `extra` in it.
pub fn encode_status(status: StatusCode, extra: &[(HeaderName, &[u8])]) -> Vec<u8> {
    let mut out = format!("{VERSION} {status}\r\n").into_bytes();
    for (name, value) in extra {
        for part in [name.as_str().as_bytes(), b": ", *value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Reads a block. Lines may end in LF alone, values are trimmed, a line that begins with white space goes on the one
/// before, and the empty line at the end may be missing. [async-nats: HMSG]
///
/// # Errors
/// [`HeaderError`] names what is wrong.
pub fn parse(block: &[u8]) -> Result<Parsed, HeaderError> {
    let text = std::str::from_utf8(block).map_err(|_| HeaderError::NotUtf8)?;
    let mut lines = text.lines().peekable();
    let status = parse_status(lines.next().unwrap_or_default())?;
    let mut headers = HeaderMap::new();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (name, first) = line.split_once(':').ok_or(HeaderError::Line)?;
        let name = name.parse::<HeaderName>().map_err(|_| HeaderError::Name)?;
        let mut value = first.to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            value.push_str(more);
        }
        headers.append(name, value.trim().parse::<HeaderValue>().map_err(|_| HeaderError::Value)?);
    }
    Ok((status, headers))
}

/// The first value of a header as bytes, found without reading the rest: the name is compared exactly and directly
/// followed by a colon, spaces before the value are skipped. [nats-server: header lookup]
///
/// ```
/// use embus_protocol::headers::block;
/// let block = b"NATS/1.0\r\nNats-Msg-Id: 7\r\n\r\n";
/// assert_eq!(block::value(block, "Nats-Msg-Id"), Some(&b"7"[..]));
/// assert_eq!(block::value(block, "nats-msg-id"), None);
/// ```
pub fn value(block: &[u8], name: impl AsRef<[u8]>) -> Option<&[u8]> {
    let name = name.as_ref();
    // The first line is the version; each further line follows an LF.
    block.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(b":")?;
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        let start = value.iter().position(|byte| *byte != b' ').unwrap_or(value.len());
        Some(&value[start..])
    })
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
}

fn parse_status(line: &str) -> Result<Option<(StatusCode, Option<String>)>, HeaderError> {
    let rest = line.strip_prefix(VERSION).ok_or(HeaderError::Version)?.trim();
    if rest.is_empty() {
        return Ok(None);
    }
    let (code, description) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = code.trim().parse().map_err(|_| HeaderError::Status)?;
    let description = description.trim();
    Ok(Some((status, (!description.is_empty()).then(|| description.to_owned()))))
}

#[cfg(test)]
mod tests;
