//! Making an ordered consumer anew where its reader stands. [ADR-17]

use std::time::Duration;

use tokio::time::sleep;

use super::pull::{ConsumerRecreateError, ConsumerRecreateErrorKind};
use super::{Consumer, DeliverPolicy, FromConsumer, Info, IntoConsumerConfig};
use crate::jetstream::ErrorCode;
use crate::jetstream::context::Context;
use crate::jetstream::message::Info as Delivery;
use crate::jetstream::stream::{ConsumerError, ConsumerErrorKind};

/// How far the reader of an ordered consumer has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// Of the consumer as it is now.
    consumer_sequence: u64,
    /// Everything of the stream up to here was read, or is not wanted.
    stream_sequence: u64,
    /// At most so many are not read yet of those that were there when the first of its consumers began.
    left: u64,
}

/// What a message is to the reader of an ordered consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It comes next.
    Next,
    /// A consumer that was made anew sent it once more.
    Read,
    /// Something is missing before it.
    BehindGap,
}

/// An ordered consumer's configuration.
pub(crate) trait Ordered: IntoConsumerConfig + FromConsumer + Clone + Send + 'static {
    fn deliver_policy(&self) -> DeliverPolicy;
    /// The configuration of the next one; `inbox` is a subject that nothing was sent to yet.
    fn again(self, name: String, policy: DeliverPolicy, inbox: String) -> Self;
}

impl Progress {
    /// Where a consumer that was just made begins.
    pub(crate) fn new(info: &Info) -> Self {
        let SequenceStart { consumer, stream } = SequenceStart::of(info);
        Self { consumer_sequence: consumer, stream_sequence: stream, left: info.num_pending }
    }

    /// Notes a message.
    pub(super) fn note(&mut self, delivery: &Delivery<'_>) -> Place {
        if delivery.consumer_sequence != self.consumer_sequence + 1 {
            return Place::BehindGap;
        }
        self.consumer_sequence += 1;
        if delivery.pending == 0 {
            self.left = 0;
        }
        if delivery.stream_sequence <= self.stream_sequence {
            return Place::Read;
        }
        self.stream_sequence = delivery.stream_sequence;
        self.left = self.left.saturating_sub(1);
        Place::Next
    }

    /// Notes a message that came next in any case.
    #[inline]
    pub(crate) fn note_read(&mut self, stream_sequence: u64) {
        self.stream_sequence = stream_sequence;
    }

    /// Whether the reader has everything up to this sequence of the consumer.
    pub(super) fn has(&self, consumer_sequence: u64) -> bool {
        self.consumer_sequence == consumer_sequence
    }

    /// The consumer is made anew.
    fn restart(&mut self, info: &Info) {
        self.consumer_sequence = info.delivered.consumer_sequence;
    }

    /// Where the next consumer has to begin so that nothing is missing and nothing comes twice.
    fn policy(&self, first: DeliverPolicy) -> DeliverPolicy {
        match first {
            // Which messages these are is for the broker to say. Those that were read already come once more.
            DeliverPolicy::LastPerSubject if self.left > 0 => first,
            _ => DeliverPolicy::ByStartSequence { start_sequence: self.stream_sequence + 1 },
        }
    }
}

struct SequenceStart {
    consumer: u64,
    stream: u64,
}

impl SequenceStart {
    fn of(info: &Info) -> Self {
        Self { consumer: info.delivered.consumer_sequence, stream: info.delivered.stream_sequence }
    }
}

/// What there is to make anew, again and again.
#[derive(Debug, Clone)]
pub(crate) struct Recipe<C> {
    context: Context,
    config: C,
    stream: String,
    /// Which stream of that name; nothing if it was gone before anybody could look.
    identity: Option<u64>,
    /// Names are this and a number.
    prefix: String,
    serial: u64,
    /// Whether it ends with its reader.
    is_temporary: bool,
}

impl<C: Ordered> Recipe<C> {
    pub(crate) fn of(consumer: &Consumer<C>) -> Self {
        let (context, stream) = (consumer.context.clone(), consumer.info.stream_name.clone());
        Self {
            identity: identity_of(&context, &stream),
            context,
            config: consumer.config.clone(),
            stream,
            prefix: consumer.info.name.clone(),
            serial: 0,
            is_temporary: consumer.temporary.is_some(),
        }
    }

    /// What says whether the consumer has sent everything, and its reader has read it.
    pub(super) fn idle_check(&self, progress: Progress) -> impl Future<Output = bool> + Send + 'static {
        let (context, stream, name) = (self.context.clone(), self.stream.clone(), self.name());
        async move {
            // One that is just made anew does not answer.
            let info = context.consumer_info_of(&stream, &name).await;
            info.is_ok_and(|info| info.num_pending == 0 && progress.has(info.delivered.consumer_sequence))
        }
    }

    fn name(&self) -> String {
        if self.serial == 0 { self.prefix.clone() } else { format!("{}_{}", self.prefix, self.serial) }
    }

    /// Makes the next consumer; tries again until it is there, unless its stream or the broker is gone.
    pub(crate) async fn make(
        mut self,
        mut progress: Progress,
    ) -> Result<(Self, Progress, Consumer<C>), ConsumerRecreateError> {
        let old = self.name();
        self.serial += 1;
        let policy = progress.policy(self.config.deliver_policy());
        let mut pause = FIRST_PAUSE;
        loop {
            self.context.forget_consumer(&self.stream, &old);
            let config = self.config.clone().again(self.name(), policy, self.context.client().new_inbox());
            match self.context.create_consumer_on_stream(config, &self.stream).await {
                // Its sequences are others: nothing could be said of what is missing.
                Ok(_) if identity_of(&self.context, &self.stream) != self.identity => {
                    return Err(ConsumerRecreateError::with_source(ConsumerRecreateErrorKind::Recreate, Replaced));
                }
                Ok(mut consumer) => {
                    progress.restart(&consumer.info);
                    if self.is_temporary {
                        consumer.end_with_handle();
                    }
                    return Ok((self, progress, consumer));
                }
                Err(error) if is_final(&error) => {
                    return Err(ConsumerRecreateError::with_source(ConsumerRecreateErrorKind::Recreate, error));
                }
                Err(error) => tracing::debug!(stream = self.stream, %error, "an ordered consumer is not made yet"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn identity_of(context: &Context, stream: &str) -> Option<u64> {
    context.find(stream).ok().map(|stream| stream.id())
}

/// The stream was deleted, and there is another one of its name.
#[derive(Debug, thiserror::Error)]
#[error("the stream was deleted; what has its name now is another one")]
struct Replaced;

/// Without a stream there is nothing to read, and without a broker nobody to ask.
fn is_final(error: &ConsumerError) -> bool {
    match error.kind() {
        ConsumerErrorKind::JetStream(error) => error.error_code() == ErrorCode::STREAM_NOT_FOUND,
        ConsumerErrorKind::TimedOut => false,
        _ => true,
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
