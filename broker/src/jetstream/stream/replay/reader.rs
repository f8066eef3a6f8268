//! What a replay reads: all messages of an ordered consumer, straight from the stream.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use embus_engine::stream::{ConsumerReader, ReaderEnd};
use embus_protocol::headers::{HeaderMap, block};
use embus_protocol::subject::Subject;
use embus_storage::message::StoredMessage;
use futures_core::future::BoxFuture;

use super::{ReplayError, ReplayErrorKind};
use crate::jetstream::consumer::pull::{ConsumerRecreateError, OrderedConfig, OrderedError, OrderedErrorKind};
use crate::jetstream::consumer::recreate::{Progress, Recipe};
use crate::jetstream::consumer::temporary::Temporary;
use crate::jetstream::consumer::{Consumer, OrderedPullConsumer};
use crate::jetstream::context::Context;
use crate::jetstream::message::StreamMessage;
use crate::jetstream::stream::info::datetime;

/// Each message once and in order. When the consumer is gone, it is made anew behind the last message that was read.
pub(super) struct Reader {
    recipe: Recipe<OrderedConfig>,
    progress: Progress,
    state: State,
}

enum State {
    Reading(Box<Reading>),
    Making(BoxFuture<'static, Result<Made, ConsumerRecreateError>>),
}

/// A consumer that was made anew.
type Made = (Recipe<OrderedConfig>, Progress, OrderedPullConsumer);

/// One consumer.
struct Reading {
    context: Context,
    stream: String,
    consumer: String,
    reader: ConsumerReader,
    _keeps: Option<Arc<Temporary>>,
}

impl Reader {
    /// From where a consumer begins that was just made.
    pub(super) fn new(consumer: OrderedPullConsumer) -> Self {
        let (recipe, progress) = (Recipe::of(&consumer), Progress::new(&consumer.info));
        Self { recipe, progress, state: State::Reading(Box::new(Reading::of(consumer))) }
    }

    /// The next message; not to be called after an error.
    #[inline]
    pub(super) fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<StreamMessage, ReplayError>> {
        loop {
            match &mut self.state {
                State::Reading(reading) => match ready!(reading.poll_next(cx)) {
                    Ok(stored) => {
                        let message = shown(stored);
                        self.progress.note_read(message.sequence);
                        return Poll::Ready(Ok(message));
                    }
                    Err(ReaderEnd::Gone) => {
                        self.state = State::Making(Box::pin(self.recipe.clone().make(self.progress)));
                    }
                    Err(ReaderEnd::Stopped) => return Poll::Ready(Err(ReplayErrorKind::Ended.into())),
                    Err(ReaderEnd::Failed(error)) => {
                        return Poll::Ready(Err(ReplayError::with_source(ReplayErrorKind::Other, error)));
                    }
                },
                State::Making(making) => {
                    let (recipe, progress, consumer) = ready!(making.as_mut().poll(cx)).map_err(not_made)?;
                    (self.recipe, self.progress) = (recipe, progress);
                    self.state = State::Reading(Box::new(Reading::of(consumer)));
                }
            }
        }
    }
}

impl Reading {
    fn of(consumer: OrderedPullConsumer) -> Self {
        let Consumer { context, info, temporary, .. } = consumer;
        let (stream, consumer) = (info.stream_name, info.name);
        Self { context, stream, consumer, reader: ConsumerReader::new(), _keeps: temporary }
    }

    #[inline]
    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<StoredMessage, ReaderEnd>> {
        loop {
            if let Some(message) = self.reader.next_message() {
                return Poll::Ready(Ok(message));
            }
            ready!(self.poll_more(cx))?;
        }
    }

    fn poll_more(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), ReaderEnd>> {
        match self.context.find(&self.stream) {
            Ok(stream) => stream.poll_consumer(&self.consumer, &mut self.reader, cx),
            // Making the consumer anew will say why it is not there.
            Err(_) => Poll::Ready(Err(ReaderEnd::Gone)),
        }
    }
}

/// Whoever reads it sees that the stream or the broker is gone.
fn not_made(error: ConsumerRecreateError) -> ReplayError {
    let error = OrderedError::with_source(OrderedErrorKind::Recreate, error);
    ReplayError::with_source(ReplayErrorKind::Ended, error)
}

/// A message as a program sees it: parts of the block that it was read in. Headers that are not well formed are left out.
fn shown(stored: StoredMessage) -> StreamMessage {
    let StoredMessage { sequence, time, subject, headers, payload } = stored;
    let headers = match &headers[..] {
        [] => HeaderMap::new(),
        bytes => block::parse(bytes).map(|(_, headers)| headers).unwrap_or_default(),
    };
    let lossy = |subject: &[u8]| Subject::from(&*String::from_utf8_lossy(subject));
    let subject = Subject::from_utf8(subject.clone()).unwrap_or_else(|_| lossy(&subject));
    StreamMessage { subject, sequence, headers, payload, time: datetime(time) }
}
