//! Subjects that belong to the broker itself: clients may not publish to them, or ask for replies on them.
//! [reference §1.3]

use embus_protocol::decode::Publish;
use embus_protocol::error::ClientError;

/// Subjects that no client publishes to.
const CLOSED_SUBJECTS: [&[u8]; 2] = [b"$NRG.", b"_GR_."];

/// Reply subjects that no client asks for.
const CLOSED_REPLIES: [&[u8]; 3] = [b"_R_.", b"$JS.ACK.", b"_GR_."];

/// The queue group that no client joins.
pub(crate) const CLOSED_QUEUE: &[u8] = b"_sys_";

/// A quick look that lets almost every message pass: whether a full check is needed.
#[inline]
pub(crate) fn may_be_reserved(publish: &Publish<'_>) -> bool {
    let suspicious = |subject: &[u8]| matches!(subject.get(1), Some(b'N' | b'G' | b'R' | b'J'));
    suspicious(publish.subject) || publish.reply.is_some_and(suspicious)
}

/// Whether an in-process client uses a subject of the broker.
pub(crate) fn is_reserved(subject: &str, reply: Option<&str>) -> bool {
    let starts = |text: &str, prefixes: &[&[u8]]| prefixes.iter().any(|prefix| text.as_bytes().starts_with(prefix));
    starts(subject, &CLOSED_SUBJECTS) || reply.is_some_and(|reply| starts(reply, &CLOSED_REPLIES))
}

/// What the client is told when it uses a subject of the broker.
pub(crate) fn check_publish(publish: &Publish<'_>) -> Option<ClientError> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if let Some(reply) = publish.reply
        && CLOSED_REPLIES.iter().any(|prefix| reply.starts_with(prefix))
    {
        return Some(ClientError::ReplyPermission { reply: text(reply) });
    }
    CLOSED_SUBJECTS
        .iter()
        .any(|prefix| publish.subject.starts_with(prefix))
        .then(|| ClientError::PublishPermission { subject: text(publish.subject) })
}
