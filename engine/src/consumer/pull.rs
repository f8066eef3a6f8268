//! A request for messages, as it comes in the body of `CONSUMER.MSG.NEXT`. [reference §5.5]

use bytes::Bytes;

use super::status::Status;
use crate::api::json;
use crate::api::time::Nanos;

/// A request for messages. The in-process API builds it directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Where messages and statuses go.
    pub reply: Bytes,
    /// How many messages; less than one counts as one.
    pub batch: i64,
    /// For how many nanoseconds it waits; 0 for ever; negative ones are over at once.
    pub expires: i64,
    /// Whether it ends when there is no message.
    pub no_wait: bool,
    /// How many bytes: subjects, replies, headers and payloads together; 0 and less for any number.
    pub max_bytes: i64,
    /// After how many nanoseconds without a message a status tells that it is still there; 0 for never.
    pub idle_heartbeat: i64,
    /// What concerns priorities; nothing if it was no formal request.
    pub priority: Option<Priority>,
    /// Whoever asks is told what clients over the wire are not: of a refusal that those only notice by heartbeats that do
    /// not come; and if it does not wait, that nothing comes now because the consumer is paused, or because too much waits
    /// for its acknowledgement already.
    pub is_told: bool,
}

/// The part of a request that concerns priorities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Priority {
    /// The group that it belongs to.
    pub group: String,
    /// Only served while at least as many messages are pending.
    pub min_pending: i64,
    /// Only served while at least as many messages wait for their acknowledgement.
    pub min_ack_pending: i64,
    /// The pinned client.
    pub pin_id: String,
    /// From 0, which comes first, to 9.
    pub priority: i64,
}

impl PullRequest {
    /// One message, whenever there is one.
    pub fn one(reply: Bytes) -> Self {
        Self {
            reply,
            batch: 1,
            expires: 0,
            no_wait: false,
            max_bytes: 0,
            idle_heartbeat: 0,
            priority: None,
            is_told: false,
        }
    }

    /// Reads the body of a request, which may be empty, a number, or JSON; anything else asks for one message.
    ///
    /// # Errors
    /// The refusal to send.
    pub fn parse(body: &[u8], reply: Bytes) -> Result<Self, Status> {
        let body = body.trim_ascii();
        if body.starts_with(b"{") {
            return Self::parse_formal(body, reply);
        }
        let number = std::str::from_utf8(body).ok().and_then(|text| text.parse().ok());
        Ok(Self { batch: number.unwrap_or(1), ..Self::one(reply) })
    }

    fn parse_formal(body: &[u8], reply: Bytes) -> Result<Self, Status> {
        let read: Formal = json::decode_lenient(body).map_err(|error| {
            let text = error.to_string();
            Status::bad_request(&reply, plain(text.strip_prefix("invalid JSON: ").unwrap_or(&text)))
        })?;
        if read.heartbeat.0 > 0 && read.heartbeat.0 > read.expires.0 / 2 {
            return Err(Status::bad_request(&reply, "heartbeat value too large"));
        }
        Ok(Self {
            reply,
            batch: read.batch,
            expires: read.expires.0,
            no_wait: read.no_wait,
            max_bytes: read.max_bytes,
            idle_heartbeat: read.heartbeat.0.max(0),
            priority: Some(Priority {
                group: read.group,
                min_pending: read.min_pending,
                min_ack_pending: read.min_ack_pending,
                pin_id: read.id,
                priority: read.priority,
            }),
            is_told: false,
        })
    }
}

#[derive(Debug, Default)]
struct Formal {
    expires: Nanos,
    batch: i64,
    max_bytes: i64,
    no_wait: bool,
    heartbeat: Nanos,
    group: String,
    min_pending: i64,
    min_ack_pending: i64,
    id: String,
    priority: i64,
}
// The reference server reads it into a type without a name.
json::fields!(Formal, "", {
    "expires" => expires,
    "batch" => batch via json::int,
    "max_bytes" => max_bytes via json::int,
    "no_wait" => no_wait,
    "idle_heartbeat" => heartbeat,
    "group" => group,
    "min_pending" => min_pending,
    "min_ack_pending" => min_ack_pending,
    "id" => id,
    "priority" => priority via json::int,
});

/// This request is read the plain way, whose errors have no offset. [Go json.Unmarshal]
fn plain(text: &str) -> String {
    match text.rsplit_once(" at offset ") {
        Some((text, _)) => text.to_owned(),
        None => text.replace("unexpected EOF", "unexpected end of JSON input"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<PullRequest, String> {
        let parsed = PullRequest::parse(body.as_bytes(), Bytes::from_static(b"in"));
        parsed.map_err(|status| String::from_utf8(status.headers).unwrap())
    }

    #[test]
    fn short_forms() {
        for (body, batch) in [("", 1), (" ", 1), ("7", 7), (" 7 ", 7), ("junk", 1), ("1.5", 1), ("-3", -3), ("null", 1)]
        {
            let expected = PullRequest { batch, ..PullRequest::one(Bytes::from_static(b"in")) };
            assert_eq!(parse(body), Ok(expected), "{body}");
        }
    }

    #[test]
    fn the_formal_one() {
        let body = r#"{"batch":2,"expires":1000,"no_wait":true,"max_bytes":10,"idle_heartbeat":500,"group":"g",
            "min_pending":3,"min_ack_pending":4,"id":"i","priority":5,"foo":[]}"#;
        let request = parse(body).unwrap();
        assert_eq!((request.batch, request.expires, request.no_wait), (2, 1000, true));
        assert_eq!((request.max_bytes, request.idle_heartbeat), (10, 500));
        let expected =
            Priority { group: "g".into(), min_pending: 3, min_ack_pending: 4, pin_id: "i".into(), priority: 5 };
        assert_eq!(request.priority, Some(expected));
        let nulls = r#"{"batch":2,"no_wait":true,"max_bytes":0,"min_pending":null,"group":null,"priority":null}"#;
        assert_eq!(parse(nulls).unwrap().priority, Some(Priority::default()));
    }

    #[test]
    fn refusals() {
        #[track_caller]
        fn check(body: &str, expected: &str) {
            assert_eq!(parse(body), Err(format!("NATS/1.0 400 Bad Request - {expected}\r\n\r\n")), "{body}");
        }
        check("{", "unexpected end of JSON input");
        check(r#"{"idle_heartbeat":501,"expires":1000}"#, "heartbeat value too large");
        check(r#"{"idle_heartbeat":1}"#, "heartbeat value too large");
        check(r#"{"idle_heartbeat":9223372036854775807,"expires":9223372036854775807}"#, "heartbeat value too large");
        check(r#"{"batch":"x"}"#, "json: cannot unmarshal string into Go struct field .batch of type int");
        check(r#"{"batch":1.5}"#, "json: cannot unmarshal number 1.5 into Go struct field .batch of type int");
    }
}
