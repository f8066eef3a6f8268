//! Consumers, by the name of their stream.

use serde::Serialize;
use serde_json::json;

use super::{ConsumerInfoError, Context};
use crate::jetstream::consumer::{Config, Consumer, FromConsumer, Info, IntoConsumerConfig};
use crate::jetstream::is_valid_name;
use crate::jetstream::response::Response;
use crate::jetstream::stream::{
    ConsumerCreateStrictError, ConsumerError, ConsumerErrorKind, ConsumerResetError, ConsumerResetResponse,
    ConsumerUpdateError, DeleteStatus,
};

/// What to do if there is such a consumer, or none.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) enum Action {
    /// Either is fine.
    #[serde(rename = "")]
    CreateOrUpdate,
    /// Make it.
    #[serde(rename = "create")]
    Create,
    /// Change it.
    #[serde(rename = "update")]
    Update,
}

/// # Consumers
/// As the methods of [`Stream`](crate::jetstream::stream::Stream), which see.
impl Context {
    /// Makes a consumer, or changes the one of this name.
    ///
    /// # Errors
    /// See [`ConsumerErrorKind`].
    pub async fn create_consumer_on_stream<C, S>(&self, config: C, stream: S) -> Result<Consumer<C>, ConsumerError>
    where
        C: IntoConsumerConfig + FromConsumer,
        S: AsRef<str>,
    {
        self.make_consumer(config, stream.as_ref(), Action::CreateOrUpdate).await
    }

    /// Changes a consumer that is there.
    ///
    /// # Errors
    /// See [`ConsumerUpdateErrorKind`](crate::jetstream::stream::ConsumerUpdateErrorKind).
    pub async fn update_consumer_on_stream<C, S>(
        &self,
        config: C,
        stream: S,
    ) -> Result<Consumer<C>, ConsumerUpdateError>
    where
        C: IntoConsumerConfig + FromConsumer,
        S: AsRef<str>,
    {
        Ok(self.make_consumer(config, stream.as_ref(), Action::Update).await?)
    }

    /// Makes a consumer; one that is there with just this configuration is as good.
    ///
    /// # Errors
    /// See [`ConsumerCreateStrictErrorKind`](crate::jetstream::stream::ConsumerCreateStrictErrorKind).
    pub async fn create_consumer_strict_on_stream<C, S>(
        &self,
        config: C,
        stream: S,
    ) -> Result<Consumer<C>, ConsumerCreateStrictError>
    where
        C: IntoConsumerConfig + FromConsumer,
        S: AsRef<str>,
    {
        Ok(self.make_consumer(config, stream.as_ref(), Action::Create).await?)
    }

    /// A consumer that is there.
    ///
    /// # Errors
    /// See [`ConsumerErrorKind`].
    pub async fn get_consumer_from_stream<T, C, S>(&self, consumer: C, stream: S) -> Result<Consumer<T>, ConsumerError>
    where
        T: FromConsumer + IntoConsumerConfig,
        C: AsRef<str>,
        S: AsRef<str>,
    {
        check_names(stream.as_ref(), consumer.as_ref())?;
        let subject = format!("CONSUMER.INFO.{}.{}", stream.as_ref(), consumer.as_ref());
        let info: Info = match self.request(subject, &json!({})).await? {
            Response::Ok(info) => info,
            Response::Err { error } => return Err(error.into()),
        };
        self.handle(info)
    }

    /// Removes a consumer.
    ///
    /// # Errors
    /// See [`ConsumerErrorKind`].
    pub async fn delete_consumer_from_stream<C, S>(&self, consumer: C, stream: S) -> Result<DeleteStatus, ConsumerError>
    where
        C: AsRef<str>,
        S: AsRef<str>,
    {
        check_names(stream.as_ref(), consumer.as_ref())?;
        let subject = format!("CONSUMER.DELETE.{}.{}", stream.as_ref(), consumer.as_ref());
        match self.request(subject, &json!({})).await? {
            Response::Ok(status) => Ok(status),
            Response::Err { error } => Err(error.into()),
        }
    }

    async fn make_consumer<C>(&self, config: C, stream: &str, action: Action) -> Result<Consumer<C>, ConsumerError>
    where
        C: IntoConsumerConfig + FromConsumer,
    {
        let config = config.into_consumer_config();
        check_kind::<C>(&config)?;
        check_own_names(&config)?;
        let has_name = config.name.is_some() || config.durable_name.is_some();
        let subject = create_subject(stream, &config);
        let body = json!({ "stream_name": stream, "config": config, "action": action });
        let info: Info = match self.request(subject, &body).await? {
            Response::Ok(info) => info,
            Response::Err { error } => return Err(error.into()),
        };
        let mut consumer = self.handle(info)?;
        if !has_name {
            consumer.end_with_handle();
        }
        Ok(consumer)
    }

    fn handle<T: FromConsumer + IntoConsumerConfig>(&self, info: Info) -> Result<Consumer<T>, ConsumerError> {
        let config = check_kind(&info.config)?;
        Ok(Consumer::new(config, info, self.clone()))
    }

    pub(crate) async fn consumer_info_of(&self, stream: &str, name: &str) -> Result<Info, ConsumerInfoError> {
        match self.request(format!("CONSUMER.INFO.{stream}.{name}"), &json!({})).await? {
            Response::Ok(info) => Ok(info),
            Response::Err { error } => Err(error.into()),
        }
    }

    pub(crate) async fn reset_consumer_of(
        &self,
        stream: &str,
        name: &str,
        seq: Option<u64>,
    ) -> Result<ConsumerResetResponse, ConsumerResetError> {
        let body = match seq {
            Some(seq) if seq > 0 => json!({ "seq": seq }),
            _ => json!({}),
        };
        match self.request(format!("CONSUMER.RESET.{stream}.{name}"), &body).await? {
            Response::Ok(response) => Ok(response),
            Response::Err { error } => Err(error.into()),
        }
    }

    /// Has a consumer deleted that nobody uses any more; nobody waits for that.
    pub(crate) fn forget_consumer(&self, stream: &str, name: &str) {
        let subject = format!("{}.CONSUMER.DELETE.{stream}.{name}", self.prefix);
        // A broker that has stopped has no such consumer any more.
        let _ = self.client.publish_now(subject.into(), None, bytes::Bytes::new());
    }
}

/// The configuration, if it is one of that kind: what is of another kind is not made.
fn check_kind<C: FromConsumer>(config: &Config) -> Result<C, ConsumerError> {
    let wrong = |error| ConsumerError::with_source(ConsumerErrorKind::InvalidConsumerType, error);
    C::try_from_consumer_config(config.clone()).map_err(wrong)
}

fn check_own_names(config: &Config) -> Result<(), ConsumerError> {
    let names = config.name.iter().chain(&config.durable_name);
    match names.into_iter().find(|name| !is_valid_name(name) || name.contains(['/', '\\'])) {
        Some(name) => {
            Err(ConsumerError::with_source(ConsumerErrorKind::InvalidName, format!("{name:?} can not be one")))
        }
        None => Ok(()),
    }
}

/// With the name and the filter in the subject, where permissions can tell them apart. [ADR-13]
fn create_subject(stream: &str, config: &Config) -> String {
    let Some(name) = config.name.as_ref().or(config.durable_name.as_ref()) else {
        return format!("CONSUMER.CREATE.{stream}");
    };
    match &config.filter_subject[..] {
        "" => format!("CONSUMER.CREATE.{stream}.{name}"),
        filter => format!("CONSUMER.CREATE.{stream}.{name}.{filter}"),
    }
}

fn check_names(stream: &str, consumer: &str) -> Result<(), ConsumerError> {
    let valid = is_valid_name(stream) && is_valid_name(consumer);
    if valid { Ok(()) } else { Err(ConsumerErrorKind::InvalidName.into()) }
}
