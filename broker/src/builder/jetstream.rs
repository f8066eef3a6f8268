//! The streams of a broker: where they are kept, how many there may be, and which are there from the start.

use std::path::PathBuf;

use embus_engine::stream::SyncPolicy;

use super::Builder;
use crate::jetstream::kv;
use crate::jetstream::stream::Config;

impl Builder {
    /// Keeps file streams in this directory; it is made if it is missing. Without one, everything is kept in memory.
    ///
    /// A directory belongs to one broker at a time.
    pub fn store_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.store.dir = Some(path.into());
        self
    }

    /// Starts with an empty store: all streams in the directory are removed.
    pub fn clear_store_on_start(mut self) -> Self {
        self.store.clear = true;
        self
    }

    /// Declares a stream: it is there as `config` says when the broker has started, made or changed if need be. Call it
    /// once for each: a broker does not start with two of one name that differ.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{self, stream};
    ///
    /// let config = stream::Config { name: "LOG".into(), subjects: vec!["log.>".into()], ..Default::default() };
    /// let broker = embus::Broker::builder().stream(config).start().await?;
    /// let ack = jetstream::new(broker.client()).publish("log.start", "now".into()).await?.await?;
    /// assert_eq!(ack.stream, "LOG");
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(mut self, config: impl Into<Config>) -> Self {
        self.store.streams.push(config.into());
        self
    }

    /// Declares a bucket: it is there as `config` says when the broker has started, made or changed if need be. Call it once
    /// for each: a broker does not start with two of one name that differ.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{self, kv};
    ///
    /// let config = kv::Config { bucket: "users".into(), ..Default::default() };
    /// let broker = embus::Broker::builder().bucket(config).start().await?;
    /// let users = jetstream::new(broker.client()).get_key_value("users").await?;
    /// assert_eq!(users.put("7", "Ada".into()).await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bucket(mut self, config: kv::Config) -> Self {
        self.store.buckets.push(config);
        self
    }

    /// When an acknowledged message is on the disk; by default before it is acknowledged. An interval must not be zero.
    pub fn sync(mut self, policy: SyncPolicy) -> Self {
        self.store.sync = policy;
        self
    }

    /// Whether the broker has streams at all; it has by default.
    pub fn jetstream(mut self, on: bool) -> Self {
        self.store.off = !on;
        self
    }

    /// Whether clients that are in no account of their own have streams; they have by default.
    pub fn jetstream_in_global_account(mut self, on: bool) -> Self {
        self.store.not_global = !on;
        self
    }

    /// The `JetStream` domain, one token of a subject: requests on `$JS.<domain>.API.` are answered as well.
    pub fn jetstream_domain(mut self, domain: impl Into<String>) -> Self {
        self.store.domain = Some(domain.into());
        self
    }

    /// Bytes that all memory streams together may hold; 75 % of the machine's memory by default.
    pub fn max_memory_store(mut self, bytes: u64) -> Self {
        self.store.max_memory = Some(bytes);
        self
    }

    /// Bytes that all file streams together may hold; by default 75 % of what they have and what is free on the disk,
    /// looked at anew while the broker runs.
    pub fn max_file_store(mut self, bytes: u64) -> Self {
        self.store.max_file = Some(bytes);
        self
    }

    /// How many streams there may be in the global account; no bound by default. This and the limits below are those of
    /// the global account, unless it was [declared](Self::account) with others.
    pub fn max_streams(mut self, streams: usize) -> Self {
        self.store.limits.max_streams = Some(streams);
        self
    }

    /// How many consumers one stream may have; no bound by default.
    pub fn max_consumers(mut self, consumers: usize) -> Self {
        self.store.limits.max_consumers = Some(consumers);
        self
    }

    /// Messages that one consumer may have delivered and not seen acknowledged; no bound by default.
    pub fn max_ack_pending(mut self, messages: usize) -> Self {
        self.store.limits.max_ack_pending = Some(messages);
        self
    }

    /// Bytes that the account may have in memory streams, what they reserve with `max_bytes` included; no bound by
    /// default but [`max_memory_store`](Self::max_memory_store).
    pub fn max_account_memory(mut self, bytes: u64) -> Self {
        self.store.limits.max_memory = Some(bytes);
        self
    }

    /// Bytes that the account may have in file streams, what they reserve with `max_bytes` included; no bound by
    /// default but [`max_file_store`](Self::max_file_store).
    pub fn max_account_storage(mut self, bytes: u64) -> Self {
        self.store.limits.max_storage = Some(bytes);
        self
    }

    /// What `max_bytes` of one memory stream may be at most; no bound by default.
    pub fn max_memory_stream_bytes(mut self, bytes: u64) -> Self {
        self.store.limits.memory_max_stream_bytes = Some(bytes);
        self
    }

    /// What `max_bytes` of one file stream may be at most; no bound by default.
    pub fn max_file_stream_bytes(mut self, bytes: u64) -> Self {
        self.store.limits.storage_max_stream_bytes = Some(bytes);
        self
    }

    /// Whether every stream must say with `max_bytes` how much it may hold; it need not by default.
    pub fn max_bytes_required(mut self, required: bool) -> Self {
        self.store.limits.max_bytes_required = required;
        self
    }
}
