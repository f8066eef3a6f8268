//! Statuses: messages without a body whose header block says what became of a request, or that a consumer is alive.
//! Their texts are compared literally by clients. [reference §5.5, §5.6]

use std::fmt::{self, Display};
use std::io::Write;

use bytes::Bytes;

use crate::api::time::Nanos;

/// A message that is only a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Where it goes.
    pub to: Bytes,
    /// The subject that the receiver answers on, of a question of flow control.
    pub reply: Option<Bytes>,
    /// The whole header block.
    pub headers: Vec<u8>,
}

/// What of a request is left undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

impl Status {
    /// `line` is code and description; `fields` are whole lines.
    fn new(to: &Bytes, line: fmt::Arguments<'_>, fields: fmt::Arguments<'_>) -> Self {
        let mut headers = Vec::with_capacity(HEADERS_BYTES);
        // Writing to memory does not fail.
        let _ = write!(headers, "NATS/1.0 {line}\r\n{fields}\r\n");
        Self { to: to.clone(), reply: None, headers }
    }

    fn bare(to: &Bytes, line: &str) -> Self {
        Self::new(to, format_args!("{line}"), format_args!(""))
    }

    fn with_left(to: &Bytes, line: &str, left: Left) -> Self {
        let Left { messages, bytes } = left;
        let fields = format_args!("Nats-Pending-Messages: {messages}\r\nNats-Pending-Bytes: {bytes}\r\n");
        Self::new(to, format_args!("{line}"), fields)
    }

    /// It is alive, and this is how far it came; `stalled` is where an answer of flow control is due.
    pub(super) fn idle_heartbeat(to: &Bytes, consumer: u64, stream: u64, stalled: Option<&Bytes>) -> Self {
        let mut status = Self::new(
            to,
            format_args!("100 Idle Heartbeat"),
            format_args!("Nats-Last-Consumer: {consumer}\r\nNats-Last-Stream: {stream}\r\n"),
        );
        if let Some(reply) = stalled {
            let end = status.headers.len() - 2;
            status.headers.truncate(end);
            status.headers.extend_from_slice(b"Nats-Consumer-Stalled: ");
            status.headers.extend_from_slice(reply);
            status.headers.extend_from_slice(b"\r\n\r\n");
        }
        status
    }

    /// The receiver is asked to answer on `reply` when it has come so far.
    pub(super) fn flow_control(to: &Bytes, reply: &Bytes) -> Self {
        Self { reply: Some(reply.clone()), ..Self::bare(to, "100 FlowControl Request") }
    }

    /// There is nothing, and the request does not wait.
    pub(super) fn no_messages(to: &Bytes) -> Self {
        Self::bare(to, "404 No Messages")
    }

    /// The request's time is over.
    pub(super) fn request_timeout(to: &Bytes, left: Left) -> Self {
        Self::with_left(to, "408 Request Timeout", left)
    }

    /// Requests that came before will get what there is, and this one does not wait.
    pub(super) fn requests_pending(to: &Bytes) -> Self {
        Self::bare(to, "408 Requests Pending")
    }

    /// The request asks for more messages than one may.
    pub(super) fn exceeded_max_batch(to: &Bytes, limit: i64) -> Self {
        Self::new(to, format_args!("409 Exceeded MaxRequestBatch of {limit}"), format_args!(""))
    }

    /// The request waits longer than one may.
    pub(super) fn exceeded_max_expires(to: &Bytes, limit: Nanos) -> Self {
        Self::new(to, format_args!("409 Exceeded MaxRequestExpires of {limit}"), format_args!(""))
    }

    /// The request asks for more bytes than one may.
    pub(super) fn exceeded_max_bytes(to: &Bytes, limit: i64) -> Self {
        Self::new(to, format_args!("409 Exceeded MaxRequestMaxBytes of {limit}"), format_args!(""))
    }

    /// As many requests wait as may.
    pub(super) fn exceeded_max_waiting(to: &Bytes) -> Self {
        Self::bare(to, "409 Exceeded MaxWaiting")
    }

    /// The next message is larger than what the request has room for.
    pub(super) fn message_too_large(to: &Bytes, left: Left) -> Self {
        Self::with_left(to, "409 Message Size Exceeds MaxBytes", left)
    }

    /// All messages that were asked for are sent, and there are bytes left.
    pub(super) fn batch_completed(to: &Bytes, left: Left) -> Self {
        Self::with_left(to, "409 Batch Completed", left)
    }

    /// Nothing is to be asked for here.
    pub(super) fn push_based(to: &Bytes) -> Self {
        Self::bare(to, "409 Consumer is push based")
    }

    /// The consumer is gone.
    pub(super) fn consumer_deleted(to: &Bytes) -> Self {
        Self::bare(to, "409 Consumer Deleted")
    }

    /// The server goes.
    pub(super) fn server_shutdown(to: &Bytes, left: Left) -> Self {
        Self::with_left(to, "409 Server Shutdown", left)
    }

    /// The request is wrong.
    pub(super) fn bad_request(to: &Bytes, why: impl Display) -> Self {
        Self::new(to, format_args!("400 Bad Request - {why}"), format_args!(""))
    }

    /// A waiting request names a pin that is over.
    pub(super) fn wrong_pin(to: &Bytes, left: Left) -> Self {
        Self::with_left(to, "423 Nats-Wrong-Pin-Id", left)
    }

    /// A new request names another pin than that of the pinned client.
    pub(super) fn pin_mismatch(to: &Bytes) -> Self {
        Self::bare(to, "423 Nats-Pin-Id mismatch")
    }
}

/// What most of them need.
const HEADERS_BYTES: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: &Status, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&status.headers), expected);
        assert_eq!(status.to, "in");
    }

    #[test]
    fn their_bytes() {
        let to = Bytes::from_static(b"in");
        let left = Left { messages: 3, bytes: 50 };
        let pending = "Nats-Pending-Messages: 3\r\nNats-Pending-Bytes: 50\r\n\r\n";
        let seen = "Nats-Last-Consumer: 4\r\nNats-Last-Stream: 9\r\n";
        let stalled = Bytes::from_static(b"$JS.FC.S.C.abcd");
        check(&Status::idle_heartbeat(&to, 4, 9, None), &format!("NATS/1.0 100 Idle Heartbeat\r\n{seen}\r\n"));
        check(
            &Status::idle_heartbeat(&to, 4, 9, Some(&stalled)),
            &format!("NATS/1.0 100 Idle Heartbeat\r\n{seen}Nats-Consumer-Stalled: $JS.FC.S.C.abcd\r\n\r\n"),
        );
        check(&Status::flow_control(&to, &stalled), "NATS/1.0 100 FlowControl Request\r\n\r\n");
        assert_eq!(Status::flow_control(&to, &stalled).reply, Some(stalled));
        check(&Status::no_messages(&to), "NATS/1.0 404 No Messages\r\n\r\n");
        check(&Status::request_timeout(&to, left), &format!("NATS/1.0 408 Request Timeout\r\n{pending}"));
        check(&Status::requests_pending(&to), "NATS/1.0 408 Requests Pending\r\n\r\n");
        check(&Status::exceeded_max_batch(&to, 7), "NATS/1.0 409 Exceeded MaxRequestBatch of 7\r\n\r\n");
        check(
            &Status::exceeded_max_expires(&to, Nanos(1_500_000_000)),
            "NATS/1.0 409 Exceeded MaxRequestExpires of 1.5s\r\n\r\n",
        );
        check(&Status::exceeded_max_bytes(&to, 7), "NATS/1.0 409 Exceeded MaxRequestMaxBytes of 7\r\n\r\n");
        check(&Status::exceeded_max_waiting(&to), "NATS/1.0 409 Exceeded MaxWaiting\r\n\r\n");
        check(
            &Status::message_too_large(&to, left),
            &format!("NATS/1.0 409 Message Size Exceeds MaxBytes\r\n{pending}"),
        );
        check(&Status::batch_completed(&to, left), &format!("NATS/1.0 409 Batch Completed\r\n{pending}"));
        check(&Status::push_based(&to), "NATS/1.0 409 Consumer is push based\r\n\r\n");
        check(&Status::consumer_deleted(&to), "NATS/1.0 409 Consumer Deleted\r\n\r\n");
        check(&Status::server_shutdown(&to, left), &format!("NATS/1.0 409 Server Shutdown\r\n{pending}"));
        check(&Status::bad_request(&to, "x"), "NATS/1.0 400 Bad Request - x\r\n\r\n");
        check(&Status::wrong_pin(&to, left), &format!("NATS/1.0 423 Nats-Wrong-Pin-Id\r\n{pending}"));
        check(&Status::pin_mismatch(&to), "NATS/1.0 423 Nats-Pin-Id mismatch\r\n\r\n");
    }
}
