//! What waits for a disk that hangs is bounded: beyond, everybody is told at once to come again.

use std::path::PathBuf;

use embus_storage::medium::crash::CrashMedium;

use super::{config, heard, on, wait};
use crate::jetstream::JetStreamOptions;
use crate::limits::Limits;
use crate::stream::SyncPolicy;
use crate::stream::config::StreamConfig;
use crate::stream::consumers::tests::fixture::Fixture;
use crate::stream::core::Republish;
use crate::stream::waiting::Waiting;

const TOO_MANY: &str = r#"{"error":{"code":429,"err_code":10167,"#;

/// Publishes until one is refused; says how many were taken.
fn fill(broker: &Fixture, subject: &str, payload: &str) -> usize {
    for taken in 0..200_000 {
        broker.begin_request(subject, Some("nobody"), payload);
        if taken % 1000 == 0 && is_refused(broker, subject) {
            return taken;
        }
    }
    panic!("nothing was refused");
}

fn is_refused(broker: &Fixture, subject: &str) -> bool {
    broker.begin_request(subject, Some("in"), "");
    broker.heard().iter().any(|line| line.contains(TOO_MANY))
}

#[test]
fn refused_messages_do_not_pile_up() {
    let full = StreamConfig { max_messages: 1, discard: crate::stream::config::Discard::New, ..config() };
    let broker = on(&CrashMedium::new(1), SyncPolicy::Always, full);
    broker.begin_request("a.b", Some("nobody"), "1");
    let taken = fill(&broker, "a.b", "more than fits");
    assert!((90_000..=101_000).contains(&taken), "{taken}");
    let told = wait(&broker.stream.witness());
    assert_eq!(heard(&told), Some(false), "requests do not pile up either");
    broker.run_jobs();
    assert!(!is_refused(&broker, "a.b"));
}

#[test]
fn all_streams_together_have_a_bound() {
    let (medium, dir) = (std::sync::Arc::new(CrashMedium::new(1)), Some(PathBuf::from("/store")));
    let limits = Limits { max_buffered: 4 << 20, ..Limits::default() };
    let broker = Fixture::within(limits, config(), |options| JetStreamOptions { medium, dir, ..options });
    let jetstream = broker.engine.jetstream().unwrap();
    let other = StreamConfig { name: "T".to_owned(), subjects: vec!["b".to_owned()], ..config() };
    let other = jetstream.create(other, false).unwrap().stream;
    broker.run_jobs();
    let payload = "x".repeat(256 * 1024);
    for _ in 0..17 {
        broker.begin_request("a.b", None, &payload);
    }
    assert!(is_refused(&broker, "a.b"));
    assert!(!is_refused(&broker, "b"), "who has nothing waiting is not to blame");
    broker.run_jobs();
    assert!(!is_refused(&broker, "a.b"));
    broker.run_jobs();
    assert_eq!(other.look(|core| core.state().messages), 1);
    assert_eq!(broker.engine.backlog().used(), 0);
}

#[test]
fn copies_count() {
    let mut waiting = Waiting::default();
    let republish = Republish { subject: vec![0; 10], headers: vec![0; 100], payload: vec![0; 1000].into() };
    waiting.push_republished(republish, 1);
    waiting.push_confirmation(b"reply");
    assert!(waiting.bytes() >= 1115);
    assert_eq!(waiting.len(), 2);
    let mut all = Waiting::default();
    all.append(&mut waiting);
    assert!(waiting.is_empty() && all.len() == 2);
    all.clear();
    assert_eq!((all.len(), all.bytes()), (0, 0));
}
