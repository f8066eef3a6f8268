use futures_util::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::*;
use crate::backend::{Append, From as Start};
use crate::codec::CodecError;
use crate::error::WriteError;
use crate::fake::{Fake, add, now};
use crate::write;
use embus_protocol::headers::HeaderMap;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Player {
    name: String,
    score: u32,
}

fn player(name: &str, score: u32) -> Player {
    Player { name: name.to_owned(), score }
}

fn bucket() -> Bucket<Player, Fake> {
    Bucket::new(Fake::default())
}

fn foreign(key: &str, value: &'static str) -> Append {
    Append { subject: format!("$KV.b.{key}"), headers: HeaderMap::new(), value: value.into() }
}

#[test]
fn values_come_back() {
    let bucket = bucket();
    let revision = now(bucket.create("a", &player("Ada", 1))).unwrap();
    assert_eq!(now(bucket.get("a")).unwrap(), Some(player("Ada", 1)));
    let revision = now(bucket.update("a", &player("Ada", 2), revision)).unwrap();
    let entry = now(bucket.entry("a")).unwrap().unwrap();
    assert_eq!((entry.value, entry.revision), (player("Ada", 2), revision));
    assert_eq!(now(bucket.raw().last("$KV.b.a")).unwrap().unwrap().value, r#"{"name":"Ada","score":2}"#);
    let error = now(bucket.create("a", &player("Bo", 0))).unwrap_err();
    assert!(matches!(error, SaveError::Write(WriteError::Exists)));
    now(bucket.delete_expect_revision("a", revision)).unwrap();
    assert_eq!(now(bucket.get("a")).unwrap(), None);
    now(bucket.put("a", &player("Cy", 3))).unwrap();
    now(bucket.purge("a")).unwrap();
    assert_eq!(now(bucket.entry("a")).unwrap(), None);
}

#[test]
fn a_value_of_another_type_is_named() {
    let bucket = bucket();
    now(write::put(bucket.raw(), "a", "no player".into())).unwrap();
    let error = now(bucket.get("a")).unwrap_err();
    assert!(matches!(&error, LoadError::Undecodable(Undecodable { key, revision: 1, .. }) if key == "a"));
    assert_eq!(error.to_string(), r#"the value of "a" at revision 1 can't be read"#);
    let error = now(bucket.modify("a", |_| player("Ada", 1))).unwrap_err();
    assert!(matches!(error, ModifyError::Undecodable(Undecodable { revision: 1, .. })));
    assert_eq!(bucket.raw().entries.lock().unwrap().len(), 1);
}

#[test]
fn a_change_is_made_anew_when_somebody_else_was_faster() {
    let bucket = bucket();
    let up =
        |before: Option<Player>| before.map_or(player("Ada", 1), |before| Player { score: before.score + 1, ..before });
    let changed = now(bucket.modify("a", up)).unwrap();
    assert_eq!((changed.value, changed.revision), (player("Ada", 1), 1));
    now(bucket.delete("a")).unwrap();
    assert_eq!(now(bucket.modify("a", up)).unwrap().value, player("Ada", 1), "a mark is no value");

    let tries = std::cell::Cell::new(0);
    let changed = now(bucket.modify("a", |before| {
        if tries.replace(tries.get() + 1) == 0 {
            let mut entries = bucket.raw().entries.lock().unwrap();
            add(&mut entries, foreign("a", r#"{"name":"Bo","score":10}"#));
        }
        up(before)
    }));
    assert_eq!((changed.unwrap().value, tries.get()), (player("Bo", 11), 2));
}

#[test]
fn somebody_who_is_always_late_is_told() {
    let bucket = bucket();
    let error = now(bucket.modify("a", |_| {
        let mut entries = bucket.raw().entries.lock().unwrap();
        add(&mut entries, foreign("a", r#"{"name":"Bo","score":10}"#));
        player("Ada", 1)
    }));
    assert!(matches!(error, Err(ModifyError::Contended)));
    assert!(matches!(now(bucket.modify("a b", |_| player("Ada", 1))), Err(ModifyError::Key(_))));
}

#[test]
fn a_watch_goes_on_behind_what_it_can_not_read() {
    let bucket = bucket();
    now(bucket.put("a", &player("Ada", 1))).unwrap();
    now(write::put(bucket.raw(), "b", "no player".into())).unwrap();
    now(bucket.delete("a")).unwrap();
    let mut changes = now(bucket.watch_from(">", Start::First)).unwrap();
    let told: Vec<_> = std::iter::from_fn(|| now(changes.next())).collect();
    assert!(matches!(&told[0], Ok(Change::Put { key, revision: 1, value, .. }) if key == "a" && value.score == 1));
    let undecodable = told[1].as_ref().unwrap_err();
    assert!(matches!(undecodable, FollowError::Undecodable(Undecodable { key, revision: 2, .. }) if key == "b"));
    assert!(matches!(&told[2], Ok(Change::Removed { key, revision: 3, .. }) if key == "a"));
    assert!(matches!(told[3], Ok(Change::Current)) && told.len() == 4);
}

/// Numbers as text.
#[derive(Clone)]
struct Plain;

impl Codec<u8> for Plain {
    fn encode(&self, value: &u8) -> Result<Bytes, CodecError> {
        if *value == 13 { Err("an unlucky number".into()) } else { Ok(value.to_string().into()) }
    }

    fn decode(&self, bytes: &Bytes) -> Result<u8, CodecError> {
        Ok(std::str::from_utf8(bytes)?.parse()?)
    }
}

#[test]
fn a_codec_of_the_program() {
    let bucket = Bucket::with_codec(Fake::default(), Plain);
    now(bucket.put("a", &7)).unwrap();
    assert_eq!(now(bucket.raw().last("$KV.b.a")).unwrap().unwrap().value, "7");
    assert_eq!(now(bucket.get("a")).unwrap(), Some(7));
    let error = now(bucket.put("a", &13)).unwrap_err();
    assert!(matches!(error, SaveError::Encode(_)));
    let error = now(bucket.modify("a", |before| before.map_or(0, |before| before + 6))).unwrap_err();
    assert!(matches!(error, ModifyError::Encode(_)));
    assert_eq!(bucket.raw().entries.lock().unwrap().len(), 1);
    let changes: Vec<_> = now(now(bucket.watch_from(">", Start::First)).unwrap().try_collect()).unwrap();
    assert_eq!(changes.len(), 2);
}
