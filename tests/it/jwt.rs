//! Users who show JWTs, with async-nats and its credentials: who comes in, and what ends them while they are there.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::{ConnectErrorKind, ConnectOptions};
use embus::auth::jwt::{Operators, OperatorsBuilder};
use embus::auth::{Account, Identity};
use embus::clock::{Clock, ManualClock};
use embus::statistics::CloseReason;
use embus_tests::jwt;
use serde_json::{Value, json};

use crate::support::{Raw, connect_with, eventually, listening, next, run, subscribe, within};

/// Operators with the account of the server and these.
fn operators(accounts: &[Value]) -> OperatorsBuilder {
    let operator = json!({"name": "op", "nats": {"system_account": "@A:sys"}});
    let builder = Operators::builder().operator(jwt::operator(&operator));
    let builder = builder.account(jwt::account(&json!({"name": "sys"})));
    accounts.iter().map(jwt::account).fold(builder, OperatorsBuilder::account)
}

async fn start(accounts: &[Value]) -> embus::Broker {
    listening().operators(operators(accounts).build().unwrap()).start().await.unwrap()
}

fn credentials(user: &Value) -> ConnectOptions {
    ConnectOptions::with_credentials(&jwt::credentials(user)).unwrap()
}

async fn refused(broker: &embus::Broker, user: &Value) {
    let error = credentials(user).connect(broker.client_url().unwrap()).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::AuthorizationViolation, "{error:?}");
}

fn shop() -> Value {
    json!({"name": "shop"})
}

fn ada() -> Value {
    json!({"name": "ada", "by": "A:shop"})
}

#[test]
fn credentials_of_official_clients() {
    run(async {
        let broker = start(&[shop()]).await;
        let client = connect_with(&broker, credentials(&ada())).await;
        let mut subscriber = subscribe(&broker, &client, "echo").await;
        client.publish("echo", "hi".into()).await.unwrap();
        assert_eq!(next(&mut subscriber).await.payload, "hi");
        let row = &broker.connections()[0];
        assert_eq!(
            (row.user.as_str(), row.account.as_str()),
            (jwt::key("U:ada").as_str(), jwt::key("A:shop").as_str())
        );
        refused(&broker, &json!({"name": "ada", "by": "A:other"})).await;
        refused(&broker, &json!({"name": "ada", "by": "A:shop", "exp": 1_600_000_001})).await;
        let revoked = start(&[json!({"name": "shop", "nats": {"revocations": {"@U:ada": 1_600_000_000}}})]).await;
        refused(&revoked, &ada()).await;
        connect_with(&revoked, credentials(&json!({"name": "bob", "by": "A:shop"}))).await;
    });
}

#[test]
fn accounts_are_apart_and_have_streams_of_their_own() {
    run(async {
        let with_streams = json!({"subs": -1, "payload": -1, "conn": -1, "mem_storage": -1, "disk_storage": -1});
        let broker = start(&[json!({"name": "shop", "nats": {"limits": with_streams}}), json!({"name": "site"})]).await;
        let shop = connect_with(&broker, credentials(&ada())).await;
        let site = connect_with(&broker, credentials(&json!({"name": "bob", "by": "A:site"}))).await;
        let context = async_nats::jetstream::new(shop);
        context.create_stream(stream("ORDERS")).await.unwrap();
        assert!(async_nats::jetstream::new(site).get_stream("ORDERS").await.is_err());
        let local = broker.client_with(&Identity::new("program").in_account(jwt::key("A:shop"))).unwrap();
        assert!(embus::jetstream::new(local).get_stream("ORDERS").await.is_ok());
    });
}

fn stream(name: &str) -> async_nats::jetstream::stream::Config {
    async_nats::jetstream::stream::Config { name: name.to_owned(), ..Default::default() }
}

fn seconds(clock: &ManualClock, later: u64) -> u64 {
    clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + later
}

async fn cut(accounts: &[Value], user: Value, clock: &ManualClock, text: &str) {
    let builder = listening().operators(operators(accounts).build().unwrap()).clock(Arc::new(clock.clone()));
    let broker = builder.ping_interval(Duration::from_secs(360_000)).start().await.unwrap();
    let mut raw = Raw::connect(&broker).await;
    let connect = json!({"verbose": false, "jwt": jwt::user(&user)});
    raw.send(&format!("CONNECT {connect}\r\n")).await;
    assert_eq!(raw.fence().await, "");
    clock.advance(Duration::from_secs(3595));
    assert_eq!(raw.fence().await, "");
    clock.advance(Duration::from_secs(6));
    assert_eq!(within("the end", raw.rest()).await, format!("-ERR '{text}'\r\n"));
    eventually("it is gone", || broker.connections().is_empty()).await;
    assert_eq!(broker.closed_connections()[0].reason, Some(CloseReason::AuthenticationExpired));
}

#[test]
fn a_user_whose_time_ends_is_cut() {
    run(async {
        let clock = ManualClock::new();
        let exp = seconds(&clock, 3600);
        let user = json!({"name": "ada", "by": "A:shop", "exp": exp, "nats": {"bearer_token": true}});
        cut(&[shop()], user, &clock, "User Authentication Expired").await;
    });
}

#[test]
fn and_so_are_all_of_an_account() {
    run(async {
        let clock = ManualClock::new();
        let account = json!({"name": "shop", "exp": seconds(&clock, 3600)});
        let user = json!({"name": "ada", "by": "A:shop", "nats": {"bearer_token": true}});
        cut(&[account], user, &clock, "Account Authentication Expired").await;
    });
}

/// What was given for a time passes up to then.
#[test]
fn an_import_ends_with_its_token() {
    run(async {
        let clock = ManualClock::new();
        let token = json!({"activation": {
            "name": "site", "by": "A:shop", "exp": seconds(&clock, 60), "nats": {"subject": "news", "kind": "stream"},
        }});
        let export = json!([{"name": "n", "subject": "news", "type": "stream", "token_req": true}]);
        let import = json!([{"name": "n", "subject": "news", "type": "stream", "account": "@A:shop", "token": token}]);
        let accounts = [
            json!({"name": "shop", "nats": {"exports": export}}),
            json!({"name": "site", "nats": {"imports": import}}),
        ];
        let builder = listening().operators(operators(&accounts).build().unwrap()).clock(Arc::new(clock.clone()));
        let broker = builder.start().await.unwrap();
        let client =
            |account: &str| broker.client_with(&Identity::new("program").in_account(jwt::key(account))).unwrap();
        let (shop, site) = (client("A:shop"), client("A:site"));
        let mut news = site.subscribe("news").await.unwrap();
        let mut all = site.subscribe("all").await.unwrap();
        shop.publish("news", "1".into()).await.unwrap();
        assert_eq!(next(&mut news).await.payload, "1");
        clock.advance(Duration::from_secs(61));
        shop.publish("news", "2".into()).await.unwrap();
        site.publish("all", "end".into()).await.unwrap();
        next(&mut all).await;
        site.publish("news", "own".into()).await.unwrap();
        assert_eq!(next(&mut news).await.payload, "own");
    });
}

#[test]
fn nothing_is_declared_beside_operators() {
    run(async {
        let with = |builder: embus::Builder| builder.operators(operators(&[shop()]).build().unwrap());
        let traced = json!({"name": "shop", "nats": {"trace": {"dest": "t"}}});
        let newer = jwt::operator(&json!({"name": "op", "nats": {"assert_server_version": "99.0.0"}}));
        let missing = jwt::operator(&json!({"name": "op", "nats": {"system_account": "@A:none"}}));
        let built = |operator: String| listening().operators(Operators::builder().operator(operator).build().unwrap());
        for (builder, text) in [
            (with(listening().token("t")), "operators do not allow users"),
            (with(listening().account(Account::new("A"))), "operators do not allow Accounts"),
            (with(listening().system_account("A")), "must be identical"),
            (listening().operators(operators(&[traced]).build().unwrap()), "message traces are not supported"),
            (built(newer), "version 99.0.0 at least"),
            (built(missing), "error resolving system account"),
        ] {
            let error = builder.start().await.unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    });
}

/// Strangers cost what they send, and all who are refused learn the same.
#[test]
fn hostile_jwts() {
    run(async {
        let broker = start(&[shop()]).await;
        let good = jwt::user(&json!({"name": "ada", "by": "A:shop", "nats": {"bearer_token": true}}));
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let hostile = [
            String::new(),
            ".".repeat(3000),
            "..".to_owned(),
            format!("{header}.{claims}."),
            format!("{header}..{signature}"),
            format!(".{claims}.{signature}"),
            format!("{signed}.{signature}.{signature}"),
            format!("{signed}.{}", &signature[1..]),
            jwt::sign(&json!([]), &jwt::pair("A:shop")),
            jwt::sign(&json!({"iss": "A", "sub": "U", "nats": {"type": "user", "version": 2}}), &jwt::pair("A:shop")),
            jwt::account(&shop()),
        ];
        for jwt in hostile {
            let mut raw = Raw::connect(&broker).await;
            raw.send(&format!("CONNECT {}\r\n", json!({"verbose": false, "jwt": jwt, "sig": "AAAA"}))).await;
            assert_eq!(raw.rest().await, "-ERR 'Authorization Violation'\r\n", "{jwt}");
        }
        connect_with(&broker, credentials(&ada())).await;
    });
}
