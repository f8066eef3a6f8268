//! Stored messages to destinations of every kind.

use embus_storage::log::Fetched;

use super::*;
use crate::budget::Budget;
use crate::connection::{ClientId, Connection, ConnectionKind, Peer};
use crate::fixtures::{Noon, Recorder, outbox, subscription};
use crate::local_queue::{LocalQueue, QueueBounds};
use crate::subscription::Sid;
use crate::worker::WorkerPool;

struct Scene {
    router: Router,
    worker: Box<Worker>,
}

fn scene() -> Scene {
    Scene { router: Router::new(1, "A"), worker: WorkerPool::new(1).take() }
}

impl Scene {
    /// Hands a message over that was stored on `a.b`.
    fn hand(&mut self, to: &str, headers: &str, added: &str, payload: &str) -> usize {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let stored = StoredMessage {
            sequence: 1,
            time: 0,
            subject: bytes("a.b"),
            headers: bytes(headers),
            payload: bytes(payload),
        };
        let handed = Handed {
            to: to.as_bytes(),
            subject: b"a.b",
            reply: b"ack",
            headers: headers.as_bytes(),
            added: added.as_bytes(),
            payload: payload.as_bytes(),
            shared: &|| stored.clone(),
        };
        let taken = self.worker.deliver_as(&self.router, &handed);
        self.worker.batch.flush();
        taken
    }
}

impl Scene {
    /// Hands messages over that were stored on these subjects, in a row, with or without headers.
    fn hand_row(&mut self, to: &str, subjects: &[&'static str], headers: &'static [u8]) {
        let mut space = RowSpace::default();
        let mut row = self.worker.deliver_row(&self.router, to.as_bytes(), space.begin("S", "C"));
        for (number, subject) in (0..).zip(subjects) {
            row.add(&fetched(number, subject, headers), 20 + number, 9 - number);
        }
        self.worker.batch.flush();
    }
}

fn fetched(number: u64, subject: &'static str, headers: &'static [u8]) -> Fetched<'static> {
    Fetched::new(98 + number, -5 + number.cast_signed() * 1_000, subject.as_bytes(), headers, b"hi")
}

fn wire(slot: u32, headers: bool) -> (Arc<Connection>, Arc<Recorder>) {
    let (outbox, heard) = outbox(slot);
    outbox.set_headers(headers);
    let peer = Peer { kind: ConnectionKind::Stream, host: String::new(), port: 0 };
    (Arc::new(Connection::wire(ClientId(slot.into()), peer, &Noon, outbox)), heard)
}

#[test]
fn a_message_shows_where_it_was_published() {
    let mut scene = scene();
    let (client, heard) = wire(1, true);
    scene.router.subscribe(subscription(&client, "7", "to.*", None));
    assert_eq!(scene.hand("to.x", "", "", "hi"), 1);
    assert_eq!(heard.text(), "MSG a.b 7 ack 2\r\nhi\r\n");
    assert_eq!(scene.hand("a.b", "", "", "hi"), 0, "that is not where it goes");
}

#[test]
fn headers_of_the_message_and_of_the_delivery() {
    let mut scene = scene();
    let (client, heard) = wire(1, true);
    scene.router.subscribe(subscription(&client, "7", "to", None));
    let frame = |block: &str, payload: &str| {
        format!("HMSG a.b 7 ack {} {}\r\n{block}{payload}\r\n", block.len(), block.len() + payload.len())
    };
    scene.hand("to", "NATS/1.0\r\nA: b\r\n\r\n", "", "hi");
    scene.hand("to", "NATS/1.0\r\nA: b\r\n\r\n", "C: d\r\n", "hi");
    scene.hand("to", "", "C: d\r\n", "");
    let expected = frame("NATS/1.0\r\nA: b\r\n\r\n", "hi")
        + &frame("NATS/1.0\r\nA: b\r\nC: d\r\n\r\n", "hi")
        + &frame("NATS/1.0\r\nC: d\r\n\r\n", "");
    assert_eq!(heard.text(), expected);
}

#[test]
fn a_client_that_reads_no_headers_gets_the_payload() {
    let mut scene = scene();
    let (client, heard) = wire(1, false);
    scene.router.subscribe(subscription(&client, "7", "to", None));
    scene.hand("to", "NATS/1.0\r\nA: b\r\n\r\n", "C: d\r\n", "hi");
    assert_eq!(heard.text(), "MSG a.b 7 ack 2\r\nhi\r\n");
}

#[test]
fn in_process_subscribers_get_it_whole() {
    let mut scene = scene();
    let peer = Peer { kind: ConnectionKind::InProcess, host: String::new(), port: 0 };
    let client = Arc::new(Connection::local(ClientId(1), peer, &Noon, 1));
    let bounds = QueueBounds { messages: 10, bytes: 1000 };
    let queue = Arc::new(LocalQueue::new(bounds, Arc::new(Budget::new(1 << 20))));
    let sid = Sid::from(&b"1"[..]);
    let subscription = Subscription::new(sid, Arc::from(&b"to"[..]), None, client, Some(Arc::clone(&queue)));
    scene.router.subscribe(Arc::new(subscription));
    assert_eq!(scene.hand("to", "NATS/1.0\r\nA: b\r\n\r\n", "C: d\r\n", "hi"), 1);
    let mut taken = std::collections::VecDeque::new();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(queue.poll_take(&mut cx, &mut taken).is_ready());
    let (subject, reply, headers, payload) = taken.pop_front().unwrap().into_parts();
    assert_eq!((subject.as_str(), reply.as_deref(), &payload[..]), ("a.b", Some("ack"), &b"hi"[..]));
    assert_eq!(headers.to_block(), "NATS/1.0\r\nA: b\r\nC: d\r\n\r\n");
}

#[test]
fn of_a_group_one_member_gets_it() {
    let mut scene = scene();
    let (first, heard) = wire(1, true);
    let (second, heard_too) = wire(2, true);
    for client in [&first, &second] {
        scene.router.subscribe(subscription(client, "1", "to", Some("g")));
    }
    for _ in 0..20 {
        assert_eq!(scene.hand("to", "", "", "x"), 1);
    }
    let frames = |heard: &Recorder| heard.text().matches("MSG").count();
    assert_eq!(frames(&heard) + frames(&heard_too), 20);
    assert!(frames(&heard) > 0 && frames(&heard_too) > 0);
}

#[test]
fn who_can_be_reached() {
    let mut scene = scene();
    let (client, _) = wire(1, true);
    let mut check = |group: Option<&str>, needs_plain, expected| {
        let group = group.map(str::as_bytes);
        assert_eq!(scene.worker.reach(&scene.router, b"to", group, needs_plain), expected);
        assert_eq!(scene.router.reach(b"to", group, needs_plain), expected);
    };
    check(None, false, Reach::Nobody);
    let member = subscription(&client, "1", "to", Some("g"));
    scene.router.subscribe(Arc::clone(&member));
    check(Some("g"), true, Reach::Open);
    check(Some("h"), true, Reach::Nobody);
    check(None, true, Reach::Nobody);
    check(None, false, Reach::Open);
    scene.router.subscribe(subscription(&client, "2", "*", None));
    check(None, true, Reach::Open);
    scene.router.unsubscribe(&member);
    check(Some("g"), true, Reach::Nobody);
    client.outbox().unwrap().close(crate::close::CloseReason::ClientClosed);
    check(None, true, Reach::Nobody);
}

#[test]
fn a_row_to_one_client_looks_as_messages_one_by_one() {
    let mut scene = scene();
    let (client, heard) = wire(1, true);
    scene.router.subscribe(subscription(&client, "7", "to", None));
    scene.hand_row("to", &["a.b", "a.b", "a.cd"], b"");
    let expected = "MSG a.b 7 $JS.ACK.S.C.1.98.20.-5.9 2\r\nhi\r\n\
                    MSG a.b 7 $JS.ACK.S.C.1.99.21.995.8 2\r\nhi\r\n\
                    MSG a.cd 7 $JS.ACK.S.C.1.100.22.1995.7 2\r\nhi\r\n";
    assert_eq!(heard.text(), expected);
    // A second listener: now they go the other way.
    let (second, heard_too) = wire(2, true);
    scene.router.subscribe(subscription(&second, "7", "to", None));
    scene.hand_row("to", &["a.b", "a.b", "a.cd"], b"");
    assert_eq!(heard.text(), expected.repeat(2));
    assert_eq!(heard_too.text(), expected);
}

#[test]
fn a_row_of_messages_with_headers() {
    let mut scene = scene();
    let (client, heard) = wire(1, true);
    scene.router.subscribe(subscription(&client, "7", "to", None));
    scene.hand_row("to", &["a.b"], b"NATS/1.0\r\nA: b\r\n\r\n");
    let expected = "HMSG a.b 7 $JS.ACK.S.C.1.98.20.-5.9 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n";
    assert_eq!(heard.text(), expected);
}

#[test]
fn a_row_ends_with_the_subscription() {
    let mut scene = scene();
    let (client, heard) = wire(1, true);
    let limited = subscription(&client, "7", "to", None);
    limited.limit(2);
    scene.router.subscribe(Arc::clone(&limited));
    scene.hand_row("to", &["a.b"; 5], b"");
    assert_eq!((heard.text().matches("MSG").count(), limited.delivered()), (2, 2));
    let mut route = Route::default();
    scene.router.fill_route(b"to", &mut route);
    assert!(route.plain().is_empty(), "it is taken out");
}

#[test]
fn numbers_of_every_length() {
    for number in
        (0..20).map(|digits| 10_u64.pow(digits)).flat_map(|power| [power - 1, power, power + 1]).chain([u64::MAX])
    {
        let mut space = RowSpace::default();
        let message = Fetched::new(number, number.cast_signed(), b"s", b"", b"");
        let mut frame = Vec::new();
        space.begin("S", "C").write(&mut frame, b"1", &message, number, number);
        let time = number.cast_signed();
        let expected = format!("MSG s 1 $JS.ACK.S.C.1.{number}.{number}.{time}.{number} 0\r\n\r\n");
        assert_eq!(String::from_utf8(frame).unwrap(), expected);
    }
}
