//! What the API tells whoever listens on `$JS.EVENT.ADVISORY.`. Nothing is built if nobody does. [reference §6.7]

pub(crate) mod consumer;

use embus_storage::message::Timestamp;

use crate::api::response::Object;
use crate::engine::Engine;
use crate::jetstream::JetStream;
use crate::router::Router;
use crate::service::Request;
use crate::sync::Arc;

/// What became of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamAction {
    /// It is new.
    Create,
    /// Its configuration changed.
    Modify,
    /// It is no more.
    Delete,
}

/// An event, ready to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advisory {
    subject: String,
    payload: String,
}

impl Advisory {
    /// An advisory of type `kind` with what is particular to it.
    pub(super) fn new(subject: String, kind: &str, id: &str, now: Timestamp, particular: &Object) -> Self {
        Self::of_type(subject, &format!("advisory.v1.{kind}"), id, now, particular)
    }

    fn of_type(subject: String, kind: &str, id: &str, now: Timestamp, particular: &Object) -> Self {
        let payload = Object::new()
            .with("type", &format!("io.nats.jetstream.{kind}"))
            .with("id", id)
            .with_time("timestamp", now)
            .with_all(particular)
            .to_json();
        Self { subject, payload }
    }

    /// Sends it.
    pub(super) fn publish(&self, jetstream: &JetStream) {
        if let (Some(engine), Some(router)) = (jetstream.engine(), jetstream.router()) {
            self.publish_on(&engine, &router);
        }
    }

    fn publish_on(&self, engine: &Arc<Engine>, router: &Router) {
        let (subject, payload) = (self.subject.as_bytes(), self.payload.as_bytes());
        let message = Request { subject, reply: None, headers: b"", payload };
        engine.publish_internal(router, &message);
    }
}

/// Tells what became of a stream.
pub(crate) fn publish_stream_action(
    engine: &Arc<Engine>,
    router: &Router,
    domain: Option<&str>,
    stream: &str,
    action: StreamAction,
) {
    let subject = stream_action_subject(stream, action);
    if router.has_interest(subject.as_bytes()) {
        stream_action(&new_id(engine), engine.timestamp(), domain, stream, action).publish_on(engine, router);
    }
}

/// Tells that requests were dropped because too many waited.
pub(crate) fn publish_limit_reached(engine: &Arc<Engine>, router: &Router, domain: Option<&str>, dropped: u64) {
    let subject = "$JS.EVENT.ADVISORY.API.LIMIT_REACHED";
    if router.has_interest(subject.as_bytes()) {
        let particular = Object::new()
            .with("server", &engine.info().server_name)
            .with_some("domain", domain)
            .with("dropped", &dropped);
        let (id, now) = (new_id(engine), engine.timestamp());
        Advisory::new(subject.to_owned(), "api_limit_reached", &id, now, &particular).publish_on(engine, router);
    }
}

/// An identifier like those that NATS gives its events: 22 letters and digits.
pub(crate) fn new_id(engine: &Engine) -> String {
    id_of([engine.random_below(u64::MAX), engine.random_below(u64::MAX)])
}

fn id_of(random: [u64; 2]) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut id = String::with_capacity(22);
    for mut number in random {
        // 64 bits are 11 digits.
        for _ in 0..11 {
            id.push(char::from(DIGITS[usize::try_from(number % 62).unwrap_or(0)]));
            number /= 62;
        }
    }
    id
}

fn stream_action_subject(stream: &str, action: StreamAction) -> String {
    let event = match action {
        StreamAction::Create => "CREATED",
        StreamAction::Modify => "UPDATED",
        StreamAction::Delete => "DELETED",
    };
    format!("$JS.EVENT.ADVISORY.STREAM.{event}.{stream}")
}

fn stream_action(id: &str, now: Timestamp, domain: Option<&str>, stream: &str, action: StreamAction) -> Advisory {
    let word = match action {
        StreamAction::Create => "create",
        StreamAction::Modify => "modify",
        StreamAction::Delete => "delete",
    };
    let particular = Object::new().with("stream", stream).with("action", word).with_some("domain", domain);
    Advisory::new(stream_action_subject(stream, action), "stream_action", id, now, &particular)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_created_stream() {
        let advisory =
            stream_action("XwdYfmjFElwwBEpP3VTbg8", 1_795_266_095_644_515_428, None, "S", StreamAction::Create);
        assert_eq!(advisory.subject, "$JS.EVENT.ADVISORY.STREAM.CREATED.S");
        assert_eq!(
            advisory.payload,
            r#"{"type":"io.nats.jetstream.advisory.v1.stream_action","id":"XwdYfmjFElwwBEpP3VTbg8","timestamp":"2026-11-21T13:01:35.644515428Z","stream":"S","action":"create"}"#
        );
    }

    #[test]
    fn a_changed_stream_in_a_domain() {
        let advisory = stream_action("i", 0, Some("hub"), "S", StreamAction::Modify);
        assert_eq!(advisory.subject, "$JS.EVENT.ADVISORY.STREAM.UPDATED.S");
        assert!(advisory.payload.ends_with(r#","stream":"S","action":"modify","domain":"hub"}"#), "{advisory:?}");
        let advisory = stream_action("i", 0, None, "S", StreamAction::Delete);
        assert_eq!(advisory.subject, "$JS.EVENT.ADVISORY.STREAM.DELETED.S");
        assert!(advisory.payload.ends_with(r#","action":"delete"}"#), "{advisory:?}");
    }

    #[test]
    fn identifiers_are_22_letters_and_digits() {
        assert_eq!(id_of([0, 0]), "0".repeat(22));
        let id = id_of([u64::MAX, 61]);
        assert_eq!(id.len(), 22);
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(&id[11..13], "z0");
    }
}
