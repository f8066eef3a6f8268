//! What accounts share, between clients of one engine.

mod model;

use std::collections::BTreeMap;
use std::time::Duration;

use embus_protocol::info::ServerInfo;

use super::*;
use crate::connection::{Connection, ConnectionKind, Peer};
use crate::deliver::Publisher;
use crate::engine::Engine;
use crate::fixtures::{Noon, Recorder, subscription};
use crate::limits::Limits;
use crate::router::Router;
use crate::service::Request;
use crate::sync::Arc;

/// A client of an account.
struct Client {
    connection: Arc<Connection>,
    received: Arc<Recorder>,
    router: Arc<Router>,
}

struct Broker {
    engine: Arc<Engine>,
}

impl Broker {
    fn try_new(all: &[(&str, Sharing)]) -> Result<Self, SharingError> {
        let engine = Engine::new(Limits::default(), ServerInfo::default(), Arc::new(Noon), 1);
        let all: BTreeMap<String, Sharing> =
            all.iter().map(|(name, sharing)| ((*name).to_owned(), sharing.clone())).collect();
        for name in all.keys() {
            engine.add_account(name);
        }
        engine.share(&all)?;
        Ok(Self { engine })
    }

    fn new(all: &[(&str, Sharing)]) -> Self {
        Self::try_new(all).expect("the accounts go together")
    }

    fn client(&self, account: &str) -> Client {
        let received = Arc::new(Recorder::default());
        let peer = Peer { kind: ConnectionKind::Stream, host: "h".to_owned(), port: 0 };
        let (connection, _) = self.engine.connect_wire(peer.into(), Arc::clone(&received) as _);
        connection.outbox().expect("it is a wire client").set_headers(true);
        Client { connection, received, router: self.engine.add_account(account) }
    }

    fn publish(&self, by: &Client, subject: &str, reply: Option<&str>, headers: &str, payload: &str) -> usize {
        let request = Request {
            subject: subject.as_bytes(),
            reply: reply.map(str::as_bytes),
            headers: headers.as_bytes(),
            payload: payload.as_bytes(),
        };
        let publisher = Publisher { id: by.connection.id(), echo: true };
        self.engine.with_worker(|worker| worker.deliver_message(&by.router, publisher, &request))
    }
}

impl Client {
    fn subscribe(&self, sid: &str, filter: &str) {
        self.router.subscribe(subscription(&self.connection, sid, filter, None));
    }

    /// What came since the last look.
    fn take(&self) -> String {
        self.received.take()
    }
}

fn exports(exports: impl IntoIterator<Item = Export>) -> Sharing {
    Sharing { exports: exports.into_iter().collect(), ..Sharing::default() }
}

fn imports(imports: impl IntoIterator<Item = Import>) -> Sharing {
    Sharing { imports: imports.into_iter().collect(), ..Sharing::default() }
}

/// The subject for answers in a frame with a reply.
fn reply_of(frame: &str) -> String {
    frame.split(' ').find(|word| word.starts_with("_R_.")).expect("it has a reply").to_owned()
}

#[test]
fn messages_are_heard_where_they_are_imported() {
    let broker = Broker::new(&[
        ("A", exports([Export::stream("foo.>")])),
        ("B", imports([Import::stream("A", "foo.*").with_prefix("from")])),
    ]);
    let (a, b) = (broker.client("A"), broker.client("B"));
    assert_eq!(broker.publish(&a, "foo.x", None, "", "0"), 0);
    assert!(!a.router.has_interest(b"foo.x"));
    b.subscribe("1", "from.foo.x");
    b.subscribe("2", "foo.x");
    assert!(a.router.has_interest(b"foo.x") && !a.router.has_interest(b"foo.y"));
    assert_eq!(broker.publish(&a, "foo.x", Some("re"), "", "1"), 1);
    assert_eq!(b.take(), "MSG from.foo.x 1 re 1\r\n1\r\n");
    assert_eq!(broker.publish(&a, "foo.x.y", None, "", "2"), 0);
    assert_eq!(broker.publish(&b, "from.foo.x", None, "", "3"), 1);
}

#[test]
fn messages_go_no_further_than_one_account() {
    let broker = Broker::new(&[
        ("A", exports([Export::stream("foo")])),
        ("B", Sharing { exports: vec![Export::stream("bar")], ..imports([Import::stream("A", "foo").local("bar")]) }),
        ("C", imports([Import::stream("B", "bar")])),
    ]);
    let (a, b, c) = (broker.client("A"), broker.client("B"), broker.client("C"));
    b.subscribe("1", "bar");
    c.subscribe("1", "bar");
    assert_eq!(broker.publish(&a, "foo", None, "", ""), 1);
    assert_eq!((b.take().as_str(), c.take().as_str()), ("MSG bar 1 0\r\n\r\n", ""));
}

#[test]
fn a_request_is_answered_once_and_nobody_learns_who_asked() {
    let broker = Broker::new(&[
        ("A", exports([Export::service("svc.*")])),
        ("B", imports([Import::service("A", "svc.*").local("ask.*")])),
    ]);
    let (a, b) = (broker.client("A"), broker.client("B"));
    b.subscribe("9", "in.*");
    assert_eq!(broker.publish(&b, "ask.1", Some("in.1"), "", "?"), 0, "nobody is there");
    a.subscribe("1", "svc.>");
    assert_eq!(broker.publish(&b, "ask.1", Some("in.1"), "", "?"), 1);
    let frame = a.take();
    let reply = reply_of(&frame);
    assert!(
        frame.starts_with("HMSG svc.1 1 _R_.") && frame.contains("Nats-Request-Info: {\"acc\":\"B\"}\r\n"),
        "{frame}"
    );
    assert!(!frame.contains("in.1"), "{frame}");
    assert_eq!(broker.publish(&a, &reply, None, "", "!"), 1);
    assert_eq!(b.take(), "MSG in.1 9 1\r\n!\r\n");
    assert_eq!(broker.publish(&a, &reply, None, "", "!"), 0);
    assert_eq!(broker.publish(&b, &reply, None, "", "!"), 0);
}

#[test]
fn several_answers_end_with_an_empty_one() {
    let service = Export::service("svc").responses(ResponseType::Stream).threshold(Duration::from_secs(1));
    let broker = Broker::new(&[("A", exports([service])), ("B", imports([Import::service("A", "svc").shared()]))]);
    let (a, b) = (broker.client("A"), broker.client("B"));
    a.subscribe("1", "svc");
    b.subscribe("9", "in");
    broker.publish(&b, "svc", Some("in"), "NATS/1.0\r\nNats-Request-Info: lie\r\n\r\n", "");
    let frame = a.take();
    assert!(
        frame.contains("\"acc\":\"B\"") && frame.contains("\"kind\":\"Client\"") && !frame.contains(": lie"),
        "{frame}"
    );
    let reply = reply_of(&frame);
    let taken: Vec<_> =
        ["1", "2", "", "3"].iter().map(|payload| broker.publish(&a, &reply, None, "", payload)).collect();
    assert_eq!(taken, [1, 1, 1, 0]);
}

#[test]
fn a_request_may_pass_several_accounts() {
    let broker = Broker::new(&[
        ("A", exports([Export::service("a")])),
        ("B", Sharing { exports: vec![Export::service("b")], ..imports([Import::service("A", "a").local("b")]) }),
        ("C", imports([Import::service("B", "b").local("c")])),
    ]);
    let (a, c) = (broker.client("A"), broker.client("C"));
    a.subscribe("1", "a");
    c.subscribe("9", "in");
    assert_eq!(broker.publish(&c, "c", Some("in"), "", ""), 1);
    let frame = a.take();
    assert!(frame.contains("{\"acc\":\"C\",\"svc\":\"B\"}"), "{frame}");
    assert_eq!(broker.publish(&a, &reply_of(&frame), None, "", "!"), 1);
    assert_eq!(c.take(), "MSG in 9 1\r\n!\r\n");
}

#[test]
fn the_mappings_of_the_service_hold_for_requests_from_elsewhere() {
    let mapped = Sharing { mappings: vec![Mapping::new("old", "new")], ..exports([Export::service("old")]) };
    let broker = Broker::new(&[("A", mapped), ("B", imports([Import::service("A", "old")]))]);
    let (a, b) = (broker.client("A"), broker.client("B"));
    a.subscribe("1", "new");
    assert_eq!(broker.publish(&b, "old", None, "", ""), 1);
    assert!(a.take().starts_with("HMSG new 1 "));
}

#[test]
fn what_is_not_offered_is_not_taken() {
    let offered = || exports([Export::service("s.*").to_accounts(["C"]), Export::stream("m.*").account_token(2)]);
    let check = |import: Import, fails: bool| {
        let sharing = [("A", offered()), ("B", imports([import])), ("C", Sharing::default())];
        assert_eq!(Broker::try_new(&sharing).is_err(), fails);
    };
    check(Import::service("A", "s.1"), true);
    check(Import::stream("A", "s.1"), true);
    check(Import::stream("A", "m.C"), true);
    check(Import::stream("A", "m.*"), true);
    check(Import::stream("A", "m.B"), false);
    check(Import::stream("D", "m.B"), true);
}

#[test]
fn rings_and_long_chains_are_refused() {
    let ring = |name: &str, other: &str| {
        let sharing = Sharing { exports: vec![Export::service("s.>")], ..imports([Import::service(other, "s.>")]) };
        (name.to_owned(), sharing)
    };
    let refused = |all: &[(String, Sharing)]| {
        let all: Vec<_> = all.iter().map(|(name, sharing)| (name.as_str(), sharing.clone())).collect();
        Broker::try_new(&all).err()
    };
    assert!(matches!(refused(&[ring("A", "A")]), Some(SharingError::Cycle { .. })));
    assert!(matches!(refused(&[ring("A", "B"), ring("B", "C"), ring("C", "A")]), Some(SharingError::Cycle { .. })));
    let chain = |length: usize| -> Vec<_> {
        let last = (length.to_string(), exports([Export::service("s.>")]));
        (0..length).map(|index| ring(&index.to_string(), &(index + 1).to_string())).chain([last]).collect()
    };
    assert_eq!(refused(&chain(usize::from(MAX_HOPS))), None);
    assert!(matches!(refused(&chain(usize::from(MAX_HOPS) + 1)), Some(SharingError::TooLong { .. })));
}
