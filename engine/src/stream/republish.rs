//! Copies of stored messages for other subjects. [reference §6.4]

use std::io::Write;

use bytes::Bytes;
use embus_protocol::filter;
use embus_protocol::transform::SubjectTransform;
use embus_storage::message::Timestamp;

use super::config::StreamConfig;
use super::core::Republish;
use super::header_rewrite::CRLF;
use super::header_scan::VERSION;
use crate::api::time::Time;

/// Makes the copies of one stream.
#[derive(Debug)]
pub(crate) struct Republisher {
    stream: String,
    transform: SubjectTransform,
    headers_only: bool,
}

/// A message as it was stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Original<'a> {
    pub(crate) subject: &'a [u8],
    pub(crate) headers: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) sequence: u64,
    pub(crate) time: Timestamp,
    /// The sequence of the message before it on its subject, 0 if there was none.
    pub(crate) last_sequence: u64,
}

impl Republisher {
    pub(crate) fn new(config: &StreamConfig) -> Option<Self> {
        let transform = config.compiled_republish()?;
        let headers_only = config.republish.as_ref().is_some_and(|republish| republish.headers_only);
        Some(Self { stream: config.name.clone(), transform, headers_only })
    }

    /// Where a copy of a message on this subject goes, if it is to be copied and the result can be published to.
    pub(crate) fn destination(&self, subject: &[u8]) -> Option<Vec<u8>> {
        let mut destination = Vec::new();
        let applies = self.transform.apply(subject, &mut destination) && filter::is_valid_literal(&destination);
        applies.then_some(destination)
    }

    /// The copy.
    pub(crate) fn copy(&self, destination: Vec<u8>, original: &Original<'_>) -> Republish {
        let payload = if self.headers_only { Bytes::new() } else { Bytes::copy_from_slice(original.payload) };
        Republish { subject: destination, headers: self.headers(original), payload }
    }

    /// The headers that it came with, and behind them where it came from.
    fn headers(&self, original: &Original<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(original.headers.len() + self.stream.len() + original.subject.len() + 200);
        push_open_block(&mut out, original.headers);
        let Original { sequence, time, last_sequence, .. } = *original;
        // Writing to memory does not fail.
        let _ = write!(out, "Nats-Stream: {}\r\nNats-Subject: ", self.stream);
        out.extend_from_slice(original.subject);
        let _ = write!(
            out,
            "\r\nNats-Sequence: {sequence}\r\nNats-Time-Stamp: {}\r\nNats-Last-Sequence: {last_sequence}\r\n",
            Time::from(time)
        );
        if self.headers_only {
            let _ = write!(out, "Nats-Msg-Size: {}\r\n", original.payload.len());
        }
        out.extend_from_slice(CRLF);
        out
    }
}

/// A block without the empty line at its end. One that a client left unfinished is finished.
fn push_open_block(out: &mut Vec<u8>, block: &[u8]) {
    if block.is_empty() {
        out.extend_from_slice(VERSION);
        out.extend_from_slice(CRLF);
        return;
    }
    let open = block.strip_suffix(b"\r\n\r\n").unwrap_or(block);
    out.extend_from_slice(open.strip_suffix(CRLF).unwrap_or(open));
    out.extend_from_slice(CRLF);
}
