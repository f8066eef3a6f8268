//! Publishers, what they were promised, and whether it holds.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::peer::{Peer, Received};

/// Everything that was acknowledged so far.
#[derive(Default)]
pub(super) struct Promises {
    /// Payloads of the stream `LOG`, by sequence.
    log: BTreeMap<u64, String>,
    /// By key of the stream `KV`, the number of the last value that was acknowledged.
    kv: BTreeMap<String, u64>,
    /// The highest sequences that were given out.
    last: [u64; 2],
}

/// What one publisher was promised: in which stream, under which sequence, and what it had sent.
#[derive(Debug)]
struct Promise {
    is_kv: bool,
    sequence: u64,
    payload: String,
}

/// Publishers at work.
pub(super) struct Load {
    publishers: Vec<JoinHandle<Vec<Promise>>>,
    acknowledged: Arc<AtomicUsize>,
}

impl Load {
    /// Makes both streams if need be and begins to publish, until the server is gone.
    pub(super) fn start(address: SocketAddr, round: u64) -> Self {
        let mut peer = Peer::connect(address).expect("the server listens");
        peer.create("LOG", r#"{"name":"LOG","subjects":["log.*"],"allow_direct":true}"#);
        let kv = r#"{"name":"KV","subjects":["kv.*.*"],"max_msgs_per_subject":1,"allow_direct":true}"#;
        peer.create("KV", kv);
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let publisher = |publisher| {
            let acknowledged = Arc::clone(&acknowledged);
            thread::spawn(move || publish(address, publisher, round, &acknowledged))
        };
        let publishers = (0..PUBLISHERS).map(publisher).collect();
        Self { publishers, acknowledged }
    }

    /// How many messages were acknowledged so far.
    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until the server is gone, and keeps what it had promised. No sequence was given out before.
    pub(super) fn end(self, promises: &mut Promises) {
        let before = promises.last;
        for publisher in self.publishers {
            let sent = publisher.join().expect("publishers do not panic");
            for is_kv in [false, true] {
                let of_one: Vec<_> = sent.iter().filter(|promise| promise.is_kv == is_kv).collect();
                for two in of_one.windows(2) {
                    assert!(two[0].sequence < two[1].sequence, "acknowledged out of order: {two:#?}");
                }
            }
            for promise in sent {
                promises.add(promise, before);
            }
        }
    }
}

impl Promises {
    fn add(&mut self, Promise { is_kv, sequence, payload }: Promise, before: [u64; 2]) {
        let stream = usize::from(is_kv);
        assert!(sequence > before[stream], "{sequence} again, after {}: {payload}", before[stream]);
        self.last[stream] = self.last[stream].max(sequence);
        if is_kv {
            let (key, number) = key_and_number(&payload);
            let last = self.kv.entry(key.to_owned()).or_default();
            *last = number.max(*last);
        } else {
            let other = self.log.insert(sequence, payload);
            assert!(other.is_none(), "{sequence} was given out twice, for {other:?} too");
        }
    }

    /// Holds a server against what was promised.
    #[track_caller]
    pub(super) fn check(&self, address: SocketAddr) {
        if self.log.is_empty() {
            return;
        }
        let mut peer = Peer::connect(address).expect("the server listens");
        let bodies: Vec<_> = self.log.keys().map(|sequence| format!("{{\"seq\":{sequence}}}")).collect();
        let found = peer.direct_gets("LOG", &bodies);
        for ((sequence, payload), found) in self.log.iter().zip(found) {
            assert_eq!(found.as_ref(), Some(payload), "{sequence}");
        }
        let bodies: Vec<_> = self.kv.keys().map(|key| format!("{{\"last_by_subj\":\"{key}\"}}")).collect();
        for ((key, last), found) in self.kv.iter().zip(peer.direct_gets("KV", &bodies)) {
            let found = found.unwrap_or_else(|| panic!("{key} is gone"));
            assert_eq!(key_and_number(&found).0, key);
            assert!(key_and_number(&found).1 >= *last, "{key} fell back from {last} to {found}");
        }
        for (name, last) in ["LOG", "KV"].into_iter().zip(self.last) {
            let info = peer.request(&format!("$JS.API.STREAM.INFO.{name}"), "");
            assert!(info["state"]["last_seq"].as_u64() >= Some(last), "{name}: {info}");
            assert!(info["state"]["lost"].is_null(), "{name}: {info}");
        }
    }

    /// How many messages of the log.
    pub(super) fn len(&self) -> usize {
        self.log.len()
    }
}

/// A value of `KV` is its key, its number, and padding.
fn key_and_number(payload: &str) -> (&str, u64) {
    let mut words = payload.split(' ');
    let key = words.next().expect("a split has a first part");
    (key, words.next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{payload:?}")))
}

/// Publishes to both streams, with a number of messages in flight, until the connection breaks.
fn publish(address: SocketAddr, publisher: usize, round: u64, acknowledged: &AtomicUsize) -> Vec<Promise> {
    let mut promises = Vec::new();
    let Ok(mut peer) = Peer::connect(address) else { return promises };
    // Numbers grow over all rounds.
    for chunk in round << 32.. {
        let chunk: Vec<_> = (0..IN_FLIGHT).map(|place| message(publisher, chunk * IN_FLIGHT + place)).collect();
        let with_reply = |(tag, (subject, payload)): (usize, &(String, String))| peer.with_reply(tag, subject, payload);
        if peer.send(&chunk.iter().enumerate().map(with_reply).collect::<String>()).is_err() {
            break;
        }
        for _ in 0..IN_FLIGHT {
            let Ok(answer) = peer.receive() else { return promises };
            // A server that is being stopped may refuse, or its streams may be gone.
            let Some(sequence) = stored(&answer) else { continue };
            let (subject, payload) = chunk[answer.tag.parse::<usize>().expect("tags are numbers")].clone();
            let is_kv = subject.starts_with("kv");
            promises.push(Promise { is_kv, sequence, payload });
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
    promises
}

/// The sequence in an acknowledgement that is none of an error.
fn stored(answer: &Received) -> Option<u64> {
    let ack: serde_json::Value = serde_json::from_str(&answer.payload).ok()?;
    ack["seq"].as_u64().filter(|_| answer.status.is_none() && ack["error"].is_null())
}

/// The subject and payload of a message.
fn message(publisher: usize, number: u64) -> (String, String) {
    let padding = "x".repeat(usize::try_from(number % 199).unwrap_or(0));
    if number.is_multiple_of(2) {
        let key = format!("kv.{publisher}.{}", number / 2 % 5);
        (key.clone(), format!("{key} {number} {padding}"))
    } else {
        (format!("log.{publisher}"), format!("{publisher} {number} {padding}"))
    }
}

const PUBLISHERS: usize = 4;
/// Messages of one publisher that wait for their acknowledgement.
const IN_FLIGHT: u64 = 16;
