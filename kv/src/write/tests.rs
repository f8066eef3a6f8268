use super::*;
use crate::fake::{Fake, add, now};
use crate::key::InvalidKey;

const SECOND: Duration = Duration::from_secs(1);

fn header(bucket: &Fake, revision: u64, name: &str) -> Option<String> {
    bucket.headers(revision).get(name).map(|value| value.as_str().to_owned())
}

fn entry(key: &str) -> Append {
    Append { subject: format!("$KV.b.{key}"), headers: HeaderMap::new(), value: "theirs".into() }
}

#[test]
fn what_is_sent() {
    let bucket = Fake::default();
    assert_eq!(now(put(&bucket, "a", "1".into())).unwrap(), 1);
    assert!(bucket.headers(1).is_empty());
    assert_eq!(now(update(&bucket, "a", "2".into(), 1, Some(SECOND))).unwrap(), 2);
    assert_eq!(header(&bucket, 2, "Nats-Expected-Last-Subject-Sequence").as_deref(), Some("1"));
    assert_eq!(header(&bucket, 2, "Nats-TTL").as_deref(), Some("1"));
    assert_eq!(now(remove(&bucket, "a", Removal::Delete, Some(2))).unwrap(), 3);
    assert_eq!(header(&bucket, 3, "KV-Operation").as_deref(), Some("DEL"));
    assert_eq!(header(&bucket, 3, "Nats-Expected-Last-Subject-Sequence").as_deref(), Some("2"));
    assert_eq!(header(&bucket, 3, "Nats-Rollup"), None);
    assert_eq!(now(remove(&bucket, "a", Removal::Purge { time_to_live: Some(SECOND) }, None)).unwrap(), 4);
    assert_eq!(header(&bucket, 4, "KV-Operation").as_deref(), Some("PURGE"));
    assert_eq!(header(&bucket, 4, "Nats-Rollup").as_deref(), Some("sub"));
    assert_eq!(header(&bucket, 4, "Nats-TTL").as_deref(), Some("1"));
    assert_eq!(header(&bucket, 4, "Nats-Expected-Last-Subject-Sequence"), None);
}

#[test]
fn a_key_is_created_over_its_mark_with_its_time() {
    let bucket = Fake::default();
    assert_eq!(now(create(&bucket, "a", "1".into(), None)).unwrap(), 1);
    assert!(matches!(now(create(&bucket, "a", "2".into(), None)), Err(WriteError::Exists)));
    now(remove(&bucket, "a", Removal::Delete, None)).unwrap();
    assert_eq!(now(create(&bucket, "a", "3".into(), Some(SECOND))).unwrap(), 3);
    assert_eq!(header(&bucket, 3, "Nats-TTL").as_deref(), Some("1"));
    assert_eq!(header(&bucket, 3, "Nats-Expected-Last-Subject-Sequence").as_deref(), Some("2"));
}

#[test]
fn a_key_is_created_though_its_value_expires_meanwhile() {
    let bucket = Fake::default();
    now(put(&bucket, "a", "1".into())).unwrap();
    bucket.meanwhile(Vec::clear);
    assert_eq!(now(create(&bucket, "a", "2".into(), None)).unwrap(), 1);
}

#[test]
fn a_key_is_not_created_when_somebody_else_is_faster() {
    let bucket = Fake::default();
    now(remove(&bucket, "a", Removal::Delete, None)).unwrap();
    // When it looks what keeps it from writing, there is a value instead of the mark.
    bucket.meanwhile(|entries| {
        add(entries, entry("a"));
    });
    assert!(matches!(now(create(&bucket, "a", "2".into(), None)), Err(WriteError::Exists)));
}

#[test]
fn nothing_is_sent_for_what_is_no_key_or_time() {
    let bucket = Fake::default();
    let value = || Bytes::from_static(b"1");
    assert!(matches!(now(put(&bucket, "a b", value())), Err(WriteError::Key(InvalidKey::Character(' ')))));
    assert!(matches!(now(create(&bucket, "", value(), None)), Err(WriteError::Key(InvalidKey::Empty))));
    let short = Duration::from_millis(1);
    assert!(matches!(now(create(&bucket, "a", value(), Some(short))), Err(WriteError::Ttl(_))));
    assert!(matches!(now(update(&bucket, "a", value(), 0, Some(short))), Err(WriteError::Ttl(_))));
    let purge = Removal::Purge { time_to_live: Some(short) };
    assert!(matches!(now(remove(&bucket, "a", purge, None)), Err(WriteError::Ttl(_))));
    assert!(bucket.entries.lock().unwrap().is_empty());
}
