//! Buckets: made, changed, found, removed.

use embus_kv::shape::{check_bucket_name, prefix_of, stream_of};

use crate::jetstream::context::{
    Context, CreateKeyValueError, CreateKeyValueErrorKind, KeyValueError, KeyValueErrorKind, UpdateKeyValueError,
};
use crate::jetstream::ensure::Ensured;
use crate::jetstream::kv::{Config, EnsureBucketError, NoBucket, Store};
use crate::jetstream::stream::{DeleteStatus, Stream};

/// # Buckets
/// What changes them is done one at a time on another thread, and durable when it returns. Dropping one of these futures
/// does not stop what it has begun at its first poll.
impl Context {
    /// A bucket that is there.
    ///
    /// # Errors
    /// See [`KeyValueErrorKind`].
    pub async fn get_key_value<T: Into<String>>(&self, bucket: T) -> Result<Store, KeyValueError> {
        let bucket = bucket.into();
        check_name(&bucket)?;
        let failed = |error| KeyValueError::with_source(KeyValueErrorKind::GetBucket, NoBucket::named(&bucket, error));
        let stream = self.get_stream(stream_of(&bucket)).await.map_err(failed)?;
        if stream.info.config.max_messages_per_subject < 1 {
            let reason =
                format!("stream {:?} has no limit of messages per subject, as that of a bucket has", stream.name);
            return Err(KeyValueError::with_source(KeyValueErrorKind::InvalidStoreName, reason));
        }
        Ok(store(stream, bucket))
    }

    /// Makes a bucket. One that is there with just this configuration is as good.
    ///
    /// # Errors
    /// See [`CreateKeyValueErrorKind`].
    pub async fn create_key_value(&self, config: Config) -> Result<Store, CreateKeyValueError> {
        let stream = self.create_stream(config.to_stream()?).await?;
        Ok(store(stream, config.bucket))
    }

    /// Changes the configuration of a bucket.
    ///
    /// # Errors
    /// See [`UpdateKeyValueErrorKind`](crate::jetstream::context::UpdateKeyValueErrorKind).
    pub async fn update_key_value(&self, config: Config) -> Result<Store, UpdateKeyValueError> {
        let stream = config.to_stream()?;
        let info = self.update_stream(&stream).await?;
        Ok(store(Stream { info, context: self.clone(), name: stream.name }, config.bucket))
    }

    /// Changes the configuration of a bucket, or makes it.
    ///
    /// # Errors
    /// See [`CreateKeyValueErrorKind`].
    pub async fn create_or_update_key_value(&self, config: Config) -> Result<Store, CreateKeyValueError> {
        let stream = config.to_stream()?;
        let name = stream.name.clone();
        let failed = |error| CreateKeyValueError::with_source(CreateKeyValueErrorKind::JetStream, error);
        let info = self.create_or_update_stream(stream).await.map_err(failed)?;
        Ok(store(Stream { info, context: self.clone(), name }, config.bucket))
    }

    /// Has a bucket be there as `config` says, whether there was none, or one that is configured differently. Beyond
    /// async-nats.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::jetstream::{self, Ensured, kv};
    ///
    /// let broker = embus::Broker::builder().start().await?;
    /// let jetstream = jetstream::new(broker.client());
    /// let short = kv::Config { bucket: "users".into(), ..Default::default() };
    /// let long = kv::Config { history: 10, ..short.clone() };
    /// assert!(matches!(jetstream.ensure_bucket(short).await?, Ensured::Created(_)));
    /// assert!(matches!(jetstream.ensure_bucket(long.clone()).await?, Ensured::Updated(_)));
    /// assert!(matches!(jetstream.ensure_bucket(long).await?, Ensured::Unchanged(_)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`EnsureBucketErrorKind`](crate::jetstream::kv::EnsureBucketErrorKind); what was there is as it was.
    pub async fn ensure_bucket(&self, config: Config) -> Result<Ensured<Store>, EnsureBucketError> {
        let ensured = self.ensure_stream(config.to_stream()?).await?;
        Ok(Ensured::of_stream(ensured, |stream| store(stream, config.bucket)))
    }

    /// Removes a bucket with all its entries.
    ///
    /// # Errors
    /// See [`KeyValueErrorKind`].
    pub async fn delete_key_value<T: AsRef<str>>(&self, bucket: T) -> Result<DeleteStatus, KeyValueError> {
        check_name(bucket.as_ref())?;
        let named = |error| NoBucket::named(bucket.as_ref(), error);
        let failed = |error| KeyValueError::with_source(KeyValueErrorKind::JetStream, named(error));
        self.delete_stream(stream_of(bucket.as_ref())).await.map_err(failed)
    }
}

fn check_name(bucket: &str) -> Result<(), KeyValueError> {
    check_bucket_name(bucket).map_err(|error| KeyValueError::with_source(KeyValueErrorKind::InvalidStoreName, error))
}

fn store(stream: Stream, bucket: String) -> Store {
    Store {
        stream_name: stream_of(&bucket),
        prefix: prefix_of(&bucket),
        name: bucket,
        put_prefix: None,
        use_jetstream_prefix: false,
        stream,
    }
}
