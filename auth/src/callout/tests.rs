//! Questions, and answers that are none.

use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use embus_protocol::connect::ConnectOptions;
use nkeys::{KeyPair, KeyPairType, XKey};
use serde_json::{Value, json};

use super::*;
use crate::identity::Identity;
use crate::jwt::sign;
use crate::login::{ConnectionType, Login, LoginTls};

const NOW: u64 = 1_767_225_600;

fn pair(kind: KeyPairType, name: u8) -> KeyPair {
    KeyPair::new_from_raw(kind, [name; 32]).unwrap()
}

fn issuer() -> KeyPair {
    pair(KeyPairType::Account, 1)
}

fn server() -> KeyPair {
    pair(KeyPairType::Server, 2)
}

fn rules() -> AuthCallout {
    AuthCallout::new(issuer().public_key()).in_account("AUTH").user("auth")
}

fn asker(rules: AuthCallout) -> Asker {
    Asker::new(rules, server(), Duration::from_secs(2)).unwrap()
}

fn login() -> Login {
    let connect = ConnectOptions { user: "u".to_owned(), pass: "p".into(), protocol: 1, ..ConnectOptions::default() };
    Login {
        connect,
        nonce: "nonce".to_owned(),
        address: Some([127, 0, 0, 1].into()),
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
        client_id: 7,
        ..Login::default()
    }
}

fn claims(jwt: &[u8]) -> Value {
    let claims = jwt.split(|byte| *byte == b'.').nth(1).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(claims).unwrap()).unwrap()
}

fn ask(asker: &Asker) -> Question {
    asker.ask(&login(), &Server { name: "here".to_owned(), ..Server::default() }).unwrap()
}

/// An answer to a question: what is changed in the user's claims, in those of the answer, and who signs both.
fn answer(question: &Question, user: Value, outside: Value, by: &KeyPair) -> Vec<u8> {
    let mut claims = json!({"sub": question.user, "name": "bob", "aud": "APP", "nats": {"type": "user", "version": 2}});
    merge(&mut claims, user);
    let user = sign(claims, by).unwrap();
    let mut claims = json!({
        "sub": question.user, "aud": server().public_key(),
        "nats": {"type": "authorization_response", "version": 2, "jwt": user},
    });
    merge(&mut claims, outside);
    sign(claims, by).unwrap().into_bytes()
}

fn merge(into: &mut Value, from: Value) {
    match from {
        Value::Object(fields) => fields.into_iter().for_each(|(name, field)| merge(&mut into[name], field)),
        other => *into = other,
    }
}

fn read(user: Value, outside: Value) -> Result<Identity, String> {
    let asker = asker(rules());
    let question = ask(&asker);
    let answer = answer(&question, user, outside, &issuer());
    asker.read(&question, &answer, &login()).map_err(|objection| objection.to_string())
}

#[test]
fn a_question_tells_of_the_client() {
    let request = claims(&ask(&asker(rules())).payload);
    let expected = json!({"host": "127.0.0.1", "id": 7, "user": "u", "kind": "Client", "type": "nats"});
    assert_eq!(request["nats"]["client_info"], expected);
    assert_eq!(request["nats"]["connect_opts"], json!({"user": "u", "pass": "p", "protocol": 1}));
    assert_eq!(request["nats"]["server_id"], json!({"name": "here", "id": server().public_key()}));
    assert_eq!((&request["iat"], &request["exp"]), (&json!(NOW), &json!(NOW + 2)));
    assert!(request["nats"].get("client_tls").is_none());
}

#[test]
fn of_how_it_came_and_what_it_signed() {
    let tls = LoginTls { version: "1.3".to_owned(), cipher_suite: "TLS_AES_128_GCM_SHA256".to_owned() };
    let mut login = Login { connection_type: ConnectionType::WebSocket, tls: Some(tls), ..login() };
    login.connect.sig = "c2ln".into();
    let request = claims(&asker(rules()).ask(&login, &Server::default()).unwrap().payload);
    assert_eq!(request["nats"]["client_info"]["type"], "websocket");
    assert_eq!(request["nats"]["client_info"]["nonce"], "nonce");
    assert_eq!(request["nats"]["client_tls"], json!({"version": "1.3", "cipher": "TLS_AES_128_GCM_SHA256"}));
}

#[test]
fn an_answer_makes_an_identity() {
    let identity = read(json!({}), json!({})).unwrap();
    assert_eq!((identity.user.as_str(), identity.account.as_deref()), ("bob", Some("APP")));
    assert_eq!((identity.max_subscriptions, identity.max_payload), (None, None));
    let bounded = json!({"exp": NOW + 10, "nats": {"subs": 1, "payload": 2, "pub": {"allow": ["a"]}}});
    let identity = read(bounded, json!({})).unwrap();
    assert_eq!((identity.max_subscriptions, identity.max_payload), (Some(1), Some(2)));
    assert_eq!(identity.end(), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 10)));
    assert!(!identity.permissions.unwrap().may_publish(b"b"));
    assert_eq!(read(json!({"name": ""}), json!({})).unwrap().user, "u");
}

#[test]
fn answers_that_are_none() {
    let check = |user: Value, outside: Value, text: &str| {
        let found = read(user, outside).unwrap_err();
        assert!(found.contains(text), "{found} / {text}");
    };
    let other = || pair(KeyPairType::User, 9).public_key();
    check(json!({}), json!({"sub": other()}), "not for expected user");
    check(json!({"sub": other()}), json!({}), "of another user");
    check(json!({}), json!({"aud": "N"}), "not for server");
    check(json!({}), json!({"exp": NOW - 1}), "claim is expired");
    check(json!({}), json!({"nats": {"error": "no", "jwt": ""}}), "returned an error: no");
    check(json!({}), json!({"nats": {"error": "no"}}), "returned an error: no");
    check(json!({}), json!({"nats": {"jwt": ""}}), "error or JWT");
    check(json!({}), json!({"nats": {"issuer_account": "A"}}), "signing key is unknown");
    check(json!({"aud": ""}), json!({}), "is missing");
    check(json!({"exp": NOW - 1}), json!({}), "claim is expired");
    check(json!({"nats": {"issuer_account": "A"}}), json!({}), "wrong issuer");
    check(json!({"nats": {"src": ["10.0.0.0/8"]}}), json!({}), "from this address");
    check(json!({"nats": {"allowed_connection_types": ["WEBSOCKET"]}}), json!({}), "may not connect");
    check(json!({"nats": {"pub": {"allow": ["a..b"]}}}), json!({}), "not a subject filter");
}

#[test]
fn others_cannot_answer() {
    let asker = asker(rules());
    let question = ask(&asker);
    let by_other = answer(&question, json!({}), json!({}), &pair(KeyPairType::Account, 9));
    assert!(asker.read(&question, &by_other, &login()).is_err());
    let mut outer = claims(&by_other);
    outer["nats"]["jwt"] = claims(&by_other)["nats"]["jwt"].clone();
    let signed = sign(outer, &issuer()).unwrap();
    let found = asker.read(&question, signed.as_bytes(), &login()).unwrap_err().to_string();
    assert!(found.contains("wrong issuer"), "{found}");
    for garbage in [&b""[..], b"garbage", b"eyJ", &[0xff; 100]] {
        assert!(asker.read(&question, garbage, &login()).is_err());
    }
    let earlier = ask(&asker);
    let answer = answer(&earlier, json!({}), json!({}), &issuer());
    assert!(asker.read(&question, &answer, &login()).is_err(), "an answer is for one question");
}

#[test]
fn users_in_the_account_of_the_service_cannot_ask() {
    let identity = read(json!({"aud": "AUTH"}), json!({})).unwrap();
    let permissions = identity.permissions.unwrap();
    assert!(!permissions.may_publish(CALLOUT_SUBJECT.as_bytes()) && permissions.may_publish(b"a"));
    let guarded = asker(rules()).guarded(Identity::new("auth").in_account("AUTH")).unwrap();
    assert!(!guarded.permissions.unwrap().may_publish(CALLOUT_SUBJECT.as_bytes()));
    let other = asker(rules()).guarded(Identity::new("other").in_account("APP")).unwrap();
    assert!(other.permissions.is_none());
}

#[test]
fn both_sides_may_encrypt() {
    let service = XKey::new();
    let asker = asker(rules().encrypted_for(service.public_key()));
    let question = ask(&asker);
    let own = XKey::from_public_key(question.xkey.as_ref().unwrap()).unwrap();
    let request = service.open(&question.payload, &own).unwrap();
    assert_eq!(claims(&request)["nats"]["server_id"]["xkey"], question.xkey.clone().unwrap());
    let open = answer(&question, json!({}), json!({}), &issuer());
    let sealed = service.seal(&open, &own).unwrap();
    assert_ne!(sealed, service.seal(&open, &own).unwrap(), "no two are the same");
    assert!(asker.read(&question, &sealed, &login()).is_ok());
    assert!(asker.read(&question, &open, &login()).is_ok());
    let by_other = XKey::new().seal(&open, &own).unwrap();
    assert!(asker.read(&question, &by_other, &login()).is_err());
    assert!(asker.read(&question, &sealed[..sealed.len() - 1], &login()).is_err());
}

#[test]
fn the_service_is_known_by_its_name_or_key() {
    let asker = asker(rules().user("UKEY"));
    let mut login = login();
    assert!(!asker.is_service(&login));
    login.connect.user = "auth".to_owned();
    assert!(asker.is_service(&login));
    login.connect.nkey = "UOTHER".into();
    assert!(!asker.is_service(&login));
    login.connect.nkey = "UKEY".into();
    assert!(asker.is_service(&login));
}
