//! The handle of a consumer.

use std::sync::Arc;

use super::config::IntoConsumerConfig;
use super::info::Info;
use super::temporary::Temporary;
use crate::jetstream::context::{ConsumerInfoError, Context};
use crate::jetstream::stream::{ConsumerResetError, ConsumerResetResponse};

/// A handle of a consumer, with what was known of it when the handle was made.
///
/// A consumer that was created through this handle without a name belongs to it: when the handle, its clones and what
/// reads from them are gone, so is the consumer. Differs from async-nats, where it stays for a while.
#[derive(Clone, Debug)]
pub struct Consumer<T: IntoConsumerConfig> {
    pub(crate) context: Context,
    pub(crate) config: T,
    pub(crate) info: Info,
    pub(crate) temporary: Option<Arc<Temporary>>,
}

impl<T: IntoConsumerConfig> Consumer<T> {
    /// A handle of the consumer that `info` tells of.
    pub fn new(config: T, info: Info, context: Context) -> Self {
        Self { context, config, info, temporary: None }
    }

    /// Has the consumer end with this handle, its clones and what reads from them.
    pub(crate) fn end_with_handle(&mut self) {
        let Info { stream_name, name, .. } = &self.info;
        self.temporary = Some(Arc::new(Temporary::new(self.context.clone(), stream_name.clone(), name.clone())));
    }

    /// What is known of it now; kept for [`cached_info`](Self::cached_info).
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`ConsumerInfoErrorKind`](crate::jetstream::context::ConsumerInfoErrorKind).
    pub async fn info(&mut self) -> Result<&Info, ConsumerInfoError> {
        self.info = self.get_info().await?;
        Ok(&self.info)
    }

    /// What is known of it now.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`ConsumerInfoErrorKind`](crate::jetstream::context::ConsumerInfoErrorKind).
    pub async fn get_info(&self) -> Result<Info, ConsumerInfoError> {
        self.context.consumer_info_of(&self.info.stream_name, &self.info.name).await
    }

    /// What was known of it when the handle was made, or [`info`](Self::info) was called last.
    pub fn cached_info(&self) -> &Info {
        &self.info
    }

    /// Begins anew: with the message `seq` of the stream or the first one behind it, or, without a number, behind the last
    /// message up to which all are acknowledged. [ADR-60]
    ///
    /// When dropped, the consumer is reset all the same, if this was polled once.
    ///
    /// # Errors
    /// See [`ConsumerResetErrorKind`](crate::jetstream::stream::ConsumerResetErrorKind).
    pub async fn reset(&mut self, seq: Option<u64>) -> Result<ConsumerResetResponse, ConsumerResetError> {
        let (stream, name) = (self.info.stream_name.clone(), self.info.name.clone());
        let response = self.context.reset_consumer_of(&stream, &name, seq).await?;
        self.info = response.info.clone();
        Ok(response)
    }
}
