//! The orders in which `/connz` lists connections.

use std::{cmp::Ordering, time::SystemTime};

use embus_engine::{close::CloseReason, statistics::ConnectionSnapshot};

use super::{
    format,
    query::{Query, QueryError},
};

/// An order. Big figures and recent times come first, except where nats-server differs: by id, by start, by uptime
/// (young ones first) and by reason (alphabetically).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Cid,
    Start,
    Subscriptions,
    Pending,
    MessagesTo,
    MessagesFrom,
    BytesTo,
    BytesFrom,
    Last,
    Idle,
    Uptime,
    Stop,
    Reason,
    RoundTrip,
}

impl Order {
    /// Reads `sort`; by id without it. `shows_only_closed` tells whether there is a stop to sort by.
    pub(super) fn parse(query: &Query<'_>, shows_only_closed: bool) -> Result<Self, QueryError> {
        let order = match query.text("sort") {
            None | Some("cid") => Self::Cid,
            Some("start") => Self::Start,
            Some("subs") => Self::Subscriptions,
            Some("pending") => Self::Pending,
            Some("msgs_to") => Self::MessagesTo,
            Some("msgs_from") => Self::MessagesFrom,
            Some("bytes_to") => Self::BytesTo,
            Some("bytes_from") => Self::BytesFrom,
            Some("last") => Self::Last,
            Some("idle") => Self::Idle,
            Some("uptime") => Self::Uptime,
            Some("rtt") => Self::RoundTrip,
            Some("stop") if shows_only_closed => Self::Stop,
            Some("reason") if shows_only_closed => Self::Reason,
            Some("stop") => return Err(QueryError::SortNeedsClosed { order: "stop" }),
            Some("reason") => return Err(QueryError::SortNeedsClosed { order: "reason" }),
            Some(value) => return Err(QueryError::Sort { value: value.into() }),
        };
        Ok(order)
    }

    /// Puts `rows` into this order at `now`; equal ones are ordered by id, so that pages of a list fit together.
    pub(super) fn sort(self, rows: &mut [ConnectionSnapshot], now: SystemTime) {
        rows.sort_unstable_by(|a, b| self.compare(a, b, now).then(a.cid.cmp(&b.cid)));
    }

    fn compare(self, a: &ConnectionSnapshot, b: &ConnectionSnapshot, now: SystemTime) -> Ordering {
        let end = |row: &ConnectionSnapshot| row.stop.unwrap_or(now);
        let uptime = |row: &ConnectionSnapshot| format::between(row.start, end(row));
        let idle = |row: &ConnectionSnapshot| format::between(row.last_activity, end(row));
        match self {
            Self::Cid => Ordering::Equal,
            Self::Start => a.start.cmp(&b.start),
            Self::Subscriptions => b.subscriptions.cmp(&a.subscriptions),
            Self::Pending => b.pending_bytes.cmp(&a.pending_bytes),
            Self::MessagesTo => b.traffic.out_msgs.cmp(&a.traffic.out_msgs),
            Self::MessagesFrom => b.traffic.in_msgs.cmp(&a.traffic.in_msgs),
            Self::BytesTo => b.traffic.out_bytes.cmp(&a.traffic.out_bytes),
            Self::BytesFrom => b.traffic.in_bytes.cmp(&a.traffic.in_bytes),
            Self::Last => b.last_activity.cmp(&a.last_activity),
            Self::Idle => idle(b).cmp(&idle(a)),
            Self::Uptime => uptime(a).cmp(&uptime(b)),
            Self::Stop => b.stop.cmp(&a.stop),
            Self::Reason => a.reason.map(CloseReason::as_str).cmp(&b.reason.map(CloseReason::as_str)),
            Self::RoundTrip => b.rtt.cmp(&a.rtt),
        }
    }
}
