//! Clients that share a commit: who waits for whom, and what ends that.

use embus_storage::medium::crash::CrashMedium;

use super::{config, on};
use crate::connection::{ConnectionKind, Peer};
use crate::engine::Engine;
use crate::fixtures::Recorder;
use crate::outbox::Transport;
use crate::session::{Session, Target};
use crate::stream::SyncPolicy;
use crate::stream::consumers::tests::fixture::Fixture;
use crate::sync::Arc;

/// A client on a wire, whose caller looks after what its turns put off.
struct Client {
    engine: Arc<Engine>,
    session: Session,
    heard: Arc<Recorder>,
    inbox: String,
}

impl Client {
    fn connect(broker: &Fixture, inbox: &str) -> Self {
        let peer = Peer { kind: ConnectionKind::Stream, host: String::new(), port: 0 };
        let heard = Arc::new(Recorder::default());
        let transport = Arc::clone(&heard) as Arc<dyn Transport>;
        let session = Session::open(&broker.engine, peer, transport).unwrap();
        let mut client = Self { engine: Arc::clone(&broker.engine), session, heard, inbox: inbox.to_owned() };
        client.session.allow_gathering();
        client.turn(&format!("CONNECT {{\"verbose\":false}}\r\nSUB {inbox} 1\r\n"));
        client
    }

    fn turn(&mut self, input: &str) {
        let mut worker = self.engine.workers().take();
        let Target::Input(buffer) = self.session.target(&mut worker) else { panic!("no payload is awaited") };
        buffer[..input.len()].copy_from_slice(input.as_bytes());
        let turn = self.session.handle_input(&mut worker, input.len(), self.engine.now());
        assert_eq!(turn.end, None);
        self.session.outbox().flush_with(|slices| self.heard.try_write(slices), worker.spare());
        self.engine.workers().put(worker);
    }

    fn publish(&mut self, len: usize) {
        let (inbox, payload) = (&self.inbox, "x".repeat(len));
        self.turn(&format!("PUB a.b {inbox} {len}\r\n{payload}\r\n"));
    }

    fn end_gathering(&mut self) {
        let mut worker = self.engine.workers().take();
        self.session.end_gathering(&mut worker);
        self.engine.workers().put(worker);
    }

    /// The sequences that were acknowledged.
    fn acks(&self) -> Vec<u64> {
        let text = self.heard.text();
        let numbers = text.split("\"seq\":").skip(1).map(|rest| rest.split('}').next().unwrap().parse().unwrap());
        numbers.collect()
    }
}

/// A broker whose stream has its first segment, and some clients.
fn clients<const N: usize>(sync: SyncPolicy) -> (Fixture, [Client; N]) {
    let broker = on(&CrashMedium::new(1), sync, config());
    broker.publish("a.b", "");
    let clients = std::array::from_fn(|number| Client::connect(&broker, &format!("inbox{number}")));
    (broker, clients)
}

#[test]
fn a_client_alone_waits_for_nobody() {
    let (_broker, [mut client]) = clients(SyncPolicy::Os);
    client.publish(1);
    client.publish(1);
    client.publish(1);
    assert!(!client.session.is_gathering());
    assert_eq!(client.acks(), [2, 3, 4]);
}

#[test]
fn the_first_behind_another_client_ends_it_for_all() {
    let (broker, [mut first, mut second, mut third]) = clients(SyncPolicy::Os);
    first.publish(1);
    second.publish(1);
    third.publish(1);
    first.publish(1);
    assert!(second.session.is_gathering() && !third.session.is_gathering() && !first.session.is_gathering());
    assert_eq!((first.acks(), second.acks(), third.acks()), (vec![2], vec![], vec![]));
    let is_committed = || broker.stream.look(|core| core.log().position() == core.log().committed());
    assert!(!is_committed());
    second.end_gathering();
    assert_eq!((first.acks(), second.acks(), third.acks()), (vec![2, 5], vec![3], vec![4]));
    assert!(is_committed());
}

#[test]
fn who_leaves_keeps_nobody_waiting() {
    let (_broker, [mut first, mut second, mut third]) = clients(SyncPolicy::Os);
    first.publish(1);
    second.publish(1);
    third.publish(1);
    assert_eq!(third.acks(), Vec::<u64>::new());
    drop(second);
    assert_eq!(third.acks(), [4]);
}

#[test]
fn a_turn_that_panics_keeps_nobody_waiting() {
    let (broker, [mut first, mut second, mut third]) = clients(SyncPolicy::Os);
    first.publish(1);
    second.publish(1);
    third.publish(1);
    let mut worker = broker.engine.workers().take();
    worker.batch.turn_end.put_off.push(Arc::clone(&broker.stream));
    drop(worker);
    assert_eq!((broker.jobs(), third.acks()), (1, vec![]));
    broker.run_jobs();
    assert_eq!(third.acks(), [4]);
}

#[test]
fn an_in_process_publisher_takes_all_along() {
    let (broker, [mut first, mut second]) = clients(SyncPolicy::Os);
    first.publish(1);
    second.publish(1);
    broker.publish("a.b", "");
    assert_eq!((first.acks(), second.acks()), (vec![2], vec![3]));
    second.end_gathering();
    assert_eq!((first.acks(), second.acks()), (vec![2], vec![3]));
}

#[test]
fn much_is_committed_at_once() {
    let (_broker, [mut first, mut second]) = clients(SyncPolicy::Os);
    first.publish(1);
    second.publish(20_000);
    assert_eq!((first.acks(), second.acks()), (vec![2], vec![3]));
    for _ in 0..64 {
        second.publish(1);
        first.publish(1);
    }
    assert!(first.acks().len() > 32, "so many turns do not wait for one client");
}

#[test]
fn nothing_is_put_off_in_front_of_a_sync() {
    let (broker, [mut first, mut second]) = clients(SyncPolicy::Always);
    first.publish(1);
    assert_eq!(broker.jobs(), 1);
    broker.run_jobs();
    second.publish(1);
    assert_eq!(broker.jobs(), 1);
    broker.run_jobs();
    assert!(!first.session.is_gathering() && !second.session.is_gathering());
    assert_eq!((first.acks(), second.acks()), (vec![2], vec![3]));
}
