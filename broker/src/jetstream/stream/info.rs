//! What is known of a stream at one moment.

use std::sync::Arc;
use std::time::Duration;

use embus_engine::stream::config::StreamConfig;
use embus_engine::stream::core::Core;
use embus_engine::stream::{Stream as EngineStream, Witness};
use embus_storage::log;
use embus_storage::message::Timestamp;
use serde::{Deserialize, Deserializer};
use time::serde::rfc3339;

use super::config::{Config, SubjectTransform};
use crate::datetime::DateTime;
use crate::jetstream::context::Context;
use crate::jetstream::failure::Failure;

/// What is known of a stream: its configuration, completed by the broker, and what it holds.
#[derive(Debug, Deserialize, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// How it is configured.
    pub config: Config,
    /// When it was created.
    #[serde(with = "rfc3339")]
    pub created: DateTime,
    /// What it holds.
    pub state: State,
    /// Who leads it: this broker.
    pub cluster: Option<ClusterInfo>,
    /// What it copies.
    #[serde(default)]
    pub mirror: Option<SourceInfo>,
    /// What it collects from.
    #[serde(default)]
    pub sources: Vec<SourceInfo>,
}

/// What a stream holds.
#[derive(Debug, Deserialize, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct State {
    /// How many messages.
    pub messages: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The sequence of the oldest message; one beyond the last when there is none.
    #[serde(rename = "first_seq")]
    pub first_sequence: u64,
    /// When that was stored; the year 1 without messages.
    #[serde(with = "rfc3339", rename = "first_ts")]
    pub first_timestamp: DateTime,
    /// The sequence of the message stored last.
    #[serde(rename = "last_seq")]
    pub last_sequence: u64,
    /// When that was; the year 1 before the first one.
    #[serde(with = "rfc3339", rename = "last_ts")]
    pub last_timestamp: DateTime,
    /// How many consumers it has.
    pub consumer_count: usize,
    /// How many subjects its messages have.
    #[serde(default, rename = "num_subjects")]
    pub subjects_count: u64,
    /// How many sequences between the first and the last have no message, if any.
    #[serde(default, rename = "num_deleted")]
    pub deleted_count: Option<u64>,
    /// Those sequences, if they were [asked for](super::StreamInfoBuilder::with_deleted), a million at most.
    #[serde(default)]
    pub deleted: Option<Vec<u64>>,
    /// What damage took of it, if anything; async-nats does not know of it.
    #[serde(default)]
    pub lost: Option<Lost>,
}

/// What damage to its files took of a stream.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
pub struct Lost {
    /// How many messages.
    #[serde(default, rename = "count")]
    pub messages: u64,
    /// How many bytes of the files could not be understood.
    #[serde(default)]
    pub bytes: u64,
}

impl Lost {
    fn of(state: &log::State) -> Option<Self> {
        let lost = Self { messages: state.lost_messages, bytes: state.lost_bytes };
        (lost.messages > 0 || lost.bytes > 0).then_some(lost)
    }
}

/// Who holds a stream.
#[derive(Debug, Default, Deserialize, Clone, PartialEq, Eq)]
pub struct ClusterInfo {
    /// The name of the cluster; there is none.
    #[serde(default)]
    pub name: Option<String>,
    /// The group of servers that agree on it; there is none.
    #[serde(default)]
    pub raft_group: Option<String>,
    /// The server that leads it: the broker.
    #[serde(default)]
    pub leader: Option<String>,
    /// Since when.
    #[serde(default, with = "rfc3339::option")]
    pub leader_since: Option<DateTime>,
    /// Whether traffic between servers is the system account's.
    #[serde(default)]
    pub system_account: bool,
    /// Whose it is.
    #[serde(default)]
    pub traffic_account: Option<String>,
    /// Other servers that hold it: none.
    #[serde(default)]
    pub replicas: Vec<PeerInfo>,
}

/// Another server that holds a stream.
#[derive(Debug, Default, Deserialize, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its name.
    pub name: String,
    /// Whether it has everything.
    pub current: bool,
    /// When it was heard of.
    #[serde(with = "serde_nanos")]
    pub active: Duration,
    /// Whether it is gone.
    #[serde(default)]
    pub offline: bool,
    /// How far it is behind.
    pub lag: Option<u64>,
}

/// A stream that is copied from.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct SourceInfo {
    /// Its name.
    pub name: String,
    /// How many messages are still to come.
    pub lag: u64,
    /// When it was heard of.
    #[serde(deserialize_with = "negative_as_none")]
    pub active: Option<Duration>,
    /// Which subjects are copied.
    #[serde(default)]
    pub filter_subject: Option<String>,
    /// Under what names.
    #[serde(default)]
    pub subject_transform_dest: Option<String>,
    /// Which subjects are copied, and under what names.
    #[serde(default)]
    pub subject_transforms: Vec<SubjectTransform>,
}

/// That something was deleted.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
pub struct DeleteStatus {
    /// It was.
    pub success: bool,
}

fn negative_as_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let nanos = i64::deserialize(deserializer)?;
    Ok(u64::try_from(nanos).ok().map(Duration::from_nanos))
}

/// A stream at one moment: taken under its lock, written out afterwards.
#[derive(Debug)]
pub(super) struct Snapshot {
    config: Arc<StreamConfig>,
    created: Timestamp,
    state: log::State,
    consumers: usize,
}

impl Snapshot {
    fn take(stream: &EngineStream) -> Self {
        let consumers = stream.consumer_count();
        stream.look(|core| Self::of(core, consumers))
    }

    /// Of a stream that is locked, and has so many consumers.
    pub(super) fn of(core: &Core, consumers: usize) -> Self {
        Self { config: Arc::clone(core.config()), created: core.created(), state: core.state(), consumers }
    }

    /// With what the broker says of itself in the metadata, or without.
    fn into_info(self, with_version: bool) -> Info {
        Info {
            config: Config::from_engine(self.config.shown(with_version)),
            created: datetime(self.created),
            state: State {
                messages: self.state.messages,
                bytes: self.state.bytes,
                first_sequence: self.state.first_sequence,
                first_timestamp: datetime(self.state.first_time),
                last_sequence: self.state.last_sequence,
                last_timestamp: datetime(self.state.last_time),
                consumer_count: self.consumers,
                subjects_count: self.state.subjects,
                deleted_count: (self.state.deleted > 0).then_some(self.state.deleted),
                deleted: None,
                lost: Lost::of(&self.state),
            },
            cluster: None,
            mirror: None,
            sources: Vec::new(),
        }
    }
}

impl Context {
    /// What is known of the stream of this name.
    pub(crate) async fn info_of(&self, name: &str) -> Result<Info, Failure> {
        let stream = self.find(name)?;
        let snapshot = Snapshot::take(&stream);
        self.finish_info(&stream, snapshot).await
    }

    /// Waits until the snapshot holds.
    pub(super) async fn finish_info(&self, stream: &Witness, snapshot: Snapshot) -> Result<Info, Failure> {
        self.committed(stream).await?;
        let mut info = snapshot.into_info(true);
        let leader = self.client().server_info().server_name;
        info.cluster = Some(ClusterInfo { leader: Some(leader), ..ClusterInfo::default() });
        Ok(info)
    }

    /// The same as the API tells it to those who created or changed the stream.
    pub(crate) async fn info_without_cluster(&self, stream: &Arc<EngineStream>) -> Result<Info, Failure> {
        self.info(stream, true).await
    }

    /// The same as the API lists it.
    pub(crate) async fn info_for_list(&self, stream: &Arc<EngineStream>) -> Result<Info, Failure> {
        self.info(stream, false).await
    }

    async fn info(&self, stream: &Arc<EngineStream>, with_version: bool) -> Result<Info, Failure> {
        let stream = stream.witness();
        let snapshot = Snapshot::take(&stream);
        self.committed(&stream).await?;
        Ok(snapshot.into_info(with_version))
    }
}

/// What stands for no time, as in Go: the start of the year 1.
const NO_TIME: i64 = -62_135_596_800;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A time of the engine, where 0 is none.
pub(crate) fn datetime(time: Timestamp) -> DateTime {
    let (seconds, nanos) = match time {
        0 => (NO_TIME, 0),
        time => (time.div_euclid(NANOS_PER_SECOND), time.rem_euclid(NANOS_PER_SECOND)),
    };
    // Without 128 bits, which take several times as long: it is done for each message of a replay.
    let nanos = u32::try_from(nanos).unwrap_or(0);
    let datetime = DateTime::from_unix_timestamp(seconds).and_then(|datetime| datetime.replace_nanosecond(nanos));
    datetime.expect("64 bits of nanoseconds end in 2262")
}
