//! Streams of several accounts: apart from each other, on one disk, within the limits of one machine.

use std::collections::BTreeMap;

use super::*;
use crate::service::Request;
use crate::stream::config::StorageType;

fn accounts(names: &[&str]) -> BTreeMap<String, AccountLimits> {
    names.iter().map(|&name| (name.to_owned(), AccountLimits::default())).collect()
}

fn start(options: JetStreamOptions) -> Arc<Engine> {
    let engine = Engine::new(Limits::default(), ServerInfo::default(), Arc::new(Noon), 1);
    engine.start_jetstream(options).unwrap();
    engine
}

fn streams_of(engine: &Arc<Engine>, account: &str) -> Arc<JetStream> {
    Arc::clone(engine.add_account(account).jetstream().expect("the account has streams"))
}

fn close(engine: &Arc<Engine>) {
    engine.jetstreams().iter().for_each(|jetstream| jetstream.close());
}

fn publish(engine: &Arc<Engine>, account: &str, subject: &str) -> usize {
    engine.publish_internal(&engine.add_account(account), &Request::answer(subject.as_bytes(), b"x"))
}

fn messages(jetstream: &JetStream, stream: &str) -> u64 {
    jetstream.get(stream).unwrap().look(|core| core.log().state().messages)
}

#[test]
fn each_account_has_streams_of_its_own_and_finds_them_again() {
    let disk = Memory::new();
    let options = || JetStreamOptions { accounts: accounts(&["$G", "A", "../b"]), ..on(&disk) };
    let engine = start(options());
    for (account, count) in [("$G", 1), ("A", 2), ("../b", 3)] {
        streams_of(&engine, account).create(stream("S", &["s"]), false).unwrap();
        (0..count).for_each(|_| assert_eq!(publish(&engine, account, "s"), 1));
    }
    close(&engine);
    let engine = start(options());
    let held = ["$G", "A", "../b"].map(|account| messages(&streams_of(&engine, account), "S"));
    assert_eq!(held, [1, 2, 3]);
    streams_of(&engine, "A").delete("S").unwrap();
    assert!(streams_of(&engine, "$G").get("S").is_some());
    assert_eq!((publish(&engine, "A", "s"), publish(&engine, "$G", "s")), (0, 1));
}

#[test]
fn an_account_that_is_gone_leaves_its_files() {
    let disk = Memory::new();
    let both = || JetStreamOptions { accounts: accounts(&["$G", "A"]), ..on(&disk) };
    let engine = start(both());
    for account in ["$G", "A"] {
        streams_of(&engine, account).create(stream("S", &["s"]), false).unwrap();
    }
    close(&engine);
    let engine = start(JetStreamOptions { accounts: accounts(&["B"]), ..on(&disk) });
    assert!(engine.add_account("A").jetstream().is_none());
    assert!(streams_of(&engine, "B").list(None).is_empty());
    close(&engine);
    let engine = start(both());
    assert!(["$G", "A"].iter().all(|account| streams_of(&engine, account).get("S").is_some()));
}

#[test]
fn clearing_the_store_leaves_accounts_alone_that_are_not_there() {
    let disk = Memory::new();
    let engine = start(JetStreamOptions { accounts: accounts(&["A", "B"]), ..on(&disk) });
    for account in ["A", "B"] {
        streams_of(&engine, account).create(stream("S", &["s"]), false).unwrap();
    }
    close(&engine);
    let engine = start(JetStreamOptions { accounts: accounts(&["A"]), clear: true, ..on(&disk) });
    assert!(streams_of(&engine, "A").get("S").is_none());
    close(&engine);
    let engine = start(JetStreamOptions { accounts: accounts(&["A", "B"]), ..on(&disk) });
    assert!(streams_of(&engine, "B").get("S").is_some());
}

#[test]
fn what_one_account_reserves_the_others_do_not_have() {
    let mut limited = accounts(&["A", "B"]);
    limited.insert("C".to_owned(), AccountLimits { max_memory: Some(10), ..AccountLimits::default() });
    let engine = start(JetStreamOptions { accounts: limited, max_memory: Some(100), ..in_memory() });
    let sized =
        |name: &str, max_bytes| StreamConfig { max_bytes, storage: StorageType::Memory, ..stream(name, &[name]) };
    let [one, other, small] = ["A", "B", "C"].map(|account| streams_of(&engine, account));
    one.create(sized("S", 60), false).unwrap();
    assert_eq!(code(other.create(sized("S", 41), false)), 10028);
    other.create(sized("S", 30), false).unwrap();
    assert_eq!(code(one.update(sized("S", 71), false)), 10028);
    assert_eq!(code(small.create(sized("S", 11), false)), 10028);
    small.create(sized("S", 10), false).unwrap();
    assert_eq!((one.account().reserved_memory, other.account().reserved_memory), (60, 30));
}
