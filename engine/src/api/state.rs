//! What a stream looks like from outside: its configuration and state, as all answers that tell of a stream have it.
//! [reference §3.3]

use embus_protocol::filter;
use embus_storage::log::{Log, State};
use embus_storage::message::Timestamp;

use crate::api::json;
use crate::api::response::Object;
use crate::stream::Stream;
use crate::stream::config::StreamConfig;
use crate::stream::core::Core;
use crate::sync::Arc;

/// A stream at one moment: taken under its lock, written afterwards.
#[derive(Debug)]
pub(super) struct Snapshot {
    config: Arc<StreamConfig>,
    created: Timestamp,
    state: State,
    consumers: usize,
    details: Details,
}

/// What a snapshot tells only on demand.
#[derive(Debug, Default)]
pub(super) struct Details {
    pub(super) subjects: Option<Subjects>,
    pub(super) deleted: Option<Deleted>,
}

impl Snapshot {
    /// Without details.
    pub(super) fn take(stream: &Arc<Stream>) -> Self {
        Self::take_with(stream, |_| Details::default())
    }

    /// With details, which are looked for while the stream is locked.
    pub(super) fn take_with(stream: &Arc<Stream>, details: impl FnOnce(&Core) -> Details) -> Self {
        let consumers = stream.consumer_count();
        stream.look(|core| Self {
            config: Arc::clone(core.config()),
            created: core.created(),
            state: core.state(),
            consumers,
            details: details(core),
        })
    }

    /// Configuration, creation and state; `with_version` adds what the server says of itself to the metadata.
    pub(super) fn object(&self, with_version: bool) -> Object {
        Object::new()
            .with_raw("config", &self.config.to_json(with_version))
            .with_time("created", self.created)
            .with_raw("state", &self.state().to_json())
    }

    /// The details, for paging.
    pub(super) fn details_mut(&mut self) -> &mut Details {
        &mut self.details
    }

    fn state(&self) -> Object {
        let state = &self.state;
        let mut object = Object::new()
            .with("messages", &state.messages)
            .with("bytes", &state.bytes)
            .with("first_seq", &state.first_sequence)
            .with_time("first_ts", state.first_time)
            .with("last_seq", &state.last_sequence)
            .with_time("last_ts", state.last_time)
            .with_nonzero("num_subjects", state.subjects);
        if let Some(subjects) = self.details.subjects.as_ref().filter(|subjects| !subjects.entries.is_empty()) {
            object = object.with_raw("subjects", &subjects.to_json());
        }
        object = object.with_nonzero("num_deleted", state.deleted);
        if let Some(deleted) = self.details.deleted.as_ref().filter(|deleted| !deleted.ranges.is_empty()) {
            object = object.with_raw("deleted", &deleted.to_json());
        }
        if state.lost_messages > 0 || state.lost_bytes > 0 {
            object = object.with_raw("lost", &lost(state).to_json());
        }
        object.with("consumer_count", &self.consumers)
    }
}

/// Differs from nats-server, which lists the sequences in `msgs`: they are not known of a record that does not read.
fn lost(state: &State) -> Object {
    Object::new().with_raw("msgs", "null").with("bytes", &state.lost_bytes).with("count", &state.lost_messages)
}

/// Subjects with the number of their messages. The names lie one behind the other, so that a million of them is copied
/// while publishers hardly wait.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    names: Vec<u8>,
    /// Where a name lies, and how many messages it has.
    entries: Vec<(usize, usize, u64)>,
}

impl Subjects {
    /// All subjects that match.
    pub(super) fn collect(log: &Log, filter: &[u8]) -> Self {
        let mut subjects = Self::default();
        if filter::is_valid_filter(filter) {
            log.subject_counts(filter, &mut |subject, count| {
                subjects.push(subject, count);
                true
            });
        }
        subjects
    }

    fn push(&mut self, name: &[u8], count: u64) {
        let start = self.names.len();
        self.names.extend_from_slice(name);
        self.entries.push((start, self.names.len(), count));
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Keeps one part of them, sorted by name.
    pub(super) fn keep(&mut self, range: std::ops::Range<usize>) {
        let names = &self.names;
        self.entries.sort_unstable_by(|a, b| names[a.0..a.1].cmp(&names[b.0..b.1]));
        self.entries.truncate(range.end);
        self.entries.drain(..range.start.min(self.entries.len()));
    }

    fn to_json(&self) -> String {
        let mut json = String::from("{");
        for (start, end, count) in &self.entries {
            let comma = if json.len() > 1 { "," } else { "" };
            let name = json::to_string(&String::from_utf8_lossy(&self.names[*start..*end]));
            json.extend([comma, &name, ":", itoa::Buffer::new().format(*count)]);
        }
        json.push('}');
        json
    }
}

/// Sequences without a message.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    ranges: Vec<(u64, u64)>,
    count: u64,
}

/// Sequences that one answer lists; `num_deleted` counts all.
const MAX_DELETED: u64 = 1_000_000;

impl Deleted {
    /// The first of them.
    pub(super) fn collect(log: &Log) -> Self {
        let mut deleted = Self::default();
        log.deleted(&mut |start, end| deleted.push(start, end));
        deleted
    }

    /// Takes a range in; says whether there is room for more.
    fn push(&mut self, start: u64, end: u64) -> bool {
        let Some(room) = (MAX_DELETED - self.count).checked_sub(1) else { return false };
        let end = end.min(start.saturating_add(room));
        self.count += end - start + 1;
        self.ranges.push((start, end));
        self.count < MAX_DELETED
    }

    fn to_json(&self) -> String {
        let mut json = String::from("[");
        for sequence in self.ranges.iter().flat_map(|(start, end)| *start..=*end) {
            let comma = if json.len() > 1 { "," } else { "" };
            json.extend([comma, itoa::Buffer::new().format(sequence)]);
        }
        json.push(']');
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_sorted_and_cut() {
        let mut subjects = Subjects::default();
        for name in ["s.c", "s.a<&>", "s.a", "s.b"] {
            subjects.push(name.as_bytes(), 2);
        }
        subjects.keep(1..3);
        assert_eq!(subjects.to_json(), r#"{"s.a\u003c\u0026\u003e":2,"s.b":2}"#);
        subjects.keep(5..5);
        assert_eq!(subjects.to_json(), "{}");
    }

    #[test]
    fn deleted_sequences_are_listed_up_to_a_bound() {
        let mut deleted = Deleted::default();
        assert!(deleted.push(3, 3));
        assert!(deleted.push(7, 9));
        assert_eq!(deleted.to_json(), "[3,7,8,9]");
        assert!(!deleted.push(100, u64::MAX));
        assert!(!deleted.push(200, 300));
        assert_eq!(deleted.count, MAX_DELETED);
    }

    #[test]
    fn ranges_at_the_end_of_all_numbers() {
        let mut deleted = Deleted::default();
        assert!(deleted.push(u64::MAX - 1, u64::MAX));
        assert_eq!(deleted.to_json(), "[18446744073709551614,18446744073709551615]");
    }
}
