//! Stored messages to destinations of every kind.

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
