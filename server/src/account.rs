//! One account of the configuration file, as the broker knows it.

mod sharing;

use embus::auth::{Account, ClientLimits, JetStreamLimits};
use embus_conf::{AccountJetStream, AccountLimits, Limit, Mapping};
use tracing::warn;

use crate::login::LoginError;

/// Clients that are in no account.
const GLOBAL: &str = "$G";

/// The account `name`; `jetstream` says whether the server has streams at all.
///
/// # Errors
/// [`LoginError`] for what it shares in a way that the broker does not know.
pub(crate) fn of(name: &str, account: &embus_conf::Account, jetstream: bool) -> Result<Account, LoginError> {
    let mut made = with_mappings(Account::new(name).clients(clients(&account.limits)), &account.mappings)?;
    match &account.jetstream {
        Some(limits) if jetstream => made = made.jetstream(self::limits(limits)),
        // nats-server starts then, too. [nats-server: configAllJetStreamAccounts]
        Some(_) => warn!("Account {name:?} has no JetStream, as the server has none"),
        None => {}
    }
    made = account.exports.iter().map(sharing::export).fold(made, Account::export);
    for import in &account.imports {
        made = made.import(sharing::import(import)?);
    }
    Ok(made)
}

/// What the outermost level says of clients that are in no account.
///
/// # Errors
/// As for [`of`].
pub(crate) fn global(mappings: &[Mapping]) -> Result<Account, LoginError> {
    with_mappings(Account::new(GLOBAL), mappings)
}

fn with_mappings(made: Account, mappings: &[Mapping]) -> Result<Account, LoginError> {
    mappings.iter().try_fold(made, |made, mapping| Ok(made.map(sharing::mapping(mapping)?)))
}

fn clients(limits: &AccountLimits) -> ClientLimits {
    ClientLimits {
        max_connections: bound(limits.max_connections).map(size),
        max_subscriptions: count(limits.max_subscriptions),
        max_payload: bound(limits.max_payload).map(size),
    }
}

fn limits(jetstream: &AccountJetStream) -> JetStreamLimits {
    JetStreamLimits {
        max_memory: bound(jetstream.max_memory),
        max_storage: bound(jetstream.max_storage),
        max_streams: count(jetstream.max_streams),
        max_consumers: count(jetstream.max_consumers),
        max_ack_pending: count(jetstream.max_ack_pending),
        memory_max_stream_bytes: positive(jetstream.memory_max_stream_bytes),
        storage_max_stream_bytes: positive(jetstream.storage_max_stream_bytes),
        max_bytes_required: jetstream.max_bytes_required,
    }
}

fn bound(limit: Option<Limit>) -> Option<u64> {
    match limit {
        Some(Limit::AtMost(number)) => Some(number),
        Some(Limit::Unlimited) | None => None,
    }
}

/// None at all is no bound, but for bytes of all streams. [nats-server: `JetStreamAccountLimits`]
fn positive(limit: Option<Limit>) -> Option<u64> {
    bound(limit).filter(|number| *number > 0)
}

fn count(limit: Option<Limit>) -> Option<usize> {
    positive(limit).map(size)
}

/// More than the machine can count is as good as no bound.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
