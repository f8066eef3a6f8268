//! Workers that share a consumer, on a server that is killed again and again: each message is processed at least once, and
//! never again once its acknowledgement was confirmed.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustix::process::Signal;

use super::peer::Peer;
use super::start;
use crate::server::poll;

const ROUNDS: usize = 8;
const WORKERS: usize = 8;
const MESSAGES: u64 = 4000;
/// Messages that one request asks for.
const BATCH: usize = 10;

/// What all workers together have seen, over all rounds.
#[derive(Default)]
struct Ledger {
    processed: BTreeSet<u64>,
    confirmed: BTreeSet<u64>,
    /// Messages that came although their acknowledgement had been confirmed.
    wrong: Vec<u64>,
}

/// The workers of one round.
struct Crew {
    workers: Vec<JoinHandle<()>>,
    confirmations: Arc<AtomicUsize>,
}

impl Crew {
    fn start(address: SocketAddr, ledger: &Arc<Mutex<Ledger>>) -> Self {
        let confirmations = Arc::new(AtomicUsize::new(0));
        let worker = |_| {
            let (ledger, confirmations) = (Arc::clone(ledger), Arc::clone(&confirmations));
            thread::spawn(move || work(address, &ledger, &confirmations))
        };
        Self { workers: (0..WORKERS).map(worker).collect(), confirmations }
    }

    fn end(self) {
        for worker in self.workers {
            worker.join().expect("workers do not panic");
        }
    }
}

#[test]
fn what_was_confirmed_stays_done_over_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    for round in 0..ROUNDS {
        let policy = ["--sync=always", "--sync=os"][round % 2];
        let (server, address) = start(directory.path(), &[policy]);
        if round == 0 {
            prepare(address);
        }
        let crew = Crew::start(address, &ledger);
        let enough = 20 + round * 40;
        poll(|| (crew.confirmations.load(Ordering::Relaxed) >= enough).then_some(())).expect("work goes on");
        server.signal(Signal::KILL);
        server.wait_exit();
        crew.end();
    }
    let (server, address) = start(directory.path(), &[]);
    let crew = Crew::start(address, &ledger);
    // An acknowledgement may count although its confirmation was lost.
    let is_done = || (ledger.lock().unwrap().processed.len() as u64 == MESSAGES).then_some(());
    let done = poll(is_done);
    server.signal(Signal::KILL);
    server.wait_exit();
    crew.end();
    let ledger = ledger.lock().unwrap();
    assert!(done.is_some(), "{} of {MESSAGES} are done", ledger.processed.len());
    assert!(ledger.wrong.is_empty(), "delivered again although confirmed: {:?}", ledger.wrong);
    assert!(ledger.processed.iter().copied().eq(1..=MESSAGES));
}

/// A stream with all messages and a consumer for the workers.
fn prepare(address: SocketAddr) {
    let mut peer = Peer::connect(address).expect("the server listens");
    peer.create("JOBS", r#"{"name":"JOBS","subjects":["jobs"]}"#);
    // So long that no message comes again while the server lives: it might cross its confirmation on the way.
    let config = r#"{"durable_name":"W","ack_policy":"explicit","ack_wait":4000000000,"max_ack_pending":-1}"#;
    let body = format!(r#"{{"stream_name":"JOBS","config":{config}}}"#);
    let made = peer.request("$JS.API.CONSUMER.CREATE.JOBS.W", &body);
    assert!(made["error"].is_null(), "{made}");
    let all: String = (0..MESSAGES).map(|number| peer.with_reply(0, "jobs", &number.to_string())).collect();
    peer.send(&all).expect("the server reads");
    for _ in 0..MESSAGES {
        peer.receive().expect("the server acknowledges");
    }
}

/// Takes messages and acknowledges them, until the connection breaks.
fn work(address: SocketAddr, ledger: &Mutex<Ledger>, confirmations: &AtomicUsize) {
    let Ok(mut peer) = Peer::connect(address) else { return };
    let request = format!(r#"{{"batch":{BATCH},"expires":1000000000}}"#);
    let ask = |peer: &Peer| peer.send(&peer.with_reply("next", "$JS.API.CONSUMER.MSG.NEXT.JOBS.W", &request));
    let mut due = 0;
    // By the sequences that stand in the subjects of the confirmations.
    let mut unconfirmed: HashMap<String, u64> = HashMap::new();
    loop {
        if due == 0 {
            if ask(&peer).is_err() {
                return;
            }
            due = BATCH;
        }
        let Ok(received) = peer.receive() else { return };
        match received.reply {
            Some(reply) if reply.starts_with("$JS.ACK.") => {
                due -= 1;
                let sequence = sequence_in(&reply);
                ledger.lock().expect("no worker panics").note(sequence);
                unconfirmed.insert(sequence.to_string(), sequence);
                if peer.send(&peer.with_reply(sequence, &reply, "+ACK")).is_err() {
                    return;
                }
            }
            // The request is over.
            _ if received.tag == "next" => due = 0,
            _ => {
                if let Some(sequence) = unconfirmed.remove(&received.tag) {
                    ledger.lock().expect("no worker panics").confirmed.insert(sequence);
                    confirmations.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

impl Ledger {
    fn note(&mut self, sequence: u64) {
        self.processed.insert(sequence);
        if self.confirmed.contains(&sequence) {
            self.wrong.push(sequence);
        }
    }
}

/// `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.…`
fn sequence_in(reply: &str) -> u64 {
    reply.split('.').nth(5).and_then(|token| token.parse().ok()).expect("deliveries say their sequence")
}
