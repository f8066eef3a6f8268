//! `/accstatz`: what went through each account.

use std::time::SystemTime;

use embus_engine::statistics::AccountSnapshot;
use serde::Serialize;

use super::{Source, format};

/// The page; the names are nats-server's.
#[derive(Debug, Serialize)]
pub(super) struct Accstatz {
    server_id: String,
    now: String,
    account_statz: Vec<AccountStat>,
}

/// One account.
#[derive(Debug, Serialize)]
pub(super) struct AccountStat {
    acc: String,
    name: String,
    conns: usize,
    leafnodes: usize,
    total_conns: u64,
    num_subscriptions: usize,
    sent: Data,
    received: Data,
    slow_consumers: u64,
}

/// Messages and bytes; those of links to other servers, which there are none of, by themselves.
#[derive(Debug, Default, Serialize)]
struct Data {
    msgs: u64,
    bytes: u64,
    gateways: Link,
    routes: Link,
    leafs: Link,
}

#[derive(Debug, Default, Serialize)]
struct Link {
    msgs: u64,
    bytes: u64,
}

/// One account's row.
pub(super) fn one(source: &dyn Source, name: &str) -> Option<AccountStat> {
    source.accounts().into_iter().find(|account| account.name == name).map(AccountStat::from)
}

/// The page of one account, or of those that [`render`] shows.
pub(super) fn render_of(source: &dyn Source, account: Option<&str>, with_unused: bool) -> Accstatz {
    let page = render(source, with_unused || account.is_some());
    let is_asked = |row: &AccountStat| account.is_none_or(|name| row.acc == name);
    Accstatz { account_statz: page.account_statz.into_iter().filter(is_asked).collect(), ..page }
}

/// The accounts that have clients, or all of them.
pub(super) fn render(source: &dyn Source, with_unused: bool) -> Accstatz {
    let accounts = source.accounts().into_iter().filter(|account| with_unused || account.connections > 0);
    Accstatz {
        server_id: source.facts().info.server_id,
        now: format::timestamp(SystemTime::now()),
        account_statz: accounts.map(AccountStat::from).collect(),
    }
}

impl From<AccountSnapshot> for AccountStat {
    fn from(account: AccountSnapshot) -> Self {
        let data = |msgs, bytes| Data { msgs, bytes, ..Data::default() };
        Self {
            acc: account.name.clone(),
            name: account.name,
            conns: account.connections,
            leafnodes: 0,
            total_conns: account.total_connections,
            num_subscriptions: account.subscriptions,
            sent: data(account.traffic.out_msgs, account.traffic.out_bytes),
            received: data(account.traffic.in_msgs, account.traffic.in_bytes),
            slow_consumers: account.slow_consumers,
        }
    }
}
