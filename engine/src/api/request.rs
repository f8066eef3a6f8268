//! What a request to the API asks for: its endpoint, the names in its subject, and what holds for every endpoint before
//! its own rules do. [reference §3.0, §3.1]

use std::borrow::Cow;

use embus_protocol::filter;
use embus_protocol::headers::block;

use crate::api::error::ApiError;
use crate::api::json;
use crate::engine::API_LEVEL;
use crate::service::Request;

/// One row of the table of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// What it does.
    pub(super) kind: Kind,
    /// Its subject behind `$JS.API.`.
    pattern: &'static str,
    /// The type of its answers, without what all have in common.
    pub(super) answer: &'static str,
    /// What its errors carry behind the error.
    pub(super) error_tail: &'static str,
}

/// What endpoints do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    AccountInfo,
    StreamCreate,
    StreamUpdate,
    StreamNames,
    StreamList,
    StreamInfo,
    StreamDelete,
    StreamPurge,
    MessageGet,
    MessageDelete,
    Snapshot,
    Restore,
    ConsumerCreate,
    ConsumerDurableCreate,
    ConsumerNames,
    ConsumerList,
    ConsumerInfo,
    ConsumerDelete,
    ConsumerPause,
    ConsumerUnpin,
    ConsumerReset,
    /// What only a cluster can do.
    Cluster,
}

impl Kind {
    /// Whether it makes, changes or removes a consumer: then the answer waits for that to be durable.
    pub(super) fn changes_consumers(self) -> bool {
        use Kind::{
            ConsumerCreate, ConsumerDelete, ConsumerDurableCreate, ConsumerPause, ConsumerReset, ConsumerUnpin,
        };
        matches!(
            self,
            ConsumerCreate | ConsumerDurableCreate | ConsumerDelete | ConsumerPause | ConsumerUnpin | ConsumerReset
        )
    }

    /// Whether a change of a consumer holds that could not be written. A new consumer goes again.
    pub(super) fn keeps_change(self) -> bool {
        self.changes_consumers() && !matches!(self, Self::ConsumerCreate | Self::ConsumerDurableCreate)
    }
}

const fn row(kind: Kind, pattern: &'static str, answer: &'static str, error_tail: &'static str) -> Endpoint {
    Endpoint { kind, pattern, answer, error_tail }
}

const PAGE: &str = r#","total":0,"offset":0,"limit":0"#;
const NO_CONSUMERS: &str = r#","total":0,"offset":0,"limit":0,"consumers":[]"#;

/// Subjects beyond these get no answer at all. [reference §3.0]
const ENDPOINTS: [Endpoint; 28] = [
    row(Kind::AccountInfo, "INFO", "account_info", ""),
    row(Kind::StreamCreate, "STREAM.CREATE.*", "stream_create", ""),
    row(Kind::StreamUpdate, "STREAM.UPDATE.*", "stream_update", ""),
    row(Kind::StreamNames, "STREAM.NAMES", "stream_names", r#","total":0,"offset":0,"limit":0,"streams":null"#),
    row(Kind::StreamList, "STREAM.LIST", "stream_list", r#","total":0,"offset":0,"limit":0,"streams":[]"#),
    row(Kind::StreamInfo, "STREAM.INFO.*", "stream_info", PAGE),
    row(Kind::StreamDelete, "STREAM.DELETE.*", "stream_delete", ""),
    row(Kind::StreamPurge, "STREAM.PURGE.*", "stream_purge", r#","purged":0"#),
    row(Kind::MessageGet, "STREAM.MSG.GET.*", "stream_msg_get", ""),
    row(Kind::MessageDelete, "STREAM.MSG.DELETE.*", "stream_msg_delete", ""),
    row(Kind::Snapshot, "STREAM.SNAPSHOT.*", "stream_snapshot", ""),
    row(Kind::Restore, "STREAM.RESTORE.*", "stream_restore", r#","deliver_subject":"""#),
    row(Kind::ConsumerCreate, "CONSUMER.CREATE.*", "consumer_create", ""),
    row(Kind::ConsumerCreate, "CONSUMER.CREATE.*.*", "consumer_create", ""),
    row(Kind::ConsumerCreate, "CONSUMER.CREATE.*.*.>", "consumer_create", ""),
    row(Kind::ConsumerDurableCreate, "CONSUMER.DURABLE.CREATE.*.*", "consumer_create", ""),
    row(Kind::ConsumerNames, "CONSUMER.NAMES.*", "consumer_names", NO_CONSUMERS),
    row(Kind::ConsumerList, "CONSUMER.LIST.*", "consumer_list", NO_CONSUMERS),
    row(Kind::ConsumerInfo, "CONSUMER.INFO.*.*", "consumer_info", ""),
    row(Kind::ConsumerDelete, "CONSUMER.DELETE.*.*", "consumer_delete", ""),
    row(
        Kind::ConsumerPause,
        "CONSUMER.PAUSE.*.*",
        "consumer_pause",
        r#","paused":false,"pause_until":"0001-01-01T00:00:00Z""#,
    ),
    row(Kind::ConsumerUnpin, "CONSUMER.UNPIN.*.*", "consumer_unpin", ""),
    row(Kind::ConsumerReset, "CONSUMER.RESET.*.*", "consumer_reset", r#","reset_seq":0"#),
    row(Kind::Cluster, "STREAM.PEER.REMOVE.*", "stream_remove_peer", ""),
    row(Kind::Cluster, "STREAM.PEER.EVACUATE.*", "stream_evacuate_peer", ""),
    row(Kind::Cluster, "STREAM.LEADER.STEPDOWN.*", "stream_leader_stepdown", ""),
    row(Kind::Cluster, "STREAM.CANCEL_MOVE.*", "stream_cancel_move", ""),
    row(Kind::Cluster, "CONSUMER.LEADER.STEPDOWN.*.*", "consumer_leader_stepdown", ""),
];

/// A request whose endpoint is known.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) endpoint: &'static Endpoint,
    /// The stream in the subject, empty where the endpoint has none.
    pub(super) stream: Cow<'a, str>,
    /// The consumer in the subject, empty where there is none.
    pub(super) consumer: Cow<'a, str>,
    /// What follows the consumer.
    pub(super) filter: Cow<'a, str>,
    /// The body.
    pub(super) body: &'a [u8],
}

impl<'a> Call<'a> {
    /// Finds the endpoint; requests to others are not answered.
    pub(super) fn parse(request: &Request<'a>) -> Option<Self> {
        let operation = operation(request.subject)?;
        let endpoint = ENDPOINTS.iter().find(|row| filter::matches(row.pattern.as_bytes(), operation))?;
        let literals =
            filter::tokens(endpoint.pattern.as_bytes()).filter(|token| !matches!(token, [b'*' | b'>'])).count();
        let mut names = operation.splitn(literals + 3, |byte| *byte == b'.').skip(literals);
        let mut next = || String::from_utf8_lossy(names.next().unwrap_or_default());
        Some(Self { endpoint, stream: next(), consumer: next(), filter: next(), body: request.payload })
    }

    /// The body of an endpoint that needs none: what begins with neither `{` nor `[` counts as none.
    pub(super) fn optional<T: json::Record>(&self) -> Result<T, ApiError> {
        match self.body.trim_ascii_start().first() {
            Some(b'{' | b'[') => json::decode(self.body),
            _ => Ok(T::default()),
        }
    }

    /// The body of an endpoint that asks for something.
    pub(super) fn required<T: json::Record>(&self) -> Result<T, ApiError> {
        self.check_not_empty()?;
        json::decode(self.body)
    }

    /// # Errors
    /// 10003 for no body, and for an object without fields.
    pub(super) fn check_not_empty(&self) -> Result<(), ApiError> {
        if is_empty(self.body) { Err(ApiError::bad_request()) } else { Ok(()) }
    }

    /// # Errors
    /// 10038 for anything but no body, and an object without fields.
    pub(super) fn check_empty(&self) -> Result<(), ApiError> {
        if is_empty(self.body) { Ok(()) } else { Err(ApiError::empty_request_required()) }
    }
}

/// What stands behind `$JS.API.` or `$JS.<domain>.API.`.
pub(crate) fn operation(subject: &[u8]) -> Option<&[u8]> {
    let rest = subject.strip_prefix(b"$JS.")?;
    rest.strip_prefix(b"API.").or_else(|| {
        let dot = rest.iter().position(|byte| *byte == b'.')?;
        rest[dot + 1..].strip_prefix(b"API.")
    })
}

/// Nothing, or an object without fields.
fn is_empty(body: &[u8]) -> bool {
    let inside = || body.trim_ascii().strip_prefix(b"{")?.strip_suffix(b"}");
    body.is_empty() || inside().is_some_and(|inside| inside.trim_ascii().is_empty())
}

/// # Errors
/// 10185 for requests that ask for more than is announced, and for what is no number. [reference §3.0]
pub(crate) fn check_level(headers: &[u8]) -> Result<(), ApiError> {
    if headers.is_empty() {
        return Ok(());
    }
    match block::value(headers, "Nats-Required-Api-Level") {
        None | Some(b"") => Ok(()),
        Some(text) => {
            let level = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
            match level {
                // Less than nothing is not much to ask for.
                Some(level) if u64::try_from(level).unwrap_or(0) <= API_LEVEL => Ok(()),
                _ => Err(ApiError::required_api_level()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(subject: &'a str, payload: &'a [u8]) -> Request<'a> {
        Request { subject: subject.as_bytes(), reply: None, headers: b"", payload }
    }

    #[track_caller]
    fn check(subject: &str, expected: Option<(Kind, &str, &str, &str)>) {
        let request = request(subject, b"");
        let call = Call::parse(&request);
        let found = call.as_ref().map(|call| (call.endpoint.kind, &*call.stream, &*call.consumer, &*call.filter));
        assert_eq!(found, expected, "{subject}");
    }

    #[test]
    fn endpoints_and_names() {
        check("$JS.API.INFO", Some((Kind::AccountInfo, "", "", "")));
        check("$JS.hub.API.INFO", Some((Kind::AccountInfo, "", "", "")));
        check("$JS.API.STREAM.INFO.S", Some((Kind::StreamInfo, "S", "", "")));
        check("$JS.API.STREAM.MSG.GET.S", Some((Kind::MessageGet, "S", "", "")));
        check("$JS.API.CONSUMER.CREATE.S", Some((Kind::ConsumerCreate, "S", "", "")));
        check("$JS.API.CONSUMER.CREATE.S.c.a.>", Some((Kind::ConsumerCreate, "S", "c", "a.>")));
        check("$JS.API.CONSUMER.DURABLE.CREATE.S.c", Some((Kind::ConsumerDurableCreate, "S", "c", "")));
        check("$JS.API.STREAM.LEADER.STEPDOWN.S", Some((Kind::Cluster, "S", "", "")));
        check("$JS.API.STREAM.INFO.*", Some((Kind::StreamInfo, "*", "", "")));
    }

    #[test]
    fn other_subjects_are_no_endpoints() {
        let others = ["INFO.S", "STREAM.INFO", "STREAM.INFO.S.T", "STREAM.FOO", "info", "META.LEADER.STEPDOWN", ""];
        for other in others {
            check(&format!("$JS.API.{other}"), None);
        }
        check("$JS.API", None);
        check("$JS.a.b.API.INFO", None);
        check("INFO", None);
    }

    #[test]
    fn names_that_are_no_text_are_names_of_nothing() {
        let request = Request { subject: b"$JS.API.STREAM.INFO.\xff", reply: None, headers: b"", payload: b"" };
        assert_eq!(Call::parse(&request).unwrap().stream, "\u{fffd}");
    }

    #[test]
    fn bodies_that_must_be_empty() {
        for (body, empty) in [
            ("", true),
            ("{}", true),
            (" { }\n", true),
            (" ", false),
            ("null", false),
            ("[]", false),
            ("x", false),
            (r#"{"a":1}"#, false),
            ("{", false),
        ] {
            let request = request("$JS.API.STREAM.DELETE.S", body.as_bytes());
            let call = Call::parse(&request).unwrap();
            assert_eq!(call.check_empty().is_ok(), empty, "{body:?}");
            assert_eq!(call.check_not_empty().is_err(), empty, "{body:?}");
        }
    }

    #[derive(Debug, Default, PartialEq)]
    struct Body {
        offset: i64,
    }
    json::fields!(Body, "server.Body", { "offset" => offset via json::int });

    #[test]
    fn optional_bodies() {
        for (body, expected) in [
            ("", Ok(0)),
            ("null", Ok(0)),
            ("x", Ok(0)),
            ("  ", Ok(0)),
            (r#" {"offset":3}"#, Ok(3)),
            ("  {", Err("invalid JSON: unexpected EOF")),
            ("[", Err("invalid JSON: unexpected EOF")),
            ("[]", Err("invalid JSON: json: cannot unmarshal array into Go value of type server.Body")),
        ] {
            let request = request("$JS.API.STREAM.NAMES", body.as_bytes());
            let read = Call::parse(&request).unwrap().optional::<Body>();
            let read = read.map(|body| body.offset).map_err(|error| error.to_string());
            assert_eq!(read, expected.map_err(str::to_owned), "{body:?}");
        }
    }

    #[test]
    fn levels() {
        for (value, fine) in [
            ("5", true),
            ("0", true),
            ("05", true),
            (" 5", true),
            ("", true),
            ("-1", true),
            ("6", false),
            ("x", false),
            ("5 ", false),
            ("99999999999999999999", false),
        ] {
            let headers = format!("NATS/1.0\r\nNats-Required-Api-Level: {value}\r\n\r\n");
            assert_eq!(check_level(headers.as_bytes()).is_ok(), fine, "{value:?}");
        }
        assert!(check_level(b"").is_ok());
        assert!(check_level(b"NATS/1.0\r\nA: b\r\n\r\n").is_ok());
    }
}
