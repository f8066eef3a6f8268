//! Taking a message in. [reference §4.2]

use embus_storage::error::StorageError;
use embus_storage::log::{Accounting, Append};
use embus_storage::message::Timestamp;

use super::core::{Core, Incoming, Outcome, Scratch};
use super::expect::Demand;
use super::header_rewrite;
use super::header_scan::HeaderScan;
use super::republish::Original;
use super::rollup::Rollup;
use super::ttl::TimeToLive;
use crate::api::error::ApiError;

/// What the account and the server leave a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headroom {
    /// The server has no room for more, whatever the account may.
    pub server_full: bool,
    /// Bytes that the account may still store.
    pub account_bytes: u64,
}

impl Headroom {
    /// As much as the disk holds.
    pub const UNLIMITED: Self = Self { server_full: false, account_bytes: u64::MAX };
}

/// A message that passed all checks, as it is stored.
struct Accepted<'a> {
    subject: &'a [u8],
    headers: &'a [u8],
    payload: &'a [u8],
    id: Option<&'a [u8]>,
    time_to_live: Option<TimeToLive>,
    rollup: Rollup,
}

impl Core {
    /// Takes a message in, or says why not.
    #[inline]
    pub fn publish(&mut self, incoming: &Incoming<'_>, now: Timestamp) -> Outcome {
        self.publish_within(Headroom::UNLIMITED, incoming, now)
    }

    /// The same where account or server set limits.
    pub fn publish_within(&mut self, headroom: Headroom, incoming: &Incoming<'_>, now: Timestamp) -> Outcome {
        let result = if self.limits.plain && incoming.headers.is_empty() {
            self.publish_plain(headroom, incoming, now).map(|sequence| Outcome::Stored { sequence })
        } else {
            self.publish_checked(headroom, incoming, now)
        };
        result.unwrap_or_else(Outcome::Refused)
    }

    /// The short way of a message that nothing can be said against but its size.
    #[inline]
    fn publish_plain(&mut self, room: Headroom, incoming: &Incoming<'_>, now: Timestamp) -> Result<u64, ApiError> {
        let Incoming { subject, payload, .. } = *incoming;
        self.check_record(subject.len(), 0, payload.len())?;
        self.check_size(subject.len(), 0, payload.len(), room)?;
        let evict = self.excess_on(subject);
        let append = Append { time: now, subject, headers: &[], payload, marked: false, evict };
        let sequence = self.log.append(&append).map_err(ApiError::store_failed)?;
        self.evict_oldest().map_err(ApiError::store_failed)?;
        Ok(sequence)
    }

    fn publish_checked(
        &mut self,
        room: Headroom,
        incoming: &Incoming<'_>,
        now: Timestamp,
    ) -> Result<Outcome, ApiError> {
        let scan = HeaderScan::new(incoming.headers);
        let mut scratch = std::mem::take(&mut self.scratch);
        let outcome = self.publish_scanned(room, incoming, &scan, &mut scratch, now);
        scratch.trim();
        self.scratch = scratch;
        outcome
    }

    fn publish_scanned(
        &mut self,
        room: Headroom,
        incoming: &Incoming<'_>,
        scan: &HeaderScan<'_>,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> Result<Outcome, ApiError> {
        let Scratch { subject, headers, cleaned } = scratch;
        let subject = self.transformed(incoming.subject, subject);
        let cleaned = cleaned_headers(incoming.headers, scan, cleaned);
        let payload = incoming.payload;
        self.check_record(subject.len(), cleaned.len(), payload.len())?;
        if scan.batch_id.get().is_some() {
            self.check_lengths(cleaned.len(), payload.len())?;
            return Err(ApiError::atomic_publish_disabled());
        }
        if self.limits.sealed {
            return Err(ApiError::stream_sealed());
        }
        self.check_lengths(cleaned.len(), payload.len())?;
        let rollup = match self.check_headers(scan, subject, now)? {
            Demand::Store(rollup) => rollup,
            Demand::Known(sequence) => return Ok(Outcome::Duplicate { sequence }),
        };
        if room.server_full {
            return Err(ApiError::insufficient_resources());
        }
        let id = scan.message_id.get();
        if self.is_unwanted(subject) {
            let sequence = self.skip(subject, cleaned, id, now).map_err(ApiError::store_failed)?;
            return Ok(Outcome::Stored { sequence });
        }
        let size = self.limits.accounting.size(subject.len(), cleaned.len(), payload.len());
        check_account(size, room)?;
        let time_to_live = parse_time_to_live(scan)?;
        let (headers, time_to_live) = self.raised(cleaned, time_to_live, headers);
        self.check_room(subject, size, rollup)?;
        if self.limits.discard_new_per_subject {
            // A start that found the message without the removal that made room for it would take an older one.
            self.log.write_removals().map_err(ApiError::store_failed)?;
        }
        let accepted = Accepted { subject, headers, payload, id, time_to_live, rollup };
        let sequence = self.store(&accepted, now).map_err(ApiError::store_failed)?;
        Ok(Outcome::Stored { sequence })
    }

    fn store(&mut self, message: &Accepted<'_>, now: Timestamp) -> Result<u64, StorageError> {
        let Accepted { subject, headers, payload, id, time_to_live, rollup } = *message;
        let copy = self.limits.republisher.as_ref().and_then(|republisher| republisher.destination(subject));
        let last_sequence = copy.as_ref().and_then(|_| self.log.last_of(subject)).unwrap_or(0);
        let marked = id.is_some() || time_to_live.is_some();
        let evict = self.evicted_by(message);
        let sequence = self.log.append(&Append { time: now, subject, headers, payload, marked, evict })?;
        let time = self.log.last_time();
        self.note_id(id, sequence);
        if let Some(time_to_live) = time_to_live {
            self.note_expiry(sequence, time_to_live, time);
        }
        self.evict_oldest()?;
        self.roll_up(rollup, subject, sequence)?;
        if let (Some(destination), Some(republisher)) = (copy, &self.limits.republisher) {
            let original = Original { subject, headers, payload, sequence, time, last_sequence };
            self.republished.push_back(republisher.copy(destination, &original));
        }
        Ok(sequence)
    }

    /// How many messages of its subject the record itself replaces: what survives a crash is the new message without
    /// them, or neither. Where the limits of the stream let older messages leave first, a rollup finds what is left of
    /// its subject afterwards. [nats-server: limits, then rollup]
    fn evicted_by(&self, message: &Accepted<'_>) -> u64 {
        let Accepted { subject, headers, payload, rollup, .. } = *message;
        let size = self.limits.accounting.size(subject.len(), headers.len(), payload.len());
        if rollup == Rollup::Subject && !self.would_evict_oldest(size) {
            return self.log.count_of(subject);
        }
        self.excess_on(subject)
    }

    /// Puts a marker in the place of the only message on its subject, which expired.
    pub(super) fn store_marker(&mut self, subject: &[u8], now: Timestamp) -> Result<(), StorageError> {
        let seconds = self.limits.marker_seconds;
        let lifetime = super::go_duration::format_seconds(seconds);
        let headers =
            format!("NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: {lifetime}\r\nNats-Rollup: sub\r\n\r\n");
        let time_to_live = Some(TimeToLive::Seconds(seconds));
        let headers = headers.as_bytes();
        let marker = Accepted { subject, headers, payload: &[], id: None, time_to_live, rollup: Rollup::Subject };
        self.store(&marker, now).map(|_| ())
    }

    /// Uses a sequence for a message that nobody wants. Its id is kept in the record, its payload is not.
    /// [reference §4.2: 21]
    fn skip(&mut self, subject: &[u8], headers: &[u8], id: Option<&[u8]>, now: Timestamp) -> Result<u64, StorageError> {
        let headers = if id.is_some() { headers } else { &[] };
        let append = Append { time: now, subject, headers, payload: &[], marked: id.is_some(), evict: 0 };
        let sequence = self.log.append_removed(&append)?;
        self.note_id(id, sequence);
        Ok(sequence)
    }

    fn note_id(&mut self, id: Option<&[u8]>, sequence: u64) {
        if let Some(id) = id {
            self.dedupe.note(id, sequence, self.log.last_time());
            self.last_id.set(id, sequence);
        }
    }

    fn is_unwanted(&self, subject: &[u8]) -> bool {
        self.limits.interest && !self.interest.as_ref().is_some_and(|interest| interest.wants(subject))
    }

    fn transformed<'a>(&self, subject: &'a [u8], out: &'a mut Vec<u8>) -> &'a [u8] {
        out.clear();
        match &self.limits.transform {
            Some(transform) if transform.apply(subject, out) => out,
            _ => subject,
        }
    }

    /// A message with a time to live stays at least as long as the marker that takes its place, so that the two can
    /// not be told apart by how long they stay. [ADR-43]
    fn raised<'a>(
        &self,
        headers: &'a [u8],
        time_to_live: Option<TimeToLive>,
        out: &'a mut Vec<u8>,
    ) -> (&'a [u8], Option<TimeToLive>) {
        let least = self.limits.marker_seconds;
        match time_to_live {
            Some(TimeToLive::Seconds(seconds)) if seconds < least && self.limits.max_per_subject != 1 => {
                header_rewrite::with_time_to_live(headers, least, out);
                (out, Some(TimeToLive::Seconds(least)))
            }
            _ => (headers, time_to_live),
        }
    }

    #[inline]
    fn check_record(&self, subject: usize, headers: usize, payload: usize) -> Result<(), ApiError> {
        let is_file = self.limits.accounting == Accounting::File;
        if is_file && Accounting::File.size(subject, headers, payload) > MAX_RECORD_BYTES {
            return Err(ApiError::store_failed(StorageError::TooLarge));
        }
        Ok(())
    }

    /// What nats-server 2.15.1 looks at before any header, whatever the order of its source says.
    #[inline]
    fn check_lengths(&self, headers: usize, payload: usize) -> Result<(), ApiError> {
        if headers + payload > usize::try_from(self.limits.max_message_size).unwrap_or(usize::MAX) {
            return Err(ApiError::message_too_large());
        }
        if headers > MAX_HEADER_BYTES {
            return Err(ApiError::headers_too_large());
        }
        Ok(())
    }

    #[inline]
    fn check_size(&self, subject: usize, headers: usize, payload: usize, room: Headroom) -> Result<(), ApiError> {
        self.check_lengths(headers, payload)?;
        if room.server_full {
            return Err(ApiError::insufficient_resources());
        }
        if room.account_bytes < u64::MAX {
            return check_account(self.limits.accounting.size(subject, headers, payload), room);
        }
        Ok(())
    }
}

fn check_account(size: u64, room: Headroom) -> Result<(), ApiError> {
    if size > room.account_bytes { Err(ApiError::account_resources_exceeded()) } else { Ok(()) }
}

fn parse_time_to_live(scan: &HeaderScan<'_>) -> Result<Option<TimeToLive>, ApiError> {
    let Some(value) = scan.time_to_live.get() else { return Ok(None) };
    TimeToLive::parse(value).map(Some).ok_or_else(ApiError::message_ttl_invalid)
}

fn cleaned_headers<'a>(headers: &'a [u8], scan: &HeaderScan<'_>, out: &'a mut Vec<u8>) -> &'a [u8] {
    if !scan.needs_cleaning {
        return headers;
    }
    header_rewrite::clean(headers, out);
    out
}

/// Whether a publish with this reply belongs to a fast batch, which no stream takes yet: it is refused with 10205.
/// [reference §4.5]
pub fn is_fast_batch(reply: &[u8]) -> bool {
    reply.ends_with(b".$FI")
}

/// [reference §4.2: 4]
const MAX_RECORD_BYTES: u64 = 32 * 1024 * 1024;

/// [reference §4.2: 19]
const MAX_HEADER_BYTES: usize = 65_535;
