//! What an object store is configured to be, field by field as in async-nats, and the names in its stream.

use std::time::Duration;

use data_encoding::BASE64URL;
use embus_kv::shape::{InvalidBucket, check_bucket_name, check_limit};

use crate::jetstream::stream::{self, Compression, DiscardPolicy, Placement, StorageType};

/// The configuration of an object store. Zero and nothing leave the choice to the broker.
#[derive(Debug, Default, Clone)]
pub struct Config {
    /// The store's name: letters, digits, `-` and `_`.
    pub bucket: String,
    /// A text for people.
    pub description: Option<String>,
    /// How long it keeps an object, at least 100 ms; for ever if it is zero.
    pub max_age: Duration,
    /// How many bytes it holds; a full store refuses what is new. 0 and -1 say any number.
    pub max_bytes: i64,
    /// Where objects are kept.
    pub storage: StorageType,
    /// How many servers hold a copy: one.
    pub num_replicas: usize,
    /// Whether what is not written to any more is compressed.
    pub compression: bool,
    /// Where in a cluster it should live: kept, without effect.
    pub placement: Option<Placement>,
}

impl Config {
    /// The stream of the store.
    pub(crate) fn to_stream(&self) -> Result<stream::Config, InvalidBucket> {
        check_bucket_name(&self.bucket)?;
        check_limit("max_bytes", self.max_bytes)?;
        Ok(stream::Config {
            name: stream_of(&self.bucket),
            description: self.description.clone(),
            subjects: vec![format!("$O.{}.C.>", self.bucket), format!("$O.{}.M.>", self.bucket)],
            max_age: self.max_age,
            max_bytes: self.max_bytes,
            storage: self.storage,
            num_replicas: self.num_replicas.max(1),
            discard: DiscardPolicy::New,
            allow_rollup: true,
            allow_direct: true,
            compression: self.compression.then_some(Compression::S2),
            placement: self.placement.clone(),
            ..stream::Config::default()
        })
    }
}

/// The name of a store's stream.
pub(crate) fn stream_of(bucket: &str) -> String {
    format!("OBJ_{bucket}")
}

/// What the subjects of descriptions begin with; the encoded name follows.
pub(super) fn meta_prefix(bucket: &str) -> String {
    format!("$O.{bucket}.M.")
}

/// Where the chunks of an object lie.
pub(super) fn chunk_subject(bucket: &str, nuid: &str) -> String {
    format!("$O.{bucket}.C.{nuid}")
}

/// The name of an object as a token of a subject; nothing for a name without a byte.
pub(super) fn encoded(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| BASE64URL.encode(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_all_clients_do() {
        assert_eq!(encoded("a file.txt").as_deref(), Some("YSBmaWxlLnR4dA=="));
        assert_eq!(encoded("ÿþ>?").as_deref(), Some("w7_Dvj4_"));
        assert_eq!(encoded(""), None);
    }

    #[test]
    fn a_store_has_a_stream_of_its_own() {
        let stream = Config { bucket: "b".into(), compression: true, ..Config::default() }.to_stream().unwrap();
        assert_eq!((stream.name.as_str(), stream.num_replicas), ("OBJ_b", 1));
        assert_eq!(stream.subjects, ["$O.b.C.>", "$O.b.M.>"]);
        assert!(stream.allow_rollup && stream.allow_direct && stream.discard == DiscardPolicy::New);
        assert_eq!((meta_prefix("b").as_str(), chunk_subject("b", "N").as_str()), ("$O.b.M.", "$O.b.C.N"));
    }
}
