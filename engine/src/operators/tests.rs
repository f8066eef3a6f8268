//! What accounts are given of each other, and what is made of it.

use std::time::Duration;

use embus_auth::jwt::{OperatorsBuilder, sign};
use nkeys::{KeyPair, KeyPairType};
use serde_json::{Value, json};

use super::*;
use crate::sharing::{Export, Import, Mapping, ResponseType};

const NOW: u64 = 1_767_225_600;

fn pair(kind: KeyPairType, name: u8) -> KeyPair {
    KeyPair::new_from_raw(kind, [name; 32]).unwrap()
}

fn account(name: u8) -> KeyPair {
    pair(KeyPairType::Account, name)
}

/// The exporting account, the importing one, and a key that signs for the first.
const FROM: u8 = 1;
const TO: u8 = 2;
const SIGNER: u8 = 3;

fn vouched(of: u8, mut claims: Value) -> String {
    (claims["type"], claims["version"]) = ("account".into(), 2.into());
    if claims["limits"].is_null() {
        claims["limits"] = json!({"subs": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1});
    }
    let claims = json!({"sub": account(of).public_key(), "iat": NOW, "nats": claims});
    sign(claims, &pair(KeyPairType::Operator, 0)).unwrap()
}

fn with(builder: OperatorsBuilder) -> Result<Vec<Described>, Unsupported> {
    let operators = builder.trusted_key(pair(KeyPairType::Operator, 0).public_key()).build().unwrap();
    describe(&operators, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
}

fn described(claims: Value) -> Result<Described, Unsupported> {
    with(Operators::builder().account(vouched(FROM, claims))).map(|mut all| all.remove(0))
}

/// What `TO` is given of `FROM`, which exports `export` and has another key.
fn given(export: &Value, import: Value) -> (Described, Described) {
    let mut import = import;
    import["account"] = account(FROM).public_key().into();
    let from = vouched(FROM, json!({"exports": [export], "signing_keys": [account(SIGNER).public_key()]}));
    let all = with(Operators::builder().account(from).account(vouched(TO, json!({"imports": [import]})))).unwrap();
    let find = |name: u8| all.iter().find(|one| one.name == account(name).public_key()).unwrap().clone();
    (find(FROM), find(TO))
}

fn token(by: u8, outside: Value, claims: Value) -> String {
    let mut nats = json!({"type": "activation", "version": 2, "subject": "p.>", "kind": "stream"});
    let mut token = json!({"sub": account(TO).public_key(), "iat": NOW});
    for (target, fields) in [(&mut nats, claims), (&mut token, outside)] {
        for (field, value) in fields.as_object().unwrap() {
            target[field] = value.clone();
        }
    }
    token["nats"] = nats;
    sign(token, &account(by)).unwrap()
}

#[test]
fn limits_below_nothing_are_none() {
    let limits =
        json!({"conn": 1, "subs": 2, "payload": -1, "mem_storage": -1, "disk_storage": 3, "streams": 4, "imports": -1});
    let made = described(json!({"limits": limits})).unwrap();
    let clients = ClientLimits { max_connections: Some(1), max_subscriptions: Some(2), max_payload: None };
    assert_eq!(made.clients, clients);
    let streams = AccountLimits { max_storage: Some(3), max_streams: Some(4), ..AccountLimits::default() };
    assert_eq!(made.jetstream, Some(streams));
    assert_eq!(described(json!({"limits": {"streams": 5}})).unwrap().jetstream, None);
    let tiers = json!({"limits": {"tiered_limits": {"R1": {"disk_storage": 3}, "R3": {"disk_storage": 9}}}});
    assert_eq!(described(tiers).unwrap().jetstream.unwrap().max_storage, Some(3));
}

#[test]
fn what_is_exported_and_mapped() {
    let made = described(json!({
        "exports": [
            {"subject": "a.>", "type": "stream"},
            {"subject": "s.*", "type": "service", "response_type": "Chunked", "response_threshold": 5, "account_token_position": 2},
            {"subject": "t", "type": "stream", "token_req": true},
        ],
        "mappings": {"m.*": [{"subject": "n.$1", "weight": 20}, {"subject": "o.$1"}]},
    }));
    let sharing = made.unwrap().sharing;
    let service = Export::service("s.*").responses(ResponseType::Chunked).threshold(Duration::from_nanos(5));
    let none: [&str; 0] = [];
    let exports = [Export::stream("a.>"), service.account_token(2), Export::stream("t").to_accounts(none)];
    assert_eq!(sharing.exports, exports);
    assert_eq!(sharing.mappings, [Mapping::weighted("m.*").or("n.$1", 20).or("o.$1", 100)]);
}

#[test]
fn subjects_of_imports_are_the_importers_or_the_exporters() {
    let from = || account(FROM).public_key();
    let check = |export: Value, import: Value, expected: Import| {
        assert_eq!(given(&export, import).1.sharing.imports, [expected]);
    };
    let stream = || json!({"subject": "a.>", "type": "stream"});
    let service = || json!({"subject": "s.>", "type": "service"});
    check(stream(), stream(), Import::stream(from(), "a.>"));
    check(
        stream(),
        json!({"subject": "a.>", "type": "stream", "to": "p"}),
        Import::stream(from(), "a.>").with_prefix("p"),
    );
    let local = json!({"subject": "a.*", "type": "stream", "local_subject": "l.$1"});
    check(stream(), local, Import::stream(from(), "a.*").local("l.$1"));
    check(service(), service(), Import::service(from(), "s.>"));
    let to = json!({"subject": "l", "type": "service", "to": "s.x", "share": true});
    check(service(), to, Import::service(from(), "s.x").local("l").shared());
    let local = json!({"subject": "s.x", "type": "service", "local_subject": "l"});
    check(service(), local, Import::service(from(), "s.x").local("l"));
}

#[test]
fn what_nobody_gives_is_left_out() {
    let stream = json!({"subject": "a.>", "type": "stream"});
    let check = |export: &Value, import: Value, is_given: bool| {
        assert_eq!(given(export, import.clone()).1.sharing.imports.len(), usize::from(is_given), "{export} {import}");
    };
    check(&stream, json!({"subject": "a.b", "type": "stream"}), true);
    check(&stream, json!({"subject": "a.b", "type": "service"}), false);
    check(&stream, json!({"subject": ">", "type": "stream"}), false);
    let named = json!({"subject": "n.*.x", "type": "stream", "account_token_position": 2});
    let own = |name: u8| json!({"subject": format!("n.{}.x", account(name).public_key()), "type": "stream"});
    check(&named, own(TO), true);
    check(&named, own(FROM), false);
}

/// A token counts for one account, one exporter, one kind, its subjects and its time. [nats-server: CVE-2021-3127]
#[test]
fn tokens_are_bound() {
    let export =
        |revocations: Value| json!({"subject": "p.>", "type": "stream", "token_req": true, "revocations": revocations});
    let import = |token: String| json!({"subject": "p.x", "type": "stream", "token": token});
    let check = |token: String, is_given: bool| {
        let (from, to) = given(&export(json!({})), import(token));
        assert_eq!(to.sharing.imports.len(), usize::from(is_given));
        let importers = if is_given { vec![account(TO).public_key()] } else { Vec::new() };
        assert_eq!(from.sharing.exports, [Export::stream("p.>").to_accounts(importers)]);
    };
    let nothing = || json!({});
    check(token(FROM, nothing(), nothing()), true);
    check(token(FROM, nothing(), json!({"subject": "p.x"})), true);
    check(token(SIGNER, nothing(), json!({"issuer_account": account(FROM).public_key()})), true);
    check(String::new(), false);
    check("https://example.com/token".to_owned(), false);
    check(token(SIGNER, nothing(), nothing()), false);
    check(token(TO, nothing(), nothing()), false);
    check(token(TO, nothing(), json!({"issuer_account": account(FROM).public_key()})), false);
    check(token(FROM, json!({"sub": account(SIGNER).public_key()}), nothing()), false);
    check(token(FROM, nothing(), json!({"kind": "service"})), false);
    check(token(FROM, nothing(), json!({"subject": "p.y"})), false);
    check(token(FROM, json!({"exp": NOW - 1}), nothing()), false);
    check(token(FROM, json!({"nbf": NOW + 1}), nothing()), false);
    let revoked = |key: String, at: u64| given(&export(json!({key: at})), import(token(FROM, nothing(), nothing()))).1;
    assert!(revoked(account(TO).public_key(), NOW).sharing.imports.is_empty());
    assert!(revoked("*".to_owned(), NOW).sharing.imports.is_empty());
    assert_eq!(revoked(account(TO).public_key(), NOW - 1).sharing.imports.len(), 1);
}

#[test]
fn an_import_ends_with_its_token() {
    let export = json!({"subject": "p.>", "type": "stream", "token_req": true});
    let ending = token(FROM, json!({"exp": NOW + 5}), json!({}));
    let (_, to) = given(&export, json!({"subject": "p.x", "type": "stream", "token": ending}));
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 5);
    assert_eq!(to.sharing.imports, [Import::stream(account(FROM).public_key(), "p.x").until(end)]);
}

#[test]
fn what_there_is_not_is_named() {
    let check = |claims: Value, what: &str| assert_eq!(described(claims).unwrap_err().what, what);
    check(json!({"trace": {"dest": "t"}}), "message traces");
    check(json!({"mappings": {"a": [{"subject": "b", "cluster": "c"}]}}), "mappings of clusters");
    let export = |more: Value| {
        let mut export = json!({"subject": "s", "type": "service"});
        for (field, value) in more.as_object().unwrap() {
            export[field] = value.clone();
        }
        json!({"exports": [export]})
    };
    check(export(json!({"service_latency": {"results": "l", "sampling": 5}})), "latency measurements");
    check(export(json!({"allow_trace": true})), "message traces");
    check(export(json!({"response_type": "x"})), "response types of that name");
    check(json!({"authorization": {"auth_users": ["U"]}}), "authorization callouts of accounts");
}
