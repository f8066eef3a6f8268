//! What a bucket is configured to be, field by field as in async-nats.

use std::time::Duration;

use embus_kv::shape::{InvalidBucket, Shape, check_limit, with_stream_prefix};

use crate::jetstream::stream::{self, Compression, DiscardPolicy, Placement, Republish, Source, StorageType};

/// The configuration of a bucket. Zero and nothing leave the choice to the broker.
///
/// ```
/// use std::time::Duration;
/// use embus::jetstream::kv::Config;
///
/// let config = Config {
///     bucket: "sessions".into(),
///     max_age: Duration::from_secs(3600),
///     max_bytes: 16 * 1024 * 1024,
///     compression: true,
///     ..Default::default()
/// };
/// ```
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The bucket's name: ASCII letters and digits, `-` and `_`.
    pub bucket: String,
    /// A text for people.
    pub description: String,
    /// How many bytes a value may have, together with the headers of its entry: a value that is created, updated or has a
    /// time to live has some, and a mark that a key is deleted or purged has nothing else, about 30 to 80 bytes. A longer one is
    /// refused, see [`Refusal::TooLarge`](super::Refusal::TooLarge). 0 and -1 say any number.
    pub max_value_size: i32,
    /// How many entries it keeps of each key: 1 to 64; 0 is 1.
    pub history: i64,
    /// How long it keeps an entry, at least 100 ms; for ever if it is zero.
    pub max_age: Duration,
    /// How many bytes it holds, keys and headers included. A full bucket refuses what is new, see
    /// [`Refusal::Full`](super::Refusal::Full), and marks that a key is deleted or purged are new entries, too: what makes room
    /// is more bytes, or a [purge of its stream](crate::jetstream::stream::Stream::purge). Only where a key has as many entries
    /// as `history` says, one that is not larger than the oldest takes its place. 0 and -1 say any number.
    pub max_bytes: i64,
    /// Where entries are kept.
    pub storage: StorageType,
    /// How many servers hold a copy: one.
    pub num_replicas: usize,
    /// Where copies of stored entries are published.
    pub republish: Option<Republish>,
    /// The bucket it copies. Not supported yet: refused.
    pub mirror: Option<Source>,
    /// The buckets it collects from. Not supported yet: refused.
    pub sources: Option<Vec<Source>>,
    /// Whether a mirror answers direct gets of its origin.
    pub mirror_direct: bool,
    /// Whether what is not written to any more is compressed.
    pub compression: bool,
    /// Where in a cluster it should live: kept, without effect.
    pub placement: Option<Placement>,
    /// Single entries may have a time to live, and what expires leaves a mark that tells watches, of
    /// [`Operation::Purge`](super::Operation::Purge). The mark stays for so
    /// long, at least a second; a time to live that is shorter is taken for as long. What expires leaves none while the bucket keeps
    /// older entries of its key. [nats-server 2.15.1, probed]
    pub limit_markers: Option<Duration>,
}

impl Config {
    /// The stream of the bucket.
    pub(crate) fn to_stream(&self) -> Result<stream::Config, InvalidBucket> {
        let shape = Shape::of(&self.bucket, self.history, self.limit_markers)?;
        check_limit("max_bytes", self.max_bytes)?;
        check_limit("max_value_size", self.max_value_size.into())?;
        let copies = self.mirror.is_some() || self.sources.as_ref().is_some_and(|sources| !sources.is_empty());
        Ok(stream::Config {
            name: shape.stream,
            description: Some(self.description.clone()),
            subjects: if copies { Vec::new() } else { vec![shape.subjects] },
            max_messages_per_subject: shape.history,
            max_bytes: self.max_bytes,
            max_age: self.max_age,
            max_message_size: self.max_value_size,
            storage: self.storage,
            republish: self.republish.clone(),
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            mirror: self.mirror.clone().map(bucket_source),
            sources: self.sources.clone().map(|sources| sources.into_iter().map(bucket_source).collect()),
            mirror_direct: self.mirror_direct || self.mirror.is_some(),
            num_replicas: self.num_replicas.max(1),
            discard: DiscardPolicy::New,
            compression: self.compression.then_some(Compression::S2),
            placement: self.placement.clone(),
            allow_message_ttl: shape.allow_message_ttl,
            subject_delete_marker_ttl: shape.marker_ttl,
            ..stream::Config::default()
        })
    }
}

fn bucket_source(source: Source) -> Source {
    Source { name: with_stream_prefix(source.name), ..source }
}
