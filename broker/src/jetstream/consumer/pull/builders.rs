//! How many messages, for how long: what can be set of a pull request before it is sent.

use std::time::Duration;

use super::batch_config::{DEFAULT_BATCH, allowed_batch, allowed_expires};
use super::{Batch, BatchConfig, BatchError, Config, Stream};
use crate::jetstream::consumer::{Consumer, StreamError};

/// Sets up a stream of messages; see [`Consumer::stream`].
#[derive(Debug)]
#[must_use]
pub struct StreamBuilder<'a> {
    consumer: &'a Consumer<Config>,
    batch: Option<usize>,
    expires: Option<Duration>,
    heartbeat: Option<Duration>,
    request: BatchConfig,
}

/// Sets up a fetch of what is there; see [`Consumer::fetch`].
#[derive(Debug)]
#[must_use]
pub struct FetchBuilder<'a> {
    consumer: &'a Consumer<Config>,
    request: BatchConfig,
}

/// Sets up one batch of messages; see [`Consumer::batch`].
#[derive(Debug)]
#[must_use]
pub struct BatchBuilder<'a> {
    consumer: &'a Consumer<Config>,
    request: BatchConfig,
}

/// Settings that all requests have.
macro_rules! request_settings {
    () => {
        /// From how many messages that wait it is served; for groups with overflow.
        pub fn min_pending(mut self, min_pending: usize) -> Self {
            self.request.min_pending = Some(min_pending);
            self
        }

        /// From how many missing acknowledgements it is served; for groups with overflow.
        pub fn min_ack_pending(mut self, min_ack_pending: usize) -> Self {
            self.request.min_ack_pending = Some(min_ack_pending);
            self
        }

        /// Its priority group.
        pub fn group<T: Into<String>>(mut self, group: T) -> Self {
            self.request.group = Some(group.into());
            self
        }
    };
}

/// Settings of requests for a single batch.
macro_rules! batch_settings {
    () => {
        /// How many bytes at most.
        pub fn max_bytes(mut self, max_bytes: usize) -> Self {
            self.request.max_bytes = max_bytes;
            self
        }

        /// How many messages at most.
        pub fn max_messages(mut self, batch: usize) -> Self {
            self.request.batch = batch;
            self
        }

        /// How often the consumer says that it is there.
        pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
            self.request.idle_heartbeat = heartbeat;
            self
        }

        /// How long it waits.
        pub fn expires(mut self, expires: Duration) -> Self {
            self.request.expires = Some(expires);
            self
        }

        /// Sends the request.
        ///
        /// # Errors
        /// See [`BatchErrorKind`](super::BatchErrorKind).
        pub async fn messages(self) -> Result<Batch, BatchError> {
            Batch::begin(self.consumer, &self.request).await
        }
    };
}

impl<'a> StreamBuilder<'a> {
    /// The defaults: 200 messages a request, which waits for 30 s.
    pub fn new(consumer: &'a Consumer<Config>) -> Self {
        Self { consumer, batch: None, expires: None, heartbeat: None, request: BatchConfig::default() }
    }

    /// How many bytes each request asks for at most.
    pub fn max_bytes_per_batch(mut self, max_bytes: usize) -> Self {
        self.request.max_bytes = max_bytes;
        self
    }

    /// How many messages each request asks for.
    pub fn max_messages_per_batch(mut self, batch: usize) -> Self {
        self.batch = Some(batch);
        self
    }

    /// How often the consumer says that it is there when there is nothing to send.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = Some(heartbeat);
        self
    }

    /// How long each request waits.
    pub fn expires(mut self, expires: Duration) -> Self {
        self.expires = Some(expires);
        self
    }

    /// The priority of its requests, 0 to 9; 0 is served first.
    pub fn priority(mut self, priority: usize) -> Self {
        self.request.priority = Some(priority);
        self
    }

    request_settings!();

    /// Begins to ask for messages when it is first polled.
    ///
    /// # Errors
    /// See [`StreamErrorKind`](crate::jetstream::consumer::StreamErrorKind).
    pub async fn messages(self) -> Result<Stream, StreamError> {
        let info = &self.consumer.info;
        let expires = self.expires.unwrap_or_else(|| allowed_expires(info));
        let idle_heartbeat = match self.heartbeat {
            // Both were chosen: the broker says if they do not go together.
            Some(heartbeat) if self.expires.is_some() => heartbeat,
            Some(heartbeat) => heartbeat.min(expires / 2),
            None => Duration::ZERO,
        };
        let batch = self.batch.unwrap_or_else(|| allowed_batch(DEFAULT_BATCH, info));
        let request = BatchConfig { batch, expires: Some(expires), idle_heartbeat, ..self.request };
        Stream::begin(self.consumer, request).await
    }
}

impl<'a> FetchBuilder<'a> {
    /// The default: 200 messages.
    pub fn new(consumer: &'a Consumer<Config>) -> Self {
        Self { consumer, request: BatchConfig { batch: DEFAULT_BATCH, no_wait: true, ..BatchConfig::default() } }
    }

    /// Its priority, 0 to 9; 0 is served first.
    pub fn priority(mut self, priority: usize) -> Self {
        self.request.priority = Some(priority);
        self
    }

    request_settings!();
    batch_settings!();
}

impl<'a> BatchBuilder<'a> {
    /// The default: 200 messages. Where nothing comes any more, it waits for five seconds.
    pub fn new(consumer: &'a Consumer<Config>) -> Self {
        let request = BatchConfig { batch: DEFAULT_BATCH, expires: Some(Duration::ZERO), ..BatchConfig::default() };
        Self { consumer, request }
    }

    request_settings!();
    batch_settings!();
}
