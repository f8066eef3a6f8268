//! One stream: what it holds, single messages out of it, and their removal.

mod config;
mod consumer_kinds;
mod consumers;
mod convert;
mod direct;
mod fetch;
mod info;
mod purge;
mod raw;
mod replay;
mod subjects;

use std::fmt::{self, Display};

use embus_engine::api::error::ApiError;

use crate::client::error::Error;
use crate::jetstream::context::{Context, RequestError};
use crate::jetstream::errors;
use crate::jetstream::failure::{Failure, from_failure};
use crate::jetstream::is_valid_subject;
use crate::jetstream::message::StreamMessage;

pub use self::config::{
    Compression, Config, ConsumerLimits, DiscardPolicy, External, PersistenceMode, Placement, Republish,
    RetentionPolicy, Source, StorageType, StreamConsumerSource, SubjectTransform,
};
pub use self::consumer_kinds::{
    ConsumerCreateStrictError, ConsumerCreateStrictErrorKind, ConsumerError, ConsumerErrorKind, ConsumerResetError,
    ConsumerResetErrorKind, ConsumerUpdateError, ConsumerUpdateErrorKind,
};
pub use self::consumers::{
    ConsumerNames, ConsumerResetResponse, Consumers, ConsumersError, ConsumersErrorKind, PauseResponse,
};
pub use self::direct::{DirectGetBuilder, DirectGetError, DirectGetErrorKind};
pub use self::fetch::{StreamValue, WithHeaders, WithoutHeaders};
pub(crate) use self::info::datetime;
pub use self::info::{ClusterInfo, DeleteStatus, Info, Lost, PeerInfo, SourceInfo, State};
pub use self::purge::{No, Purge, PurgeError, PurgeErrorKind, PurgeResponse, ToAssign, Yes};
pub use self::raw::{
    LastRawMessageError, LastRawMessageErrorKind, RawMessageBuilder, RawMessageError, RawMessageErrorKind,
};
pub use self::replay::{Replay, ReplayError, ReplayErrorKind, ReplayFrom};
pub use self::subjects::{InfoWithSubjects, StreamInfoBuilder};

/// Why nothing is known of a stream.
pub type InfoError = RequestError;

/// A handle of a stream: its name, and with `Info` what was known of it when the handle was made.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use embus::jetstream::{self, stream};
///
/// let broker = embus::Broker::builder().start().await?;
/// let jetstream = jetstream::new(broker.client());
/// let config = stream::Config { name: "EVENTS".into(), subjects: vec!["events.*".into()], ..Default::default() };
/// let mut stream = jetstream.create_stream(config).await?;
/// for n in 1..=3 {
///     jetstream.publish(format!("events.{n}"), "data".into()).await?.await?;
/// }
///
/// assert_eq!(stream.info().await?.state.messages, 3);
/// assert_eq!(stream.get_last_raw_message_by_subject("events.2").await?.sequence, 2);
/// stream.delete_message(2).await?;
/// stream.purge().filter("events.3").await?;
/// assert_eq!(stream.get_info().await?.state.messages, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Stream<T = Info> {
    pub(crate) info: T,
    pub(crate) context: Context,
    pub(crate) name: String,
}

impl Stream<Info> {
    /// What is known of it now; kept for [`cached_info`](Self::cached_info).
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`RequestErrorKind`](super::context::RequestErrorKind).
    pub async fn info(&mut self) -> Result<&Info, InfoError> {
        self.info = self.get_info().await?;
        Ok(&self.info)
    }

    /// What was known of it when the handle was made, or [`info`](Self::info) was called last.
    pub fn cached_info(&self) -> &Info {
        &self.info
    }
}

impl<I> Stream<I> {
    /// What is known of it now.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`RequestErrorKind`](super::context::RequestErrorKind).
    pub async fn get_info(&self) -> Result<Info, InfoError> {
        Ok(self.context.info_of(&self.name).await?)
    }

    /// What is known of it now, with the subjects that match, and how many messages each has.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`RequestErrorKind`](super::context::RequestErrorKind).
    pub async fn info_with_subjects<F: AsRef<str>>(&self, subjects_filter: F) -> Result<InfoWithSubjects, InfoError> {
        self.info_builder().subjects(subjects_filter.as_ref()).fetch().await
    }

    /// Asks for more than [`get_info`](Self::get_info).
    pub fn info_builder(&self) -> StreamInfoBuilder {
        StreamInfoBuilder::new(self.context.clone(), self.name.clone())
    }

    /// Gets one message, of streams that [allow it](Config::allow_direct).
    pub fn direct_get_builder(&self) -> DirectGetBuilder<WithHeaders> {
        DirectGetBuilder::new(self.context.clone(), self.name.clone())
    }

    /// Gets the first message on `subject` from `sequence` on.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`DirectGetErrorKind`].
    pub async fn direct_get_next_for_subject<T: Into<String>>(
        &self,
        subject: T,
        sequence: Option<u64>,
    ) -> Result<StreamMessage, DirectGetError> {
        let subject = subject.into();
        if !is_valid_subject(&subject) {
            return Err(DirectGetErrorKind::InvalidSubject.into());
        }
        let builder = self.direct_get_builder().next_by_subject(subject);
        match sequence {
            Some(sequence) => builder.sequence(sequence).send().await,
            None => builder.send().await,
        }
    }

    /// Gets the first message on `subject`.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`DirectGetErrorKind`].
    pub async fn direct_get_first_for_subject<T: Into<String>>(
        &self,
        subject: T,
    ) -> Result<StreamMessage, DirectGetError> {
        self.direct_get_next_for_subject(subject, None).await
    }

    /// Gets the message with this sequence.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`DirectGetErrorKind`].
    pub async fn direct_get(&self, sequence: u64) -> Result<StreamMessage, DirectGetError> {
        self.direct_get_builder().sequence(sequence).send().await
    }

    /// Gets the last message on `subject`.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`DirectGetErrorKind`].
    pub async fn direct_get_last_for_subject<T: Into<String>>(
        &self,
        subject: T,
    ) -> Result<StreamMessage, DirectGetError> {
        self.direct_get_builder().last_by_subject(subject).send().await
    }

    /// Gets one message.
    pub fn raw_message_builder(&self) -> RawMessageBuilder<WithHeaders> {
        RawMessageBuilder::new(self.context.clone(), self.name.clone())
    }

    /// Gets the message with this sequence.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`RawMessageErrorKind`].
    pub async fn get_raw_message(&self, sequence: u64) -> Result<StreamMessage, RawMessageError> {
        self.raw_message_builder().sequence(sequence).send().await
    }

    /// Gets the first message on `subject` from `sequence` on.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`RawMessageErrorKind`].
    pub async fn get_first_raw_message_by_subject<T: AsRef<str>>(
        &self,
        subject: T,
        sequence: u64,
    ) -> Result<StreamMessage, RawMessageError> {
        self.raw_message_builder().sequence(sequence).next_by_subject(subject.as_ref()).send().await
    }

    /// Gets the first message on `subject`.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`RawMessageErrorKind`].
    pub async fn get_next_raw_message_by_subject<T: AsRef<str>>(
        &self,
        subject: T,
    ) -> Result<StreamMessage, RawMessageError> {
        self.raw_message_builder().next_by_subject(subject.as_ref()).send().await
    }

    /// Gets the last message on this subject.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`LastRawMessageErrorKind`].
    pub async fn get_last_raw_message_by_subject(
        &self,
        stream_subject: &str,
    ) -> Result<StreamMessage, LastRawMessageError> {
        self.raw_message_builder().last_by_subject(stream_subject).send().await
    }

    /// Removes one message. Says `true`; that there is none is an error.
    ///
    /// When dropped, the message is removed all the same, if this was polled once.
    ///
    /// # Errors
    /// See [`DeleteMessageErrorKind`].
    pub async fn delete_message(&self, sequence: u64) -> Result<bool, DeleteMessageError> {
        self.delete(sequence).await?;
        Ok(true)
    }

    async fn delete(&self, sequence: u64) -> Result<(), Failure> {
        let stream = self.context.find(&self.name)?;
        let deleted = stream.with(|core| core.delete_message(sequence));
        self.context.committed(&stream).await?;
        Ok(deleted?)
    }

    /// Removes messages: all of them unless it is told otherwise.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = embus::Broker::builder().start().await?;
    /// # let jetstream = embus::jetstream::new(broker.client());
    /// # let stream = jetstream.create_stream("a").await?;
    /// let first = jetstream.publish("a", "1".into()).await?;
    /// let second = jetstream.publish("a", "2".into()).await?;
    /// assert_eq!(stream.purge().keep(1).await?.purged, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn purge(&self) -> Purge<No, No> {
        Purge::new(self.context.clone(), self.name.clone())
    }

    /// Removes all messages on the subjects that match.
    ///
    /// # Errors
    /// See [`PurgeErrorKind`].
    #[deprecated(note = "use Stream::purge().filter(subject) instead")]
    pub async fn purge_subject<T: Into<String>>(&self, subject: T) -> Result<PurgeResponse, PurgeError> {
        self.purge().filter(subject).await
    }
}

/// Why a message was not deleted.
pub type DeleteMessageError = Error<DeleteMessageErrorKind>;

/// What went wrong with deleting a message.
#[derive(Clone, Debug, PartialEq)]
pub enum DeleteMessageErrorKind {
    /// There was no answer; see the source.
    Request,
    /// The answer did not come in time: the message may be deleted or not.
    TimedOut,
    /// The API refused.
    JetStream(errors::Error),
}

impl Display for DeleteMessageErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request failed",
            Self::TimedOut => "timed out",
            Self::JetStream(error) => return write!(f, "JetStream error: {error}"),
        })
    }
}

from_failure!(DeleteMessageError, DeleteMessageErrorKind);

/// The disk failed.
pub(crate) fn store_failed(error: impl Display) -> Failure {
    ApiError::stream_general(error).into()
}
