//! Streams: made, changed, found, removed.

use std::borrow::Borrow;
use std::sync::Arc;

use embus_engine::api::error::ApiError;
use embus_engine::jetstream::JetStream;
use embus_engine::stream::Stream as EngineStream;
use embus_engine::stream::config::StreamConfig;

use crate::jetstream::context::{
    Context, CreateStreamError, CreateStreamErrorKind, DeleteStreamError, GetStreamByNameError,
    GetStreamByNameErrorKind, GetStreamError, GetStreamErrorKind, StreamNames, Streams, UpdateStreamError,
};
use crate::jetstream::ensure::{EnsureStreamError, Ensured, ensure};
use crate::jetstream::failure::Failure;
use crate::jetstream::stream::{Config, DeleteStatus, Info, Stream};
use crate::jetstream::{is_valid_name, is_valid_subject};

/// # Streams
/// What changes streams is done one at a time on another thread, and durable when it returns. Dropping one of these
/// futures does not stop what it has begun at its first poll.
impl Context {
    /// Makes a stream. One that is there with just this configuration is as good.
    ///
    /// # Errors
    /// See [`CreateStreamErrorKind`].
    pub async fn create_stream<S>(&self, stream_config: S) -> Result<Stream<Info>, CreateStreamError>
    where
        Config: From<S>,
    {
        let config = checked(&Config::from(stream_config))?;
        let created = self.change(config, |jetstream, config| Ok(jetstream.create(config, false)?.stream)).await?;
        Ok(self.stream_of(&created).await?)
    }

    /// A stream, without asking whether it is there.
    ///
    /// # Errors
    /// The name can't be one.
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn get_stream_no_info<T: AsRef<str>>(&self, stream: T) -> Result<Stream<()>, GetStreamError> {
        let name = stream.as_ref();
        check_name(name)?;
        Ok(Stream { info: (), context: self.clone(), name: name.to_owned() })
    }

    /// A stream that is there.
    ///
    /// # Errors
    /// See [`GetStreamErrorKind`].
    pub async fn get_stream<T: AsRef<str>>(&self, stream: T) -> Result<Stream, GetStreamError> {
        let name = stream.as_ref();
        check_name(name)?;
        let info = self.info_of(name).await?;
        Ok(Stream { info, context: self.clone(), name: name.to_owned() })
    }

    /// A stream that is there, however it is configured; else it is made.
    ///
    /// # Errors
    /// See [`CreateStreamErrorKind`].
    pub async fn get_or_create_stream<S>(&self, stream_config: S) -> Result<Stream, CreateStreamError>
    where
        S: Into<Config>,
    {
        let config: Config = stream_config.into();
        checked_name(&config.name)?;
        match self.info_of(&config.name).await {
            Ok(info) => Ok(Stream { info, context: self.clone(), name: config.name }),
            Err(Failure::Api(error)) if error.code() == 404 => self.create_stream(config).await,
            Err(failure) => Err(failure.into()),
        }
    }

    /// Removes a stream with all its messages.
    ///
    /// # Errors
    /// See [`GetStreamErrorKind`].
    pub async fn delete_stream<T: AsRef<str>>(&self, stream: T) -> Result<DeleteStatus, DeleteStreamError> {
        let name = stream.as_ref();
        check_name(name)?;
        let name = name.to_owned();
        let deleted = self.blocking(move |jetstream| jetstream.delete(&name)).await.map_err(Failure::from)?;
        deleted.map_err(Failure::from)?;
        Ok(DeleteStatus { success: true })
    }

    /// Changes the configuration of a stream.
    ///
    /// # Errors
    /// See [`CreateStreamErrorKind`].
    pub async fn update_stream<S>(&self, config: S) -> Result<Info, UpdateStreamError>
    where
        S: Borrow<Config>,
    {
        let config = checked(config.borrow())?;
        let updated = self.change(config, |jetstream, config| jetstream.update(config, false)).await?;
        Ok(self.info_without_cluster(&updated).await?)
    }

    /// Changes the configuration of a stream, or makes it.
    ///
    /// # Errors
    /// See [`CreateStreamErrorKind`].
    pub async fn create_or_update_stream(&self, config: Config) -> Result<Info, CreateStreamError> {
        match self.update_stream(&config).await {
            Err(error) if error.kind() == CreateStreamErrorKind::NotFound => Ok(self.create_stream(config).await?.info),
            other => other,
        }
    }

    /// Has a stream be there as `config` says, whether there was none, or one that is configured differently. Beyond
    /// async-nats.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{self, EnsureStreamErrorKind, Ensured, stream};
    ///
    /// let broker = embus::Broker::builder().start().await?;
    /// let jetstream = jetstream::new(broker.client());
    /// let small = stream::Config { name: "LOG".into(), max_messages: 10, ..Default::default() };
    /// let large = stream::Config { max_messages: 1000, ..small.clone() };
    /// assert!(matches!(jetstream.ensure_stream(small).await?, Ensured::Created(_)));
    /// assert!(matches!(jetstream.ensure_stream(&large).await?, Ensured::Updated(_)));
    /// assert!(matches!(jetstream.ensure_stream(&large).await?, Ensured::Unchanged(_)));
    ///
    /// let other = stream::Config { storage: stream::StorageType::Memory, ..large };
    /// let error = jetstream.ensure_stream(other).await.unwrap_err();
    /// assert!(matches!(error.kind(), EnsureStreamErrorKind::Immutable { field: "storage", .. }));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`EnsureStreamErrorKind`](crate::jetstream::EnsureStreamErrorKind); what was there is as it was.
    pub async fn ensure_stream<S>(&self, config: S) -> Result<Ensured, EnsureStreamError>
    where
        Config: From<S>,
    {
        let config = checked(&Config::from(config)).map_err(EnsureStreamError::from)?;
        let ensured =
            self.blocking(move |jetstream| ensure(jetstream, config)).await.map_err(CreateStreamError::from)??;
        let stream = self.stream_of(ensured.stream()).await.map_err(CreateStreamError::from)?;
        Ok(Ensured::new(&ensured, stream))
    }

    /// The name of the stream that stores messages on `subject`; with wildcards, of one that stores some of them.
    ///
    /// # Errors
    /// See [`GetStreamByNameErrorKind`].
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn stream_by_subject<T: Into<String>>(&self, subject: T) -> Result<String, GetStreamByNameError> {
        let subject = subject.into();
        if !is_valid_subject(&subject) {
            return Err(GetStreamByNameErrorKind::InvalidSubject.into());
        }
        let request = |error| GetStreamByNameError::with_source(GetStreamByNameErrorKind::Request, error);
        let names = self.store().map_err(request)?.names(Some(&subject));
        names.into_iter().next().ok_or_else(|| GetStreamByNameErrorKind::NotFound.into())
    }

    /// The names of all streams, as they are when the list is first asked for one.
    pub fn stream_names(&self) -> StreamNames {
        StreamNames::new(self.clone())
    }

    /// All streams, those that are there when the list is first asked for one.
    pub fn streams(&self) -> Streams {
        Streams::new(self.clone())
    }

    async fn change(
        &self,
        config: StreamConfig,
        act: impl FnOnce(&JetStream, StreamConfig) -> Result<Arc<EngineStream>, ApiError> + Send + 'static,
    ) -> Result<Arc<EngineStream>, Failure> {
        Ok(self.blocking(move |jetstream| act(jetstream, config)).await??)
    }

    async fn stream_of(&self, stream: &Arc<EngineStream>) -> Result<Stream, Failure> {
        let info = self.info_without_cluster(stream).await?;
        Ok(Stream { info, context: self.clone(), name: stream.name().to_owned() })
    }
}

fn check_name(name: &str) -> Result<(), GetStreamError> {
    if name.is_empty() {
        return Err(GetStreamErrorKind::EmptyName.into());
    }
    if is_valid_name(name) { Ok(()) } else { Err(GetStreamErrorKind::InvalidStreamName.into()) }
}

fn checked_name(name: &str) -> Result<(), CreateStreamError> {
    if name.is_empty() {
        return Err(CreateStreamErrorKind::EmptyStreamName.into());
    }
    if is_valid_name(name) { Ok(()) } else { Err(CreateStreamErrorKind::InvalidStreamName.into()) }
}

/// The configuration as the engine takes it.
pub(crate) fn checked(config: &Config) -> Result<StreamConfig, CreateStreamError> {
    checked_name(&config.name)?;
    if config.name.contains(['/', '\\']) {
        return Err(Failure::from(ApiError::stream_name_contains_separators()).into());
    }
    let sources = config.mirror.iter().chain(config.sources.iter().flatten());
    if sources.into_iter().any(|source| source.domain.is_some() && source.external.is_some()) {
        return Err(CreateStreamErrorKind::DomainAndExternalSet.into());
    }
    config.to_engine().map_err(|error| Failure::from(error).into())
}
