//! PUB and HPUB: checks, delivery, and the status a requester gets when nobody took its message.

use bytes::Bytes;
use embus_protocol::decode::Publish;
use embus_protocol::encode;
use embus_protocol::error::ClientError;
use embus_protocol::filter;

use super::Session;
use crate::close::CloseReason;
use crate::deliver;
use crate::reserved;
use crate::status::no_responders_block;
use crate::sync::Arc;
use crate::worker::Worker;

impl Session {
    /// One message; `body` holds its headers, payload and line end where they have memory of their own.
    #[inline]
    pub(super) fn handle_publish(&mut self, worker: &mut Worker, publish: &Publish<'_>, body: Option<Bytes>) {
        self.received.messages += 1;
        self.received.bytes += publish.total_len as u64;
        if publish.total_len > self.max_payload {
            return self.refuse(worker, &ClientError::MaximumPayloadViolation, CloseReason::MaximumPayloadExceeded);
        }
        if publish.header_len.is_some() && !self.options.headers {
            // HPUB without `"headers":true` closes without a word. [reference §1.1]
            return self.handle_malformed_arguments();
        }
        if self.router.is_mapped() {
            return self.publish_mapped(worker, publish, body);
        }
        self.publish(worker, publish, body);
    }

    /// The same to another subject: from here on, that is the one that counts. [nats-server: selectMappedSubject]
    #[cold]
    fn publish_mapped(&mut self, worker: &mut Worker, publish: &Publish<'_>, body: Option<Bytes>) {
        let mut subject = publish.subject.to_vec();
        if worker.map(&self.router, &mut subject) {
            self.publish(worker, &Publish { subject: &subject, ..*publish }, body);
        } else {
            self.reply_ok(worker);
        }
    }

    #[inline]
    fn publish(&mut self, worker: &mut Worker, publish: &Publish<'_>, body: Option<Bytes>) {
        if self.rights.is_some() && !self.may_publish(publish.subject) {
            let subject = publish.subject.into();
            return self.reply_err(worker, &ClientError::PublishPermission { subject });
        }
        let is_special =
            self.options.verbose || self.options.pedantic || reserved::may_be_reserved(publish.subject, publish.reply);
        if is_special && !self.check_publish(worker, publish) {
            return;
        }
        self.router.show(|tap| tap.published(&deliver::request(publish)));
        if is_special && self.is_feedback(worker, publish) {
            return;
        }
        let taken = worker.deliver(&self.router, self.publisher(), publish, body);
        if taken == 0 && self.options.no_responders {
            self.reply_no_responders(worker, publish);
        }
    }

    /// Whether the client's rights let it publish to this subject.
    #[inline]
    fn may_publish(&mut self, subject: &[u8]) -> bool {
        self.permitted == subject || self.look_up_right(subject)
    }

    fn look_up_right(&mut self, subject: &[u8]) -> bool {
        let Some(rights) = &self.rights else { return true };
        if rights.may_always_publish(subject) {
            self.permitted.clear();
            self.permitted.extend_from_slice(subject);
            return true;
        }
        rights.may_answer(subject)
    }

    /// The checks that most messages don't need, in nats-server's order; says whether the message goes on.
    fn check_publish(&self, worker: &mut Worker, publish: &Publish<'_>) -> bool {
        if self.options.pedantic && !filter::is_valid_literal(publish.subject) {
            // The message still travels. [reference §1.3]
            self.reply_err(worker, &ClientError::InvalidPublishSubject);
        }
        if let Some(error) = reserved::check_publish(publish.subject, publish.reply) {
            self.reply_err(worker, &error);
            return false;
        }
        if !self.may_be_answered(publish) {
            let reply = publish.reply.unwrap_or_default().into();
            self.reply_err(worker, &ClientError::ReplyPermission { reply });
            return false;
        }
        self.reply_ok(worker);
        true
    }

    fn may_be_answered(&self, publish: &Publish<'_>) -> bool {
        let rights = self.rights.as_ref();
        rights.is_none_or(|it| it.may_be_answered(&self.router, &self.connection, publish.subject, publish.reply))
    }

    /// Whether a message is for a consumer, and for nobody else.
    fn is_feedback(&self, worker: &mut Worker, publish: &Publish<'_>) -> bool {
        publish.subject.starts_with(b"$JS.")
            && worker.take_feedback(&self.router, &deliver::request(publish))
            && !self.router.has_observers()
    }

    /// Nobody took a request: tell the requester at once, if it listens on its reply subject. [ADR-4, 503]
    fn reply_no_responders(&self, worker: &mut Worker, publish: &Publish<'_>) {
        let Some(reply) = publish.reply else { return };
        let own = |subscription: &crate::Subscription| Arc::ptr_eq(subscription.connection(), &self.connection);
        let Some(subscription) = self.router.find_plain(reply, own) else { return };
        let block = no_responders_block(publish.subject);
        let mut frame = Vec::with_capacity(block.len() + reply.len() + 64);
        encode::msg_prefix(&mut frame, reply, subscription.sid().as_bytes());
        encode::tail(&mut frame, None, Some(block.len()), block.len());
        frame.extend_from_slice(&block);
        frame.extend_from_slice(b"\r\n");
        self.reply(worker, &frame);
    }
}
