//! Which message a request asks for: the body that `STREAM.MSG.GET` and direct gets share. [reference §6.1, §6.2]

use std::borrow::Cow;

use crate::api::fetch::{Query, Start};
use crate::api::json;
use crate::api::time::Time;

/// The body as it was sent.
#[derive(Debug, Default)]
pub struct Selector {
    /// This one, or where to begin.
    pub sequence: u64,
    /// The last one on these subjects.
    pub last_by_subject: String,
    /// The first one on these subjects, from the sequence or time on.
    pub next_by_subject: String,
    /// How many of them.
    pub batch: i64,
    /// How many bytes of them.
    pub max_bytes: i64,
    /// Where to begin.
    pub start_time: Option<Time>,
    /// The last one of each of these subjects.
    pub multi_last: Vec<String>,
    /// Not beyond.
    pub up_to_sequence: u64,
    /// Not beyond.
    pub up_to_time: Option<Time>,
    /// Without their headers.
    pub no_headers: bool,
}
json::fields!(Selector, "server.JSApiMsgGetRequest", {
    "seq" => sequence,
    "last_by_subj" => last_by_subject,
    "next_by_subj" => next_by_subject,
    "batch" => batch via json::int,
    "max_bytes" => max_bytes via json::int,
    "start_time" => start_time,
    "multi_last" => multi_last,
    "up_to_seq" => up_to_sequence,
    "up_to_time" => up_to_time,
    "no_hdr" => no_headers,
});

impl Selector {
    /// Whether it asks for no message in particular; several at once are not looked at.
    pub fn selects_nothing(&self) -> bool {
        self.sequence == 0
            && self.last_by_subject.is_empty()
            && self.next_by_subject.is_empty()
            && self.start_time.is_none()
    }

    /// Whether it asks for one message in two ways.
    pub fn contradicts_itself(&self) -> bool {
        let (sequence, last) = (self.sequence > 0, !self.last_by_subject.is_empty());
        let (next, time) = (!self.next_by_subject.is_empty(), self.start_time.is_some());
        sequence && (last || time) || last && (time || next)
    }

    /// The one message that it asks for, or the first of a batch.
    pub fn query(&self) -> Query<'_> {
        if !self.last_by_subject.is_empty() {
            return Query::Last(Cow::Borrowed(self.last_by_subject.as_bytes()));
        }
        let start = self.start();
        if !self.next_by_subject.is_empty() {
            return Query::Next(Some(Cow::Borrowed(self.next_by_subject.as_bytes())), start);
        }
        match start {
            Start::Sequence(sequence) => Query::Sequence(sequence),
            start @ Start::Time(_) => Query::Next(None, start),
        }
    }

    /// Where it begins to look.
    pub(super) fn start(&self) -> Start {
        self.start_time.map_or(Start::Sequence(self.sequence), |time| Start::Time(time.as_timestamp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(body: &str) -> Selector {
        json::decode(body.as_bytes()).unwrap()
    }

    #[test]
    fn contradictions() {
        for (body, expected) in [
            (r#"{"seq":1,"last_by_subj":"s"}"#, true),
            (r#"{"seq":1,"start_time":"2020-01-01T00:00:00Z"}"#, true),
            (r#"{"seq":1,"start_time":"0001-01-01T00:00:00Z"}"#, true),
            (r#"{"seq":1,"start_time":null}"#, false),
            (r#"{"last_by_subj":"s","start_time":"2020-01-01T00:00:00Z"}"#, true),
            (r#"{"last_by_subj":"s","next_by_subj":"s"}"#, true),
            (r#"{"next_by_subj":"s","seq":1}"#, false),
            (r#"{"next_by_subj":"s","start_time":"2020-01-01T00:00:00Z"}"#, false),
            (r#"{"next_by_subj":"s","seq":1,"start_time":"2020-01-01T00:00:00Z"}"#, true),
        ] {
            assert_eq!(selector(body).contradicts_itself(), expected, "{body}");
        }
    }

    #[test]
    fn nothing_selected() {
        for body in
            ["", "{}", "null", r#"{"seq":0}"#, r#"{"last_by_subj":""}"#, r#"{"batch":2}"#, r#"{"multi_last":["a"]}"#]
        {
            assert!(selector(body).selects_nothing(), "{body}");
        }
        assert!(!selector(r#"{"start_time":"0001-01-01T00:00:00Z"}"#).selects_nothing());
    }

    #[test]
    fn queries() {
        let subject = || Cow::Borrowed(&b"s"[..]);
        for (body, query) in [
            (r#"{"seq":3}"#, Query::Sequence(3)),
            (r#"{"last_by_subj":"s"}"#, Query::Last(subject())),
            (r#"{"next_by_subj":"s"}"#, Query::Next(Some(subject()), Start::Sequence(0))),
            (r#"{"next_by_subj":"s","seq":4}"#, Query::Next(Some(subject()), Start::Sequence(4))),
            (r#"{"start_time":"1970-01-01T00:00:01Z"}"#, Query::Next(None, Start::Time(1_000_000_000))),
        ] {
            assert_eq!(selector(body).query(), query, "{body}");
        }
    }
}
