//! Messages of consumers, and how they are acknowledged. [reference §5.2]

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use bytes::Bytes;
use embus_protocol::subject::Subject;
use tokio::time::timeout;

use super::delivery::{Info, parse};
use crate::Error;
use crate::Request;
use crate::jetstream::context::Context;

/// A message that a consumer delivered.
///
/// With explicit acknowledgement, one that is not acknowledged in time is delivered again.
#[derive(Clone, Debug)]
pub struct Message {
    /// The message itself.
    pub message: crate::Message,
    /// Whence it came.
    pub context: Context,
}

/// Acknowledges a message that was split from it.
pub struct Acker {
    context: Context,
    reply: Option<Subject>,
}

/// What to tell a consumer of a message.
#[derive(Debug, Clone, Copy)]
pub enum AckKind {
    /// It is done.
    Ack,
    /// Deliver it again, at once or after this time.
    Nak(Option<Duration>),
    /// It takes longer: the time to acknowledge begins anew.
    Progress,
    /// It is done, and one more may come.
    Next,
    /// Never deliver it again.
    Term,
}

impl Message {
    /// The message, and what acknowledges it, apart.
    pub fn split(mut self) -> (crate::Message, Acker) {
        let reply = self.message.reply.take();
        (self.message, Acker { context: self.context, reply })
    }

    /// Says that the message is done. Whether the consumer has heard is not told; [`double_ack`](Self::double_ack) tells.
    ///
    /// Cancel-safe: sent at the first poll.
    ///
    /// # Errors
    /// The message is from no consumer, or the broker has stopped.
    pub async fn ack(&self) -> Result<(), Error> {
        self.ack_with(AckKind::Ack).await
    }

    /// Says what is to become of the message.
    ///
    /// Cancel-safe: sent at the first poll.
    ///
    /// # Errors
    /// The message is from no consumer, or the broker has stopped.
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn ack_with(&self, kind: AckKind) -> Result<(), Error> {
        send(&self.context, self.message.reply.as_ref(), kind)
    }

    /// Says that the message is done, and waits until the consumer has it, on the disk if its stream's policy says so.
    ///
    /// # Errors
    /// The message is from no consumer, the consumer is gone, or the answer did not come in time.
    pub async fn double_ack(&self) -> Result<(), Error> {
        self.double_ack_with(AckKind::Ack).await
    }

    /// Says what is to become of the message, and waits until the consumer has it.
    ///
    /// # Errors
    /// The message is from no consumer, the consumer is gone, or the answer did not come in time.
    pub async fn double_ack_with(&self, ack_kind: AckKind) -> Result<(), Error> {
        send_and_wait(&self.context, self.message.reply.as_ref(), ack_kind).await
    }

    /// What the consumer says of this delivery.
    ///
    /// # Errors
    /// The message is from no consumer.
    pub fn info(&self) -> Result<Info<'_>, Error> {
        parse(self.message.reply.as_deref().ok_or(NOT_FROM_A_CONSUMER)?)
    }
}

impl Deref for Message {
    type Target = crate::Message;

    fn deref(&self) -> &crate::Message {
        &self.message
    }
}

impl From<Message> for crate::Message {
    fn from(message: Message) -> Self {
        message.message
    }
}

impl Acker {
    /// What acknowledges the message with this reply subject.
    pub fn new(context: Context, reply: Option<Subject>) -> Self {
        Self { context, reply }
    }

    /// As [`Message::ack`].
    ///
    /// # Errors
    /// The message is from no consumer, or the broker has stopped.
    pub async fn ack(&self) -> Result<(), Error> {
        self.ack_with(AckKind::Ack).await
    }

    /// As [`Message::ack_with`].
    ///
    /// # Errors
    /// The message is from no consumer, or the broker has stopped.
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn ack_with(&self, kind: AckKind) -> Result<(), Error> {
        send(&self.context, self.reply.as_ref(), kind)
    }

    /// As [`Message::double_ack`].
    ///
    /// # Errors
    /// The message is from no consumer, the consumer is gone, or the answer did not come in time.
    pub async fn double_ack(&self) -> Result<(), Error> {
        self.double_ack_with(AckKind::Ack).await
    }

    /// As [`Message::double_ack_with`].
    ///
    /// # Errors
    /// The message is from no consumer, the consumer is gone, or the answer did not come in time.
    pub async fn double_ack_with(&self, ack_kind: AckKind) -> Result<(), Error> {
        send_and_wait(&self.context, self.reply.as_ref(), ack_kind).await
    }
}

impl fmt::Debug for Acker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acker").field("reply", &self.reply).finish_non_exhaustive()
    }
}

impl From<AckKind> for Bytes {
    fn from(kind: AckKind) -> Self {
        match kind {
            AckKind::Ack => Self::from_static(b"+ACK"),
            AckKind::Nak(None) => Self::from_static(b"-NAK"),
            AckKind::Nak(Some(delay)) => format!("-NAK {{\"delay\":{}}}", delay.as_nanos()).into(),
            AckKind::Progress => Self::from_static(b"+WPI"),
            AckKind::Next => Self::from_static(b"+NXT"),
            AckKind::Term => Self::from_static(b"+TERM"),
        }
    }
}

fn send(context: &Context, reply: Option<&Subject>, kind: AckKind) -> Result<(), Error> {
    let subject = reply.ok_or(NOT_FROM_A_CONSUMER)?.clone();
    context.client().publish_now(subject, None, kind.into())?;
    Ok(())
}

async fn send_and_wait(context: &Context, reply: Option<&Subject>, kind: AckKind) -> Result<(), Error> {
    let subject = reply.ok_or(NOT_FROM_A_CONSUMER)?.clone();
    let limit = context.timeout_or_default();
    let request = Request::new().payload(kind.into()).timeout(None);
    timeout(limit, context.client().send_request(subject, request)).await.map_err(|_| LATE)??;
    Ok(())
}

const NOT_FROM_A_CONSUMER: &str = "the message was not delivered by a consumer";
const LATE: &str = "the acknowledgement was not confirmed in time";
