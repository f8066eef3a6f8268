//! `/connz`: the connections, open or closed, and with `subs` what they subscribe to.

use std::{collections::BTreeMap, time::SystemTime};

use embus_engine::{
    close::CloseReason,
    statistics::{ConnectionSnapshot, SubscriptionSnapshot},
};
use serde::Serialize;

use super::{
    Source, format,
    pages::Window,
    query::{Query, QueryError},
    sort::Order,
};

/// What the query asks for.
#[derive(Debug)]
pub(super) struct Options {
    state: State,
    order: Order,
    window: Window,
    subscriptions: Detail,
    with_account: bool,
    cid: Option<u64>,
    user: Option<String>,
    account: Option<String>,
    mqtt_client: Option<String>,
}

impl Options {
    /// Reads and checks the query.
    pub(super) fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        let state = State::parse(query)?;
        let cid = query.cid()?;
        let window = Window::parse(query)?;
        Ok(Self {
            state,
            order: Order::parse(query, state == State::Closed)?,
            // One connection is one row [nats-server: connz].
            window: if cid.is_some() { Window { offset: 0, limit: 1 } } else { window },
            subscriptions: Detail::parse(query)?,
            with_account: query.flag("auth")?,
            cid,
            user: query.text("user").map(str::to_owned),
            account: query.text("acc").map(str::to_owned),
            mqtt_client: query.text("mqtt_client").map(str::to_owned),
        })
    }

    fn shows(&self, row: &ConnectionSnapshot) -> bool {
        self.cid.is_none_or(|cid| row.cid == cid)
            && self.user.as_ref().is_none_or(|user| row.user == *user)
            // Nobody speaks MQTT, so nobody is found by it.
            && self.mqtt_client.is_none()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    All,
}

impl State {
    fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        let Some(value) = query.text("state") else { return Ok(Self::Open) };
        match value.to_ascii_lowercase().as_str() {
            "open" => Ok(Self::Open),
            "closed" => Ok(Self::Closed),
            "any" | "all" => Ok(Self::All),
            _ => Err(QueryError::State { value: value.into() }),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    None,
    Subjects,
    Full,
}

impl Detail {
    fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        if query.text("subs").is_some_and(|value| value.eq_ignore_ascii_case("detail")) {
            return Ok(Self::Full);
        }
        Ok(if query.flag("subs")? { Self::Subjects } else { Self::None })
    }
}

/// The page; the names are nats-server's.
#[derive(Debug, Serialize)]
pub(super) struct Connz {
    server_id: String,
    now: String,
    num_connections: usize,
    total: usize,
    offset: usize,
    limit: usize,
    connections: Vec<Connection>,
}

/// Collects the page.
pub(super) fn render(source: &dyn Source, options: &Options) -> Connz {
    let mut rows = match options.state {
        State::Open => source.connections(),
        State::Closed => source.closed_connections(),
        State::All => [source.connections(), source.closed_connections()].concat(),
    };
    // Taken after the snapshot: nothing in it happened later.
    let now = SystemTime::now();
    rows.retain(|row| options.account.as_ref().is_none_or(|account| row.account == *account));
    let total = rows.len();
    rows.retain(|row| options.shows(row));
    options.order.sort(&mut rows, now);
    let mut rows: Vec<Connection> =
        options.window.cut(rows).into_iter().map(|row| Connection::new(row, options.with_account, now)).collect();
    if options.subscriptions != Detail::None {
        add_subscriptions(&mut rows, source.subscriptions(), options.subscriptions);
    }
    Connz {
        server_id: source.facts().info.server_id,
        now: format::timestamp(now),
        num_connections: rows.len(),
        total,
        offset: options.window.offset,
        limit: options.window.limit,
        connections: rows,
    }
}

/// Gives each open row its subscriptions. Of closed connections only the number is kept.
fn add_subscriptions(rows: &mut [Connection], subscriptions: Vec<SubscriptionSnapshot>, detail: Detail) {
    let mut of_connection: BTreeMap<u64, Vec<SubscriptionSnapshot>> =
        rows.iter().filter(|row| row.stop.is_none()).map(|row| (row.cid, Vec::new())).collect();
    for subscription in subscriptions {
        if let Some(list) = of_connection.get_mut(&subscription.cid) {
            list.push(subscription);
        }
    }
    for row in rows {
        let Some(mut list) = of_connection.remove(&row.cid) else { continue };
        list.sort_unstable_by(|a, b| a.sid.len().cmp(&b.sid.len()).then_with(|| a.sid.cmp(&b.sid)));
        match detail {
            Detail::None => {}
            Detail::Subjects => row.subscriptions_list = list.into_iter().map(|row| row.subject).collect(),
            Detail::Full => row.subscriptions_list_detail = list.into_iter().map(Subscription::from).collect(),
        }
    }
}

/// One connection. `account` is shown when asked for with `auth`.
#[derive(Debug, Serialize)]
struct Connection {
    cid: u64,
    kind: &'static str,
    r#type: &'static str,
    ip: String,
    port: u16,
    start: String,
    last_activity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    rtt: String,
    uptime: String,
    idle: String,
    pending_bytes: usize,
    in_msgs: u64,
    out_msgs: u64,
    in_bytes: u64,
    out_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    stalls: u64,
    subscriptions: usize,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    lang: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_cipher_suite: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tls_first: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized_user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_tag: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscriptions_list: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscriptions_list_detail: Vec<Subscription>,
}

impl Connection {
    fn new(row: ConnectionSnapshot, with_account: bool, now: SystemTime) -> Self {
        let end = row.stop.unwrap_or(now);
        let account = with_account.then_some(row.account);
        Self {
            cid: row.cid,
            kind: "Client",
            r#type: row.kind.client_type(),
            ip: row.ip,
            port: row.port,
            start: format::timestamp(row.start),
            last_activity: format::timestamp(row.last_activity),
            stop: row.stop.map(format::timestamp),
            reason: row.reason.map(CloseReason::as_str),
            rtt: format::round_trip(row.rtt.unwrap_or_default()),
            uptime: format::uptime(format::between(row.start, end)),
            idle: format::uptime(format::between(row.last_activity, end)),
            pending_bytes: row.pending_bytes,
            in_msgs: row.traffic.in_msgs,
            out_msgs: row.traffic.out_msgs,
            in_bytes: row.traffic.in_bytes,
            out_bytes: row.traffic.out_bytes,
            stalls: row.stalls,
            subscriptions: row.subscriptions,
            name: row.name,
            lang: row.lang,
            version: row.version,
            tls_version: row.tls.as_ref().map(|tls| tls.version),
            tls_first: row.tls.as_ref().is_some_and(|tls| tls.is_first),
            tls_cipher_suite: row.tls.map(|tls| tls.cipher_suite),
            authorized_user: Some(row.user).filter(|user| with_account && !user.is_empty()),
            name_tag: account.clone(),
            account,
            subscriptions_list: Vec::new(),
            subscriptions_list_detail: Vec::new(),
        }
    }
}

/// One subscription of a connection.
#[derive(Debug, Serialize)]
struct Subscription {
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    qgroup: Option<String>,
    sid: String,
    msgs: u64,
    #[serde(skip_serializing_if = "is_zero")]
    max: u64,
    cid: u64,
}

impl From<SubscriptionSnapshot> for Subscription {
    fn from(row: SubscriptionSnapshot) -> Self {
        Self { subject: row.subject, qgroup: row.queue, sid: row.sid, msgs: row.msgs, max: row.max, cid: row.cid }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
