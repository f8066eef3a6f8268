//! Bounds of an account: below 0 is none.

use embus_auth::jwt;

use crate::jetstream::AccountLimits;
use crate::members::ClientLimits;

pub(super) fn of_clients(limits: &jwt::AccountLimits) -> ClientLimits {
    ClientLimits {
        max_connections: bound(limits.conn).map(size),
        max_subscriptions: bound(limits.subs).map(size),
        max_payload: bound(limits.payload).map(size),
    }
}

/// None at all is no bound, but for bytes of all streams. [nats-server: `JetStreamAccountLimits`]
pub(super) fn of_streams(limits: &jwt::StreamLimits) -> AccountLimits {
    let positive = |limit: i64| bound(limit).filter(|limit| *limit > 0);
    let count = |limit: i64| positive(limit).map(size);
    AccountLimits {
        max_memory: bound(limits.mem_storage),
        max_storage: bound(limits.disk_storage),
        max_streams: count(limits.streams),
        max_consumers: count(limits.consumer),
        max_ack_pending: count(limits.max_ack_pending),
        memory_max_stream_bytes: positive(limits.mem_max_stream_bytes),
        storage_max_stream_bytes: positive(limits.disk_max_stream_bytes),
        max_bytes_required: limits.max_bytes_required,
    }
}

fn bound(limit: i64) -> Option<u64> {
    u64::try_from(limit).ok()
}

/// More than the machine can count is as good as no bound.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
