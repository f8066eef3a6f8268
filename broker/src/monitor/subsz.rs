//! `/subsz`: the interest of all connections together, and with `subs` every subscription.

use std::time::SystemTime;

use embus_engine::statistics::{InterestStatistics, SubscriptionSnapshot};
use embus_protocol::filter;
use serde::Serialize;

use super::{
    Source, format,
    pages::Window,
    query::{Query, QueryError},
};

/// What the query asks for.
#[derive(Debug)]
pub(super) struct Options {
    with_list: bool,
    window: Window,
    account: Option<String>,
    test: Option<String>,
}

impl Options {
    /// Reads and checks the query.
    pub(super) fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        let test = query.text("test").map(str::to_owned);
        if let Some(value) = test.as_ref().filter(|subject| !filter::is_valid_literal(subject.as_bytes())) {
            return Err(QueryError::TestSubject { value: value.clone() });
        }
        let account = query.text("acc").map(str::to_owned);
        Ok(Self { with_list: query.flag("subs")?, window: Window::parse(query)?, account, test })
    }

    fn shows(&self, row: &SubscriptionSnapshot) -> bool {
        self.account.as_ref().is_none_or(|account| row.account == *account)
            && self.test.as_ref().is_none_or(|subject| filter::matches(row.subject.as_bytes(), subject.as_bytes()))
    }
}

/// The page; the names are nats-server's. `total` counts what the list could show, 0 without the list.
#[derive(Debug, Serialize)]
pub(super) struct Subsz {
    server_id: String,
    now: String,
    num_subscriptions: usize,
    num_cache: usize,
    num_inserts: u64,
    num_removes: u64,
    num_matches: u64,
    #[serde(serialize_with = "format::number")]
    cache_hit_rate: f64,
    max_fanout: u32,
    avg_fanout: u32,
    total: usize,
    offset: usize,
    limit: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscriptions_list: Vec<Subscription>,
}

/// Collects the page.
pub(super) fn render(source: &dyn Source, options: &Options) -> Subsz {
    let statistics = source.statistics();
    let mut rows = if options.with_list { source.subscriptions() } else { Vec::new() };
    rows.retain(|row| options.shows(row));
    let total = rows.len();
    rows.sort_unstable_by(|a, b| (&a.account, a.cid, &a.sid).cmp(&(&b.account, b.cid, &b.sid)));
    Subsz {
        server_id: source.facts().info.server_id,
        now: format::timestamp(SystemTime::now()),
        num_subscriptions: statistics.subscriptions,
        // Matches are cached per connection here, not per account: there is no one number of entries, and no place
        // where the fan-out of all of them could be read.
        num_cache: 0,
        num_inserts: statistics.interest.inserts,
        num_removes: statistics.interest.removes,
        num_matches: statistics.interest.matches,
        cache_hit_rate: hit_rate(&statistics.interest),
        max_fanout: 0,
        avg_fanout: 0,
        total,
        offset: options.window.offset,
        limit: options.window.limit,
        subscriptions_list: options.window.cut(rows).into_iter().map(Subscription::from).collect(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
fn hit_rate(interest: &InterestStatistics) -> f64 {
    if interest.matches == 0 { 0.0 } else { interest.cache_hits as f64 / interest.matches as f64 }
}

/// One subscription.
#[derive(Debug, Serialize)]
struct Subscription {
    account: String,
    account_tag: String,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    qgroup: Option<String>,
    sid: String,
    msgs: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
    cid: u64,
}

impl From<SubscriptionSnapshot> for Subscription {
    fn from(row: SubscriptionSnapshot) -> Self {
        Self {
            account_tag: row.account.clone(),
            account: row.account,
            subject: row.subject,
            qgroup: row.queue,
            sid: row.sid,
            msgs: row.msgs,
            max: Some(row.max).filter(|max| *max > 0),
            cid: row.cid,
        }
    }
}
