//! Subjects that belong to the broker itself: clients may not publish to them, or ask for replies on them.
//! [reference §1.3, and what nats-server 2.15.1 does with the prefixes alone]

use embus_protocol::error::ClientError;

/// The queue group that no client joins.
pub(crate) const CLOSED_QUEUE: &[u8] = b"_sys_";

/// A quick look that lets almost every message pass: whether a full check is needed.
#[inline]
pub(crate) fn may_be_reserved(subject: &[u8], reply: Option<&[u8]>) -> bool {
    let suspicious = |subject: &[u8]| matches!(subject.get(1), Some(b'N' | b'G' | b'R' | b'J' | b'S'));
    suspicious(subject) || reply.is_some_and(suspicious)
}

/// What a client is told that uses a subject of the broker.
pub(crate) fn check_publish(subject: &[u8], reply: Option<&[u8]>) -> Option<ClientError> {
    if subject.starts_with(b"$NRG.") || goes_on_behind(subject, b"_GR_.") {
        return Some(ClientError::PublishPermission { subject: subject.into() });
    }
    let reply = reply?;
    let reserved = reply.starts_with(b"_R_.") || goes_on_behind(reply, b"$JS.ACK.") || goes_on_behind(reply, b"_GR_.");
    reserved.then(|| ClientError::ReplyPermission { reply: reply.into() })
}

/// Whether it is the broker itself that answers requests on this subject.
pub(crate) fn is_for_the_broker(subject: &[u8]) -> bool {
    subject.starts_with(b"$JS.") || subject.starts_with(b"$SYS.")
}

/// Some prefixes are reserved only with something behind them.
fn goes_on_behind(subject: &[u8], prefix: &[u8]) -> bool {
    subject.len() > prefix.len() && subject.starts_with(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(subject: &str, reply: Option<&str>, refused: bool) {
        let (subject, reply) = (subject.as_bytes(), reply.map(str::as_bytes));
        assert_eq!(check_publish(subject, reply).is_some(), refused);
        assert!(!refused || may_be_reserved(subject, reply), "the quick look must not let it pass");
    }

    #[test]
    fn subjects_and_replies_of_the_broker_are_refused() {
        check("$NRG.", None, true);
        check("_GR_.x", None, true);
        check("a", Some("_R_."), true);
        check("a", Some("$JS.ACK.x"), true);
        check("a", Some("_GR_.x"), true);
    }

    #[test]
    fn what_only_looks_like_them_passes() {
        check("_GR_.", None, false);
        check("_R_.x", None, false);
        check("$JS.ACK.x", None, false);
        check("a", Some("$JS.ACK."), false);
        check("a", Some("_INBOX.x"), false);
    }
}
