//! `/jsz`: what the streams hold. Also the `jetstream` part of `/varz`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use embus_engine::engine::API_LEVEL;
use embus_engine::jetstream::{AccountInfo, JetStream, JetStreamFacts};
use embus_engine::stream::config::StorageType;
use embus_engine::stream::{Stream, SyncPolicy};
use embus_storage::log::State;
use embus_storage::message::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::pages::Window;
use super::query::{Query, QueryError};
use super::{Source, format};

/// What the query asks for.
#[derive(Debug)]
pub(super) struct Options {
    account: Option<String>,
    accounts: bool,
    streams: bool,
    consumers: Consumers,
    config: bool,
    window: Window,
}

/// Which consumers are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consumers {
    None,
    /// Those that the API lists.
    Listed,
    /// Those that streams copy through, too.
    All,
}

impl Options {
    /// Asking for consumers asks for their streams. [nats-server: jsz]
    pub(super) fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        for name in ["leader-only", "raft", "stream-leader-only"] {
            query.flag(name)?;
        }
        let consumers = match (query.flag("consumers")?, query.flag("direct-consumers")?) {
            (false, _) => Consumers::None,
            (true, false) => Consumers::Listed,
            (true, true) => Consumers::All,
        };
        let streams = query.flag("streams")? || consumers != Consumers::None;
        Ok(Self {
            account: query.text("acc").map(str::to_owned),
            accounts: query.flag("accounts")? | streams,
            streams,
            consumers,
            config: query.flag("config")?,
            window: Window::parse(query)?,
        })
    }
}

/// The page.
#[derive(Debug, Serialize)]
pub(super) struct Jsz {
    #[serde(flatten)]
    stats: Option<Stats>,
    #[serde(skip_serializing_if = "is_false")]
    disabled: bool,
    server_id: String,
    now: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Config>,
    limits: Limits,
    streams: usize,
    consumers: usize,
    messages: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    account_details: Vec<AccountDetail>,
    total: usize,
}

/// The `jetstream` part of `/varz`.
#[derive(Debug, Default, Serialize)]
pub(super) struct InVarz {
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Config>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Limits>,
}

#[derive(Debug, Serialize)]
struct Stats {
    memory: u64,
    storage: u64,
    reserved_memory: u64,
    reserved_storage: u64,
    accounts: usize,
    ha_assets: usize,
    api: Api,
}

#[derive(Debug, Serialize)]
struct Api {
    level: u64,
    total: u64,
    errors: u64,
}

#[derive(Debug, Serialize)]
struct Config {
    max_memory: u64,
    max_storage: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_dir: Option<String>,
    /// Nanoseconds between syncs; absent when every message is synced, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    sync_interval: Option<u64>,
    #[serde(skip_serializing_if = "is_false")]
    sync_always: bool,
    /// When acknowledged messages are on the disk: `always`, `os`, or an interval. nats-server does not say.
    sync: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    strict: bool,
}

#[derive(Debug, Serialize)]
struct Limits {
    default_max_consumers: u32,
}

#[derive(Debug, Serialize)]
struct AccountDetail {
    name: String,
    id: String,
    #[serde(flatten)]
    stats: Stats,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stream_detail: Vec<StreamDetail>,
}

#[derive(Debug, Serialize)]
struct StreamDetail {
    name: String,
    created: String,
    cluster: Cluster,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Value>,
    /// As in the configuration; absent for streams in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    sync: Option<String>,
    state: StreamState,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumer_detail: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    direct_consumer_detail: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct Cluster {
    leader: String,
}

#[derive(Debug, Serialize)]
struct StreamState {
    messages: u64,
    bytes: u64,
    first_seq: u64,
    first_ts: String,
    last_seq: u64,
    last_ts: String,
    #[serde(skip_serializing_if = "is_zero")]
    num_subjects: u64,
    #[serde(skip_serializing_if = "is_zero")]
    num_deleted: u64,
    #[serde(skip_serializing_if = "is_zero")]
    lost_messages: u64,
    consumer_count: usize,
}

/// The page of a broker now.
pub(super) fn render(source: &dyn Source, options: &Options) -> Jsz {
    let info = source.facts().info;
    let (facts, accounts) = (source.jetstream(), source.jetstreams());
    let sums: Vec<Sum> = accounts.iter().map(|account| Sum::of(account)).collect();
    let is_asked = |name: &str| options.account.as_deref().is_none_or(|account| account == name);
    let details = if options.accounts || options.account.is_some() { accounts.clone() } else { Vec::new() };
    let details = details.into_iter().filter(|account| is_asked(account.account_name())).collect();
    Jsz {
        stats: facts.as_ref().map(|_| Stats::of_all(&accounts)),
        disabled: facts.is_none(),
        server_id: info.server_id,
        now: format::timestamp(SystemTime::now()),
        config: facts.map(Config::of),
        limits: Limits::default(),
        streams: sums.iter().map(|sum| sum.streams).sum(),
        consumers: accounts.iter().map(|account| account.account().consumers).sum(),
        messages: sums.iter().map(|sum| sum.messages).sum(),
        bytes: sums.iter().map(|sum| sum.bytes).sum(),
        account_details: options
            .window
            .cut(details)
            .iter()
            .map(|account| AccountDetail::of(account, options, &info.server_name))
            .collect(),
        total: accounts.len(),
    }
}

/// The part of the account that is asked for.
pub(super) fn one(source: &dyn Source, options: &Options) -> Option<impl Serialize> {
    let (name, leader) = (options.account.as_deref()?, source.facts().info.server_name);
    let accounts = source.jetstreams();
    let account = accounts.iter().find(|account| account.account_name() == name)?;
    Some(AccountDetail::of(account, options, &leader))
}

/// What the streams of one account hold.
struct Sum {
    streams: usize,
    messages: u64,
    bytes: u64,
}

impl Sum {
    fn of(jetstream: &JetStream) -> Self {
        let streams = jetstream.list(None);
        let states = streams.iter().map(|stream| stream.look(|core| core.state()));
        let (messages, bytes) =
            states.fold((0, 0), |(messages, bytes), state| (messages + state.messages, bytes + state.bytes));
        Self { streams: streams.len(), messages, bytes }
    }
}

/// The part of `/varz`, empty without streams.
pub(super) fn in_varz(source: &dyn Source) -> InVarz {
    let Some(facts) = source.jetstream() else { return InVarz::default() };
    InVarz {
        config: Some(Config::of(facts)),
        stats: Some(Stats::of_all(&source.jetstreams())),
        limits: Some(Limits::default()),
    }
}

impl AccountDetail {
    fn of(jetstream: &JetStream, options: &Options, leader: &str) -> Self {
        let streams = if options.streams { jetstream.list(None) } else { Vec::new() };
        let rows = streams.iter().map(|stream| detail(stream, &stream.look(|core| core.state()), options, leader));
        let name = jetstream.account_name().to_owned();
        Self { id: name.clone(), name, stats: Stats::of(&jetstream.account()), stream_detail: rows.collect() }
    }
}

fn detail(stream: &Arc<Stream>, state: &State, options: &Options, leader: &str) -> StreamDetail {
    let config = || serde_json::from_str(&stream.config().to_json(false)).unwrap_or_default();
    let infos = if options.consumers == Consumers::None { Vec::new() } else { stream.consumer_infos() };
    let consumers = |is_direct: bool| {
        let of_kind = infos.iter().filter(move |info| info.config.direct == is_direct);
        of_kind.map(|info| serde_json::from_str(&info.to_json(options.config)).unwrap_or_default()).collect()
    };
    StreamDetail {
        name: stream.name().to_owned(),
        created: timestamp(stream.created()),
        cluster: Cluster { leader: leader.to_owned() },
        config: options.config.then(config),
        sync: (stream.config().storage == StorageType::File).then(|| stream.policy().to_string()),
        state: StreamState::of(state, stream.consumer_count()),
        consumer_detail: consumers(false),
        direct_consumer_detail: if options.consumers == Consumers::All { consumers(true) } else { Vec::new() },
    }
}

impl Stats {
    fn of_all(accounts: &[Arc<JetStream>]) -> Self {
        let all: Vec<_> = accounts.iter().map(|account| account.account()).collect();
        let sum = |number: fn(&AccountInfo) -> u64| all.iter().map(number).sum();
        Self {
            memory: sum(|account| account.memory),
            storage: sum(|account| account.storage),
            reserved_memory: sum(|account| account.reserved_memory),
            reserved_storage: sum(|account| account.reserved_storage),
            accounts: all.len(),
            ha_assets: 0,
            api: Api {
                level: API_LEVEL,
                total: sum(|account| account.api_total),
                errors: sum(|account| account.api_errors),
            },
        }
    }

    /// Of one account what it may use is told as reserved. [nats-server: jsz, probed]
    fn of(account: &AccountInfo) -> Self {
        Self {
            memory: account.memory,
            storage: account.storage,
            reserved_memory: account.limits.max_memory.unwrap_or(u64::MAX),
            reserved_storage: account.limits.max_storage.unwrap_or(u64::MAX),
            accounts: 0,
            ha_assets: 0,
            api: Api { level: 0, total: account.api_total, errors: account.api_errors },
        }
    }
}

impl Config {
    fn of(facts: JetStreamFacts) -> Self {
        Self {
            max_memory: facts.max_memory,
            max_storage: facts.max_storage,
            store_dir: facts.dir.map(|dir| dir.display().to_string()),
            sync_interval: match facts.sync {
                SyncPolicy::Interval(interval) => Some(format::nanoseconds(interval)),
                SyncPolicy::Always | SyncPolicy::Os => None,
            },
            sync_always: facts.sync == SyncPolicy::Always,
            sync: facts.sync.to_string(),
            domain: facts.domain,
            strict: true,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { default_max_consumers: 1000 }
    }
}

impl StreamState {
    fn of(state: &State, consumer_count: usize) -> Self {
        Self {
            messages: state.messages,
            bytes: state.bytes,
            first_seq: state.first_sequence,
            first_ts: timestamp(state.first_time),
            last_seq: state.last_sequence,
            last_ts: timestamp(state.last_time),
            num_subjects: state.subjects,
            num_deleted: state.deleted,
            lost_messages: state.lost_messages,
            consumer_count,
        }
    }
}

/// The zero of Go's time stands for none. [reference §3.3]
fn timestamp(time: Timestamp) -> String {
    match u64::try_from(time) {
        Ok(nanos) if nanos > 0 => format::timestamp(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)),
        _ => "0001-01-01T00:00:00Z".to_owned(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
