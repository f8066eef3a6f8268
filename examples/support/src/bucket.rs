//! Buckets of values, of both kinds of client.

/// Of a broker in this process.
pub mod embedded {
    use embus::jetstream::{Context, kv};
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    /// A bucket of values.
    pub type Bucket<T> = kv::Bucket<T>;

    /// The bucket as it is wanted, whatever was there before.
    ///
    /// # Errors
    /// What the broker says.
    pub async fn bucket<T: Serialize + DeserializeOwned>(
        context: &Context,
        config: kv::Config,
    ) -> Result<Bucket<T>, embus::Error> {
        Ok(context.create_or_update_key_value(config).await?.typed())
    }
}

/// Of a NATS server.
pub mod remote {
    use async_nats::jetstream::{Context, kv};
    use embus_kv::remote::Remote;

    /// A bucket of values.
    pub type Bucket<T> = embus_kv::Bucket<T, Remote>;

    /// The bucket as it is wanted, whatever was there before.
    ///
    /// # Errors
    /// What the server says.
    pub async fn bucket<T>(context: &Context, config: kv::Config) -> Result<Bucket<T>, async_nats::Error> {
        let name = context.create_or_update_key_value(config).await?.name;
        Ok(Bucket::new(Remote::open(context.clone(), &name).await?))
    }
}
