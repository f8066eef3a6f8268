//! What happened to consumers, for whoever listens. Nothing is built if nobody does. [reference §6.7]

use embus_storage::message::Timestamp;

use super::{Advisory, new_id};
use crate::api::response::Object;
use crate::consumer::Event;
use crate::engine::Engine;
use crate::router::Router;
use crate::service::Request;
use crate::stream::{ConsumerChange, ConsumerNotice};
use crate::sync::Arc;
use crate::worker::Worker;

/// Whose consumer it is.
struct Origin<'a> {
    account: &'a str,
    stream: &'a str,
    domain: Option<&'a str>,
}

/// Tells what happened to a consumer of `stream`.
pub(crate) fn publish(
    engine: &Arc<Engine>,
    router: &Router,
    worker: &mut Worker,
    stream: &str,
    domain: Option<&str>,
    notice: &ConsumerNotice,
) {
    let subject = subject(stream, notice);
    if !router.has_interest(subject.as_bytes()) {
        return;
    }
    let origin = Origin { account: router.account(), stream, domain };
    let advisory = advisory(subject, &new_id(engine), engine.timestamp(), &origin, notice);
    let (subject, payload) = (advisory.subject.as_bytes(), advisory.payload.as_bytes());
    worker.deliver_internal(router, &Request { subject, reply: None, headers: b"", payload }, 0);
}

fn subject(stream: &str, notice: &ConsumerNotice) -> String {
    let kind = match &notice.what {
        ConsumerChange::Created => "ADVISORY.CONSUMER.CREATED",
        ConsumerChange::Deleted => "ADVISORY.CONSUMER.DELETED",
        ConsumerChange::Event(event) => match event {
            Event::MaxDeliveries { .. } => "ADVISORY.CONSUMER.MAX_DELIVERIES",
            Event::Naked { .. } => "ADVISORY.CONSUMER.MSG_NAKED",
            Event::Terminated { .. } => "ADVISORY.CONSUMER.MSG_TERMINATED",
            Event::AckSample { .. } => "METRIC.CONSUMER.ACK",
            Event::Pinned { .. } => "ADVISORY.CONSUMER.PINNED",
            Event::Unpinned { .. } => "ADVISORY.CONSUMER.UNPINNED",
            Event::Paused { .. } => "ADVISORY.CONSUMER.PAUSE",
        },
    };
    format!("$JS.EVENT.{kind}.{stream}.{}", notice.consumer)
}

fn advisory(
    subject: String,
    id: &str,
    now: Timestamp,
    origin: &Origin<'_>,
    ConsumerNotice { consumer, what }: &ConsumerNotice,
) -> Advisory {
    let named = Object::new().with("stream", origin.stream).with("consumer", &**consumer);
    let (kind, particular) = match what {
        ConsumerChange::Created => ("advisory.v1.consumer_action", named.with("action", "create")),
        ConsumerChange::Deleted => ("advisory.v1.consumer_action", named.with("action", "delete")),
        ConsumerChange::Event(event) => of_event(event, named, origin, consumer),
    };
    // Those of priority groups have it in the middle.
    let is_complete = matches!(what, ConsumerChange::Event(Event::Pinned { .. } | Event::Unpinned { .. }));
    let domain = origin.domain.filter(|_| !is_complete);
    Advisory::of_type(subject, kind, id, now, &particular.with_some("domain", domain))
}

fn of_event(event: &Event, named: Object, origin: &Origin<'_>, consumer: &str) -> (&'static str, Object) {
    let grouped = || {
        Object::new()
            .with("account", origin.account)
            .with("stream", origin.stream)
            .with("consumer", consumer)
            .with_some("domain", origin.domain)
    };
    match event {
        Event::MaxDeliveries { stream_sequence, deliveries } => {
            ("advisory.v1.max_deliver", named.with("stream_seq", stream_sequence).with("deliveries", deliveries))
        }
        Event::Naked { consumer_sequence, stream_sequence, deliveries } => {
            ("advisory.v1.nak", delivery(named, *consumer_sequence, *stream_sequence).with("deliveries", deliveries))
        }
        Event::Terminated { consumer_sequence, stream_sequence, deliveries, reason } => (
            "advisory.v1.terminated",
            delivery(named, *consumer_sequence, *stream_sequence)
                .with("deliveries", deliveries)
                .with_some("reason", (!reason.is_empty()).then_some(reason)),
        ),
        Event::AckSample { consumer_sequence, stream_sequence, deliveries, ack_time } => (
            "metric.v1.consumer_ack",
            delivery(named, *consumer_sequence, *stream_sequence)
                .with("ack_time", ack_time)
                .with("deliveries", deliveries),
        ),
        Event::Pinned { group, pin_id } => (
            "advisory.v1.consumer_group_pinned",
            grouped().with("group", group).with("pinned_id", &String::from_utf8_lossy(pin_id)),
        ),
        Event::Unpinned { group, reason } => {
            ("advisory.v1.consumer_group_unpinned", grouped().with("group", group).with("reason", reason.as_str()))
        }
        Event::Paused { until } => (
            "advisory.v1.consumer_pause",
            named.with("paused", &until.is_some()).with_time("pause_until", until.unwrap_or(0)),
        ),
    }
}

fn delivery(named: Object, consumer_sequence: u64, stream_sequence: u64) -> Object {
    named.with("consumer_seq", &consumer_sequence).with("stream_seq", &stream_sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(what: ConsumerChange, domain: Option<&str>, expected: (&str, &str)) {
        let notice = ConsumerNotice { consumer: Arc::from("C"), what };
        let origin = Origin { account: "$G", stream: "S", domain };
        let advisory = advisory(subject("S", &notice), "i", 1_500_000_000, &origin, &notice);
        let head = r#","id":"i","timestamp":"1970-01-01T00:00:01.5Z","#;
        assert_eq!((&*advisory.subject, &*advisory.payload.replace(head, " ")), expected);
    }

    #[test]
    fn actions() {
        check(
            ConsumerChange::Created,
            None,
            (
                "$JS.EVENT.ADVISORY.CONSUMER.CREATED.S.C",
                r#"{"type":"io.nats.jetstream.advisory.v1.consumer_action" "stream":"S","consumer":"C","action":"create"}"#,
            ),
        );
        check(
            ConsumerChange::Deleted,
            Some("hub"),
            (
                "$JS.EVENT.ADVISORY.CONSUMER.DELETED.S.C",
                r#"{"type":"io.nats.jetstream.advisory.v1.consumer_action" "stream":"S","consumer":"C","action":"delete","domain":"hub"}"#,
            ),
        );
    }

    #[test]
    fn events() {
        check(
            ConsumerChange::Event(Event::MaxDeliveries { stream_sequence: 4, deliveries: 2 }),
            None,
            (
                "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.C",
                r#"{"type":"io.nats.jetstream.advisory.v1.max_deliver" "stream":"S","consumer":"C","stream_seq":4,"deliveries":2}"#,
            ),
        );
        let reason = "broken".to_owned();
        check(
            ConsumerChange::Event(Event::Terminated {
                consumer_sequence: 3,
                stream_sequence: 4,
                deliveries: 2,
                reason,
            }),
            None,
            (
                "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.S.C",
                r#"{"type":"io.nats.jetstream.advisory.v1.terminated" "stream":"S","consumer":"C","consumer_seq":3,"stream_seq":4,"deliveries":2,"reason":"broken"}"#,
            ),
        );
        check(
            ConsumerChange::Event(Event::AckSample {
                consumer_sequence: 3,
                stream_sequence: 4,
                deliveries: 1,
                ack_time: 99,
            }),
            None,
            (
                "$JS.EVENT.METRIC.CONSUMER.ACK.S.C",
                r#"{"type":"io.nats.jetstream.metric.v1.consumer_ack" "stream":"S","consumer":"C","consumer_seq":3,"stream_seq":4,"ack_time":99,"deliveries":1}"#,
            ),
        );
        let pin_id = bytes::Bytes::from_static(b"pin");
        check(
            ConsumerChange::Event(Event::Pinned { group: "g".into(), pin_id }),
            Some("hub"),
            (
                "$JS.EVENT.ADVISORY.CONSUMER.PINNED.S.C",
                r#"{"type":"io.nats.jetstream.advisory.v1.consumer_group_pinned" "account":"$G","stream":"S","consumer":"C","domain":"hub","group":"g","pinned_id":"pin"}"#,
            ),
        );
    }
}
