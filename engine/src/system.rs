//! What the system account hears of the broker: who comes, who goes, who is turned away. Nothing is built if nobody
//! listens there. [reference §1.13]

use std::time::SystemTime;

use serde::Serialize;

use crate::api::advisory::new_id;
use crate::api::json;
use crate::api::time::Time;
use crate::close::CloseReason;
use crate::connection::Connection;
use crate::engine::Engine;
use crate::router::Router;
use crate::service::{Request, Service};
use crate::statistics::{ConnectionSnapshot, Traffic};
use crate::subscription::{Sid, Subscription};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

/// The server as its messages name it.
#[derive(Debug, Clone, Serialize)]
pub struct ServerBlock {
    name: String,
    host: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    ver: String,
    jetstream: bool,
    /// Of nats-server: whether it has `JetStream`, and whether it takes some kinds of messages between servers.
    flags: u8,
    seq: u64,
    time: String,
}

const HAS_JETSTREAM: u8 = 1;

#[derive(Serialize)]
struct ClientEvent<'a> {
    r#type: &'static str,
    id: String,
    timestamp: String,
    server: ServerBlock,
    client: Client<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<Data>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<Data>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Client<'a> {
    start: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    host: &'a str,
    id: u64,
    acc: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    lang: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    ver: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<String>,
    name_tag: &'a str,
    kind: &'static str,
    #[serde(rename = "client_type")]
    way: &'static str,
}

#[derive(Serialize)]
struct Data {
    msgs: u64,
    bytes: u64,
}

const CONNECTED: &str = "io.nats.server.advisory.v1.client_connect";
const DISCONNECTED: &str = "io.nats.server.advisory.v1.client_disconnect";

impl Engine {
    /// The server as a message that leaves now names it.
    pub fn server_block(&self) -> ServerBlock {
        let info = self.info();
        ServerBlock {
            name: info.server_name,
            host: info.host,
            id: info.server_id,
            domain: info.domain,
            ver: info.version,
            jetstream: info.jetstream,
            flags: if info.jetstream { HAS_JETSTREAM } else { 0 },
            seq: self.system_messages.fetch_add(1, Ordering::Relaxed) + 1,
            time: time(self.clock().wall()),
        }
    }

    /// Has `service` answer requests on these subjects of an account.
    pub fn serve(self: &Arc<Self>, router: &Router, filters: &[&str], service: Arc<dyn Service>) {
        let connection = Arc::new(Connection::service(&**self.clock(), service));
        for filter in filters {
            let (sid, filter) = (Sid::from(&b"0"[..]), Arc::from(filter.as_bytes()));
            router.subscribe(Arc::new(Subscription::new(sid, filter, None, Arc::clone(&connection), None)));
        }
    }

    /// Tells the system account something, if it listens.
    pub fn tell_system(self: &Arc<Self>, subject: &str, message: impl FnOnce() -> String) {
        let system = self.system_account();
        if system.has_interest(subject.as_bytes()) {
            let payload = message();
            self.publish_internal(system, &Request::answer(subject.as_bytes(), payload.as_bytes()));
        }
    }

    /// The server is about to end.
    pub(crate) fn tell_end(self: &Arc<Self>, how: &str) {
        let subject = format!("$SYS.SERVER.{}.{how}", self.info().server_id);
        self.tell_system(&subject, || format!("{{\"server\":{}}}", json::to_string(&self.server_block())));
    }

    /// A client has come.
    pub(crate) fn tell_connected(self: &Arc<Self>, connection: &Connection) {
        let subject = format!("$SYS.ACCOUNT.{}.CONNECT", connection.account());
        self.tell_system(&subject, || {
            json::to_string(&self.client_event(CONNECTED, &ConnectionSnapshot::of(connection)))
        });
    }

    /// A client has gone; it may not have been let in at all.
    pub(crate) fn tell_disconnected(self: &Arc<Self>, client: &ConnectionSnapshot) {
        let message = || json::to_string(&self.client_event(DISCONNECTED, client));
        if client.reason == Some(CloseReason::AuthenticationFailure) {
            let subject = format!("$SYS.SERVER.{}.CLIENT.AUTH.ERR", self.info().server_id);
            self.tell_system(&subject, message);
        }
        self.tell_system(&format!("$SYS.ACCOUNT.{}.DISCONNECT", client.account), message);
    }

    fn client_event<'a>(&self, kind: &'static str, client: &'a ConnectionSnapshot) -> ClientEvent<'a> {
        let is_gone = client.stop.is_some();
        let Traffic { in_msgs, in_bytes, out_msgs, out_bytes } = client.traffic;
        // As the client sees it. [nats-server 2.15.1, probed]
        let (sent, received) = (Data { msgs: in_msgs, bytes: in_bytes }, Data { msgs: out_msgs, bytes: out_bytes });
        ClientEvent {
            r#type: kind,
            id: new_id(self),
            timestamp: time(self.clock().wall()),
            server: self.server_block(),
            client: Client::of(client),
            sent: is_gone.then_some(sent),
            received: is_gone.then_some(received),
            reason: client.reason.map(CloseReason::as_str),
        }
    }
}

impl<'a> Client<'a> {
    fn of(client: &'a ConnectionSnapshot) -> Self {
        Self {
            start: time(client.start),
            host: &client.ip,
            id: client.cid,
            acc: &client.account,
            user: &client.user,
            name: &client.name,
            lang: &client.lang,
            ver: &client.version,
            rtt: client.rtt.map(|rtt| u64::try_from(rtt.as_nanos()).unwrap_or(u64::MAX)),
            stop: client.stop.map(time),
            name_tag: &client.account,
            kind: "Client",
            way: client.kind.client_type(),
        }
    }
}

fn time(at: SystemTime) -> String {
    let nanos = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    Time::from(i64::try_from(nanos).unwrap_or(i64::MAX)).to_string()
}
