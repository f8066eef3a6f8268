//! Configurations between this API, where what is not set is `None` or zero, and the engine, where it is empty or zero.

use embus_engine::api::error::ApiError;
use embus_engine::api::time::{Nanos, Time};
use embus_engine::stream::config::{self as engine, StreamConfig};

use super::config::{
    Compression, Config, ConsumerLimits, DiscardPolicy, External, PersistenceMode, Placement, Republish,
    RetentionPolicy, Source, StorageType, StreamConsumerSource, SubjectTransform,
};
use super::info::datetime;
use crate::datetime::DateTime;

impl Config {
    /// As the engine takes it, not checked yet.
    pub(crate) fn to_engine(&self) -> Result<StreamConfig, ApiError> {
        self.check_unknown()?;
        let Self { retention, discard, storage, persist_mode, .. } = self;
        Ok(StreamConfig {
            name: self.name.clone(),
            description: self.description.clone().unwrap_or_default(),
            subjects: self.subjects.clone(),
            retention: (*retention).into(),
            max_consumers: self.max_consumers.into(),
            max_messages: self.max_messages,
            max_bytes: self.max_bytes,
            max_age: self.max_age.into(),
            max_messages_per_subject: self.max_messages_per_subject,
            max_message_size: self.max_message_size,
            discard: (*discard).into(),
            storage: (*storage).into(),
            num_replicas: i64::try_from(self.num_replicas).unwrap_or(i64::MAX),
            no_ack: self.no_ack,
            duplicate_window: self.duplicate_window.into(),
            placement: self.placement.clone().map(|it| Box::new(it.into())),
            mirror: self.mirror.clone().map(|it| Box::new(it.into())),
            sources: self.sources.iter().flatten().map(|source| Some(source.clone().into())).collect(),
            compression: self.compression.clone().map_or(engine::Compression::None, Into::into),
            first_sequence: self.first_sequence.unwrap_or_default(),
            subject_transform: self.subject_transform.clone().map(Into::into),
            republish: self.republish.clone().map(Into::into),
            allow_direct: self.allow_direct,
            mirror_direct: self.mirror_direct,
            discard_new_per_subject: self.discard_new_per_subject,
            sealed: self.sealed,
            deny_delete: self.deny_delete,
            deny_purge: self.deny_purge,
            allow_rollup: self.allow_rollup,
            consumer_limits: self.consumer_limits.clone().unwrap_or_default().into(),
            allow_message_ttl: self.allow_message_ttl,
            subject_delete_marker_ttl: self.subject_delete_marker_ttl.unwrap_or_default().into(),
            allow_message_counter: self.allow_message_counter,
            allow_atomic_publish: self.allow_atomic_publish,
            allow_message_schedules: self.allow_message_schedules,
            persist_mode: persist_mode.unwrap_or_default().into(),
            allow_batch_publish: self.allow_batch_publish,
            metadata: self.metadata.clone().into_iter().collect(),
        })
    }

    /// Fields of async-nats that the API does not know are refused as it refuses them.
    fn check_unknown(&self) -> Result<(), ApiError> {
        let unknown = |field: &str| Err(ApiError::invalid_json(format!("json: unknown field {field:?}")));
        if !self.template_owner.is_empty() {
            return unknown("template_owner");
        }
        if self.pause_until.is_some() {
            return unknown("pause_until");
        }
        Ok(())
    }

    /// As the API shows it.
    pub(crate) fn from_engine(config: StreamConfig) -> Self {
        Self {
            name: config.name,
            max_bytes: config.max_bytes,
            max_messages: config.max_messages,
            max_messages_per_subject: config.max_messages_per_subject,
            discard: config.discard.into(),
            discard_new_per_subject: config.discard_new_per_subject,
            subjects: config.subjects,
            retention: config.retention.into(),
            max_consumers: i32::try_from(config.max_consumers).unwrap_or(i32::MAX),
            max_age: config.max_age.as_duration(),
            max_message_size: config.max_message_size,
            storage: config.storage.into(),
            num_replicas: usize::try_from(config.num_replicas).unwrap_or_default(),
            no_ack: config.no_ack,
            duplicate_window: config.duplicate_window.as_duration(),
            template_owner: String::new(),
            sealed: config.sealed,
            description: some(config.description),
            allow_rollup: config.allow_rollup,
            deny_delete: config.deny_delete,
            deny_purge: config.deny_purge,
            republish: config.republish.map(Into::into),
            allow_direct: config.allow_direct,
            mirror_direct: config.mirror_direct,
            mirror: config.mirror.map(|it| (*it).into()),
            sources: some(config.sources.into_iter().flatten().map(Into::into).collect::<Vec<_>>()),
            metadata: config.metadata.into_iter().collect(),
            subject_transform: config.subject_transform.map(Into::into),
            compression: Some(config.compression.into()),
            consumer_limits: some(config.consumer_limits.into()),
            first_sequence: some(config.first_sequence),
            placement: config.placement.map(|it| (*it).into()),
            persist_mode: some(config.persist_mode.into()),
            pause_until: None,
            allow_message_ttl: config.allow_message_ttl,
            subject_delete_marker_ttl: some(config.subject_delete_marker_ttl).map(Nanos::as_duration),
            allow_atomic_publish: config.allow_atomic_publish,
            allow_message_schedules: config.allow_message_schedules,
            allow_message_counter: config.allow_message_counter,
            allow_batch_publish: config.allow_batch_publish,
        }
    }
}

/// What is not the default.
fn some<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

/// Enums with the same variants on both sides.
macro_rules! same {
    ($($ours:ident = $theirs:ident { $($variant:ident),+ })+) => {$(
        impl From<$ours> for engine::$theirs {
            fn from(value: $ours) -> Self {
                match value {
                    $($ours::$variant => Self::$variant,)+
                }
            }
        }

        impl From<engine::$theirs> for $ours {
            fn from(value: engine::$theirs) -> Self {
                match value {
                    $(engine::$theirs::$variant => Self::$variant,)+
                }
            }
        }
    )+};
}

same! {
    RetentionPolicy = Retention { Limits, Interest, WorkQueue }
    DiscardPolicy = Discard { Old, New }
    StorageType = StorageType { File, Memory }
    PersistenceMode = PersistMode { Default, Async }
    Compression = Compression { None, S2 }
}

impl From<SubjectTransform> for engine::Transform {
    fn from(transform: SubjectTransform) -> Self {
        Self { source: transform.source, destination: transform.destination }
    }
}

impl From<engine::Transform> for SubjectTransform {
    fn from(transform: engine::Transform) -> Self {
        Self { source: transform.source, destination: transform.destination }
    }
}

impl From<Republish> for engine::Republish {
    fn from(republish: Republish) -> Self {
        let Republish { source, destination, headers_only } = republish;
        Self { source, destination, headers_only }
    }
}

impl From<engine::Republish> for Republish {
    fn from(republish: engine::Republish) -> Self {
        let engine::Republish { source, destination, headers_only } = republish;
        Self { source, destination, headers_only }
    }
}

impl From<Placement> for engine::Placement {
    fn from(placement: Placement) -> Self {
        Self { cluster: placement.cluster.unwrap_or_default(), tags: placement.tags, preferred: String::new() }
    }
}

impl From<engine::Placement> for Placement {
    fn from(placement: engine::Placement) -> Self {
        Self { cluster: some(placement.cluster), tags: placement.tags }
    }
}

impl From<ConsumerLimits> for engine::ConsumerLimits {
    fn from(limits: ConsumerLimits) -> Self {
        Self { inactive_threshold: limits.inactive_threshold.into(), max_ack_pending: limits.max_ack_pending }
    }
}

impl From<engine::ConsumerLimits> for ConsumerLimits {
    fn from(limits: engine::ConsumerLimits) -> Self {
        Self { inactive_threshold: limits.inactive_threshold.as_duration(), max_ack_pending: limits.max_ack_pending }
    }
}

impl From<Source> for engine::Source {
    fn from(source: Source) -> Self {
        let of_domain = |domain| External { api_prefix: format!("$JS.{domain}.API"), delivery_prefix: None };
        Self {
            name: source.name,
            start_sequence: source.start_sequence.unwrap_or_default(),
            start_time: source.start_time.map(time),
            filter_subject: source.filter_subject.unwrap_or_default(),
            subject_transforms: source.subject_transforms.into_iter().map(Into::into).collect(),
            external: source.external.or(source.domain.map(of_domain)).map(Into::into),
            consumer: source.consumer.map(|consumer| engine::SourceConsumer {
                name: consumer.name,
                deliver_subject: consumer.deliver_subject,
            }),
        }
    }
}

impl From<engine::Source> for Source {
    fn from(source: engine::Source) -> Self {
        Self {
            name: source.name,
            start_sequence: some(source.start_sequence),
            start_time: source.start_time.map(|time| datetime(time.as_timestamp())),
            filter_subject: some(source.filter_subject),
            external: source.external.map(Into::into),
            domain: None,
            subject_transforms: source.subject_transforms.into_iter().map(Into::into).collect(),
            consumer: source.consumer.map(|consumer| StreamConsumerSource {
                name: consumer.name,
                deliver_subject: consumer.deliver_subject,
            }),
        }
    }
}

impl From<External> for engine::External {
    fn from(external: External) -> Self {
        Self { api_prefix: external.api_prefix, delivery_prefix: external.delivery_prefix.unwrap_or_default() }
    }
}

impl From<engine::External> for External {
    fn from(external: engine::External) -> Self {
        Self { api_prefix: external.api_prefix, delivery_prefix: some(external.delivery_prefix) }
    }
}

fn time(time: DateTime) -> Time {
    let nanos = time.unix_timestamp_nanos();
    Time::from(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use super::*;

    fn full() -> Config {
        Config {
            name: "S".into(),
            max_bytes: 1,
            max_messages: 2,
            max_messages_per_subject: 3,
            discard: DiscardPolicy::New,
            discard_new_per_subject: true,
            subjects: vec!["s.>".into()],
            retention: RetentionPolicy::WorkQueue,
            max_consumers: 4,
            max_age: Duration::from_secs(5),
            max_message_size: 6,
            storage: StorageType::Memory,
            num_replicas: 1,
            no_ack: true,
            duplicate_window: Duration::from_secs(1),
            template_owner: String::new(),
            sealed: true,
            description: Some("text".into()),
            allow_rollup: true,
            deny_delete: true,
            deny_purge: true,
            republish: Some(Republish { source: "a".into(), destination: "b".into(), headers_only: true }),
            allow_direct: true,
            mirror_direct: true,
            mirror: Some(Source {
                name: "M".into(),
                start_sequence: Some(7),
                start_time: Some(datetime(1_500_000_000)),
                filter_subject: Some("f".into()),
                external: Some(External { api_prefix: "x".into(), delivery_prefix: Some("y".into()) }),
                domain: None,
                subject_transforms: vec![SubjectTransform { source: "a".into(), destination: "b".into() }],
                consumer: Some(StreamConsumerSource::new("c", "d")),
            }),
            sources: Some(vec![Source { name: "O".into(), ..Source::default() }]),
            metadata: HashMap::from([("k".into(), "v".into())]),
            subject_transform: Some(SubjectTransform { source: ">".into(), destination: "t.>".into() }),
            compression: Some(Compression::S2),
            consumer_limits: Some(ConsumerLimits { inactive_threshold: Duration::from_secs(1), max_ack_pending: 8 }),
            first_sequence: Some(9),
            placement: Some(Placement { cluster: Some("c".into()), tags: vec!["t".into()] }),
            persist_mode: Some(PersistenceMode::Async),
            pause_until: None,
            allow_message_ttl: true,
            subject_delete_marker_ttl: Some(Duration::from_secs(2)),
            allow_atomic_publish: true,
            allow_message_schedules: true,
            allow_message_counter: true,
            allow_batch_publish: true,
        }
    }

    #[test]
    fn nothing_gets_lost_on_the_way() {
        let config = full();
        assert_eq!(Config::from_engine(config.to_engine().unwrap()), config);
    }

    #[test]
    fn defaults_say_nothing() {
        let shown = Config::from_engine(Config::default().to_engine().unwrap());
        assert_eq!(shown, Config { compression: Some(Compression::None), ..Config::default() });
    }

    #[test]
    fn a_domain_is_short_for_a_prefix() {
        let source = Source { domain: Some("hub".into()), ..Source::default() };
        let external = engine::Source::from(source).external.unwrap();
        assert_eq!(external.api_prefix, "$JS.hub.API");
    }

    #[test]
    fn fields_that_the_api_does_not_know() {
        let paused = Config { pause_until: Some(datetime(1)), ..Config::default() };
        assert_eq!(paused.to_engine().unwrap_err().err_code, 10025);
        let owned = Config { template_owner: "x".into(), ..Config::default() };
        assert_eq!(owned.to_engine().unwrap_err().to_string(), "invalid JSON: json: unknown field \"template_owner\"");
    }

    /// The fields mean the same in JSON.
    #[test]
    fn the_same_as_async_nats() {
        let config = full();
        let json = serde_json::to_value(&config).unwrap();
        let theirs: async_nats::jetstream::stream::Config = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&theirs).unwrap(), json);
        assert_eq!(serde_json::from_value::<Config>(json).unwrap(), config);
    }
}
