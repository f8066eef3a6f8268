//! Stored messages, then those to come, without a gap between them. Beyond async-nats.

mod reader;

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use futures_core::Stream as AsyncStream;
use tokio::task::coop;

use super::{ConsumerError, Stream};
use crate::client::error::Error;
use crate::datetime::DateTime;
use crate::jetstream::consumer::DeliverPolicy;
use crate::jetstream::consumer::pull;
use crate::jetstream::context::RequestError;
use crate::jetstream::failure::Failure;
use crate::jetstream::message::StreamMessage;
use reader::Reader;

/// Where a replay begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayFrom {
    /// With this sequence, or the next one that there is; one that is yet to come is waited for.
    Sequence(u64),
    /// With the first message that was stored at this time or later.
    Time(DateTime),
}

/// Stored messages in order, then those to come, each once; see [`Stream::replay_last`] and [`Stream::replay_from`].
///
/// It never ends silently: the last item is an error when the stream is deleted or the broker stops.
pub struct Replay {
    /// However slowly they are read: a consumer that was given up meanwhile is made anew.
    messages: Reader,
    is_over: bool,
}

/// Why a replay failed.
pub type ReplayError = Error<ReplayErrorKind>;

/// What went wrong with a replay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReplayErrorKind {
    /// It could not begin; see the source.
    Begin,
    /// Its consumer is gone, and with it the stream or the broker.
    Ended,
    /// Anything else; see the source.
    Other,
}

impl<I> Stream<I> {
    /// The last `count` messages on the subjects that match `filter`, or on all if it is empty, then those to come; with a
    /// count of 0, only those to come. The stream yields [`StreamMessage`]s.
    ///
    /// A replay has a consumer of its own: a stream with work-queue retention refuses it, and with interest retention
    /// its messages may leave the stream once they were read.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::StreamExt;
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let jetstream = embus::jetstream::new(broker.client());
    /// let stream = jetstream.create_stream("chat").await?;
    /// for text in ["one", "two", "three"] {
    ///     jetstream.publish("chat", text.into()).await?.await?;
    /// }
    /// let mut messages = stream.replay_last("chat", 2).await?;
    /// jetstream.publish("chat", "four".into()).await?.await?;
    /// for text in ["two", "three", "four"] {
    ///     assert_eq!(messages.next().await.expect("it goes on")?.payload, text);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ReplayErrorKind`].
    pub async fn replay_last<F: Into<String>>(&self, filter: F, count: usize) -> Result<Replay, ReplayError> {
        let filter = filter.into();
        let wanted = if filter.is_empty() { ">" } else { &filter };
        let start_sequence = self.start_of_last(wanted.as_bytes(), count)?;
        self.replay(filter, DeliverPolicy::ByStartSequence { start_sequence }).await
    }

    /// All messages from some point on, then those to come.
    ///
    /// # Errors
    /// See [`ReplayErrorKind`].
    pub async fn replay_from(&self, from: ReplayFrom) -> Result<Replay, ReplayError> {
        self.replay_subjects_from("", from).await
    }

    /// The same for those on the subjects that match `filter`, or on all if it is empty: what a reader asks for who has
    /// been there before.
    ///
    /// # Errors
    /// See [`ReplayErrorKind`].
    pub async fn replay_subjects_from<F: Into<String>>(
        &self,
        filter: F,
        from: ReplayFrom,
    ) -> Result<Replay, ReplayError> {
        let policy = match from {
            ReplayFrom::Sequence(sequence) => DeliverPolicy::ByStartSequence { start_sequence: sequence.max(1) },
            ReplayFrom::Time(start_time) => DeliverPolicy::ByStartTime { start_time },
        };
        self.replay(filter.into(), policy).await
    }

    async fn replay(&self, filter_subject: String, deliver_policy: DeliverPolicy) -> Result<Replay, ReplayError> {
        let config = pull::OrderedConfig { filter_subject, deliver_policy, ..pull::OrderedConfig::default() };
        let messages = Reader::new(self.create_consumer(config).await?);
        Ok(Replay { messages, is_over: false })
    }

    /// The sequence of the `count`-th last message that matches; behind the last one if none is wanted.
    fn start_of_last(&self, filter: &[u8], count: usize) -> Result<u64, ReplayError> {
        let stream = self.context.find(&self.name)?;
        let mut start = stream.look(|core| core.log().last_sequence()).saturating_add(1);
        let mut left = count;
        while left > 0 {
            // In pieces: publishers wait while the stream is looked through.
            let piece = left.min(LOOK);
            let found = stream.look(|core| {
                let step = |start: u64| core.log_mut().last(filter, start.saturating_sub(1));
                last_before(start, piece, step)
            });
            let (found, first) = found.map_err(|error| ReplayError::with_source(ReplayErrorKind::Begin, error))?;
            start = first;
            left = if found < piece { 0 } else { left - piece };
        }
        Ok(start)
    }
}

/// How many of `count` messages there are before `start`, and the first of them.
fn last_before<E, L>(
    mut start: u64,
    count: usize,
    mut last_below: impl FnMut(u64) -> Result<Option<(u64, L)>, E>,
) -> Result<(usize, u64), E> {
    for found in 0..count {
        match last_below(start)? {
            Some((sequence, _)) => start = sequence,
            None => return Ok((found, start)),
        }
    }
    Ok((count, start))
}

impl AsyncStream for Replay {
    type Item = Result<StreamMessage, ReplayError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        let budget = ready!(coop::poll_proceed(cx));
        let next = ready!(this.messages.poll_next(cx));
        budget.made_progress();
        this.is_over = next.is_err();
        Poll::Ready(Some(next))
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").finish_non_exhaustive()
    }
}

impl fmt::Display for ReplayErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begin => "the replay could not begin",
            Self::Ended => "the stream or the broker is gone",
            Self::Other => "the replay failed",
        })
    }
}

impl From<Failure> for ReplayError {
    fn from(failure: Failure) -> Self {
        Self::with_source(ReplayErrorKind::Begin, RequestError::from(failure))
    }
}

impl From<ConsumerError> for ReplayError {
    fn from(error: ConsumerError) -> Self {
        Self::with_source(ReplayErrorKind::Begin, error)
    }
}

/// Messages that are looked through at once.
const LOOK: usize = 256;
