//! Chains from operators to users: who comes in, as whom, and what speaks against whom.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use embus_protocol::connect::ConnectOptions;
use nkeys::{KeyPair, KeyPairType};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::authenticator::{Authenticator, Verdict};
use crate::identity::Identity;
use crate::login::{ConnectionType, Login, Refused};

/// The key of this name, the same in every run.
fn pair(kind: KeyPairType, name: u8) -> KeyPair {
    KeyPair::new_from_raw(kind, [name; 32]).unwrap()
}

fn operator() -> KeyPair {
    pair(KeyPairType::Operator, 1)
}

fn account() -> KeyPair {
    pair(KeyPairType::Account, 2)
}

fn signer() -> KeyPair {
    pair(KeyPairType::Account, 3)
}

fn scoped() -> KeyPair {
    pair(KeyPairType::Account, 4)
}

fn user() -> KeyPair {
    pair(KeyPairType::User, 5)
}

const NOW: u64 = 1_767_225_600;

fn token(kind: &str, of: &KeyPair, by: &KeyPair, mut nats: Value, outside: &Value) -> String {
    nats["type"] = kind.into();
    nats["version"] = 2.into();
    let mut claims = json!({"sub": of.public_key(), "name": "Name", "iat": NOW - 100, "nats": nats});
    for (field, value) in outside.as_object().into_iter().flatten() {
        claims[field] = value.clone();
    }
    sign(claims, by).unwrap()
}

fn unlimited(mut claims: Value) -> Value {
    for limit in ["subs", "data", "payload"] {
        claims[limit] = (-1).into();
    }
    claims
}

fn account_claims(claims: Value) -> Value {
    let mut all = claims;
    let limits = json!({"subs": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1});
    all["limits"] = if all["limits"].is_null() { limits } else { all["limits"].clone() };
    let template = json!({"pub": {"allow": ["of.{{name()}}.{{tag(t)}}"]}, "sub": {"deny": ["not.{{account-name()}}"]}});
    let scoped = json!({"kind": "user_scope", "key": scoped().public_key(), "template": template});
    all["signing_keys"] = json!([signer().public_key(), scoped]);
    all
}

fn operators_with(claims: Value, outside: &Value) -> OperatorsBuilder {
    let trusted = token("operator", &operator(), &operator(), json!({}), &json!({}));
    let vouched = token("account", &account(), &operator(), account_claims(claims), outside);
    Operators::builder().operator(trusted).account(vouched)
}

fn operators() -> Operators {
    operators_with(json!({}), &json!({})).build().unwrap()
}

fn login(jwt: &str) -> Login {
    let signature = BASE64URL_NOPAD.encode(&user().sign(b"nonce").unwrap());
    let connect = ConnectOptions { jwt: jwt.into(), sig: signature.into(), ..ConnectOptions::default() };
    Login {
        connect,
        nonce: "nonce".to_owned(),
        address: Some([127, 0, 0, 1].into()),
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
        ..Login::default()
    }
}

fn judge(operators: &Operators, login: Login) -> Result<Identity, String> {
    match operators.authenticate(login) {
        Verdict::Accepted(identity) => Ok(identity),
        Verdict::Refused(refused) => Err(refused.to_string()),
        other => panic!("{other:?}"),
    }
}

fn of_user(claims: Value) -> String {
    token("user", &user(), &account(), unlimited(claims), &json!({}))
}

#[track_caller]
fn refused(operators: &Operators, jwt: &str, reason: &str) {
    let found = judge(operators, login(jwt)).unwrap_err();
    assert!(found.contains(reason), "{found} / {reason}");
}

#[test]
fn a_user_comes_in_as_its_key_into_its_account() {
    let identity = judge(&operators(), login(&of_user(json!({})))).unwrap();
    assert_eq!(identity.user, user().public_key());
    assert_eq!(identity.account, Some(account().public_key()));
    assert_eq!((identity.max_subscriptions, identity.max_payload, identity.end()), (None, None, None));
    assert!(identity.permissions.is_none());
}

#[test]
fn what_is_left_out_of_limits_is_nothing() {
    let jwt = token("user", &user(), &account(), json!({"subs": 5}), &json!({}));
    let identity = judge(&operators(), login(&jwt)).unwrap();
    assert_eq!((identity.max_subscriptions, identity.max_payload), (Some(5), Some(0)));
}

#[test]
fn somebody_elses_jwt_is_of_no_use() {
    let signed = |by: &[u8]| {
        let other = pair(KeyPairType::User, 9);
        let signature = BASE64URL_NOPAD.encode(&other.sign(by).unwrap());
        let mut login = login(&of_user(json!({})));
        login.connect.sig = signature.into();
        login
    };
    assert_eq!(judge(&operators(), signed(b"nonce")).unwrap_err(), "signature not verified");
    let mut without = login(&of_user(json!({})));
    without.connect.sig = "".into();
    assert_eq!(judge(&operators(), without).unwrap_err(), "signature not verified");
    let mut unasked = login(&of_user(json!({})));
    unasked.nonce.clear();
    assert!(judge(&operators(), unasked).is_err());
}

#[test]
fn bearers_need_not_sign_unless_the_account_wants_it() {
    let bearer = of_user(json!({"bearer_token": true}));
    let unsigned = || {
        let mut login = login(&bearer);
        login.connect.sig = "".into();
        login
    };
    assert!(judge(&operators(), unsigned()).is_ok());
    let strict = json!({"limits": {"disallow_bearer": true, "subs": -1, "payload": -1}});
    let strict = operators_with(strict, &json!({})).build().unwrap();
    assert_eq!(judge(&strict, unsigned()).unwrap_err(), "account does not allow bearer tokens");
}

#[test]
fn the_chain_has_to_hold() {
    let all = operators();
    refused(&all, "", "requires a user JWT");
    refused(&all, "a.b", "expected 3 chunks");
    refused(&all, &token("user", &user(), &signer(), unlimited(json!({})), &json!({})), "is missing or not valid");
    let strange = json!({"issuer_account": account().public_key()});
    let stranger = pair(KeyPairType::Account, 9);
    refused(&all, &token("user", &user(), &stranger, unlimited(strange.clone()), &json!({})), "issuer is not known");
    let by_signer = token("user", &user(), &signer(), unlimited(strange), &json!({}));
    assert!(judge(&all, login(&by_signer)).is_ok());
    let jwt = of_user(json!({}));
    let (signed, _) = jwt.rsplit_once('.').unwrap();
    let (_, other) = by_signer.rsplit_once('.').unwrap();
    refused(&all, &format!("{signed}.{other}"), "signature verification");
    let untrusted =
        token("account", &account(), &pair(KeyPairType::Operator, 9), account_claims(json!({})), &json!({}));
    let trusted = token("operator", &operator(), &operator(), json!({}), &json!({}));
    let untrusted = Operators::builder().operator(trusted).account(untrusted).build().unwrap();
    assert_eq!(untrusted.unusable(), [(account().public_key(), Objection::Untrusted)]);
    refused(&untrusted, &jwt, "is missing or not valid");
}

#[test]
fn times_are_kept() {
    let all = operators();
    let at = |outside: Value| token("user", &user(), &account(), unlimited(json!({})), &outside);
    refused(&all, &at(json!({"exp": NOW - 1})), "claim is expired");
    refused(&all, &at(json!({"nbf": NOW + 1})), "claim is not yet valid");
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 10);
    assert_eq!(judge(&all, login(&at(json!({"exp": NOW + 10})))).unwrap().expires, Some(end));
    let ended = operators_with(json!({}), &json!({"exp": NOW - 1})).build().unwrap();
    refused(&ended, &of_user(json!({})), "account JWT: claim is expired");
    let ending = operators_with(json!({}), &json!({"exp": NOW + 10})).build().unwrap();
    let identity = judge(&ending, login(&of_user(json!({})))).unwrap();
    assert_eq!((identity.expires, identity.account_expires), (None, Some(end)));
}

#[test]
fn accounts_take_users_back() {
    let check = |revocations: Value, is_revoked: bool| {
        let all = operators_with(json!({"revocations": revocations}), &json!({})).build().unwrap();
        assert_eq!(judge(&all, login(&of_user(json!({})))).is_err(), is_revoked, "{revocations}");
    };
    check(json!({user().public_key(): NOW}), true);
    check(json!({user().public_key(): NOW - 101}), false);
    check(json!({"*": NOW - 100}), true);
    check(json!({pair(KeyPairType::User, 9).public_key(): NOW}), false);
}

#[test]
fn users_may_be_bound_to_places_times_and_ways() {
    let all = operators();
    refused(&all, &of_user(json!({"src": ["10.0.0.0/8"]})), "from this address");
    assert!(judge(&all, login(&of_user(json!({"src": "10.0.0.0/8, 127.0.0.0/8"})))).is_ok());
    let times = |start: &str, end: &str| json!({"times": [{"start": start, "end": end}], "times_location": "UTC"});
    refused(&all, &of_user(times("09:00:00", "17:00:00")), "outside connect times");
    let night = judge(&all, login(&of_user(times("22:00:00", "06:00:00")))).unwrap();
    assert_eq!(night.expires, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 6 * 3600)));
    let ways = |ways: &[&str]| of_user(json!({"allowed_connection_types": ways}));
    refused(&all, &ways(&["MQTT"]), "may not connect as STANDARD");
    refused(&all, &ways(&["nonsense"]), "may not connect as STANDARD");
    assert!(judge(&all, login(&ways(&["nonsense", "standard"]))).is_ok());
    let over_web = Login { connection_type: ConnectionType::WebSocket, ..login(&ways(&["WEBSOCKET"])) };
    assert!(judge(&all, over_web).is_ok());
    refused(&all, &of_user(json!({"proxy_required": true})), "trusted proxy");
}

#[test]
fn permissions_are_the_users_own_or_those_of_the_account() {
    let claims = json!({"default_permissions": {"pub": {"allow": ["d"]}}});
    let all = operators_with(claims, &json!({})).build().unwrap();
    let may = |claims: Value, subject: &str| {
        let permissions = judge(&all, login(&of_user(claims))).unwrap().permissions.unwrap();
        permissions.may_publish(subject.as_bytes())
    };
    assert!(may(json!({}), "d") && !may(json!({}), "a"));
    let own = || json!({"pub": {"allow": ["a"]}, "sub": {"deny": ["b q"]}});
    assert!(may(own(), "a") && !may(own(), "d"));
    assert!(!may(json!({"resp": {"max": 0, "ttl": 0}}), "d"));
    refused(&all, &of_user(json!({"pub": {"allow": ["a..b"]}})), "not a subject filter");
    refused(&all, &of_user(json!({"pub": {"allow": ["a q"]}})), "queue group in a publish rule");
}

#[test]
fn scoped_keys_give_what_their_template_has() {
    let all = operators();
    let by_scoped = |claims: Value| {
        let mut claims = claims;
        claims["issuer_account"] = account().public_key().into();
        token("user", &user(), &scoped(), claims, &json!({}))
    };
    let identity = judge(&all, login(&by_scoped(json!({"tags": ["t:x"]})))).unwrap();
    assert_eq!((identity.max_subscriptions, identity.max_payload), (None, None));
    let permissions = identity.permissions.unwrap();
    assert!(permissions.may_publish(b"of.Name.x") && !permissions.may_publish(b"of.Name.y"));
    assert!(!permissions.may_subscribe(b"not.Name", None) && permissions.may_subscribe(b"a", None));
    refused(&all, &by_scoped(json!({"subs": -1})), "no permissions or limits");
    refused(&all, &by_scoped(json!({"bearer_token": true})), "no permissions or limits");
}

#[test]
fn pins_and_sentinels() {
    let other = pair(KeyPairType::Account, 9).public_key();
    let pinned = operators_with(json!({}), &json!({})).pinned_account(other).build().unwrap();
    refused(&pinned, &of_user(json!({})), "not listed as operator pinned account");
    let sentinel = of_user(json!({"bearer_token": true}));
    let with_sentinel = operators_with(json!({}), &json!({})).sentinel(sentinel).build().unwrap();
    assert!(judge(&with_sentinel, login("")).is_ok());
    refused(&with_sentinel, "a.b.c", "user JWT not valid");
    let unsigned = operators_with(json!({}), &json!({})).sentinel(of_user(json!({}))).build();
    assert_eq!(unsigned.unwrap_err(), OperatorError::SentinelNotBearer);
}

#[test]
fn what_does_not_hold_together_is_refused() {
    let trusted = || token("operator", &operator(), &operator(), json!({}), &json!({}));
    let account = || token("account", &account(), &operator(), account_claims(json!({})), &json!({}));
    let check = |builder: OperatorsBuilder, text: &str| {
        let error = builder.build().map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    let build = Operators::builder;
    check(build().account(account()), "no operator is trusted");
    check(build().operator(account()), "error parsing operator JWT: not operator claim");
    check(build().operator(trusted()).trusted_key(operator().public_key()), "conflicting options");
    check(build().trusted_key(user().public_key()), "trust key");
    check(build().operator(trusted()).account(trusted()), "invalid account JWT: not account claim");
    check(build().operator(trusted()).account(account()).account(account()), "two JWTs");
    check(build().operator(trusted()).pinned_account("x"), "pinned account");
}

#[test]
fn accounts_have_no_more_than_their_operator_allows() {
    let check = |claims: Value, text: &str| {
        let all = operators_with(claims, &json!({})).build().unwrap();
        let [(_, objection)] = all.unusable() else { panic!("{text}") };
        assert!(objection.to_string().contains(text), "{objection}");
    };
    let export = json!([{"name": "e", "subject": "a.*", "type": "stream"}]);
    check(json!({"limits": {"exports": 0}, "exports": export}), "more exports than allowed");
    check(json!({"limits": {"exports": 5}, "exports": export}), "wildcard exports that are not allowed");
    let import = json!([{"name": "i", "subject": "a", "type": "stream", "account": account().public_key()}]);
    check(json!({"limits": {"imports": 0}, "imports": import}), "more imports than allowed");
    check(json!({"limits": {"mem_storage": 1, "tiered_limits": {"R1": {}}}}), "mutually exclusive");
    check(json!({"default_permissions": {"pub": {"allow": ["a..b"]}}}), "not a subject filter");
}

#[test]
fn the_server_itself_has_to_be_good_enough() {
    let with = |claims: Value| {
        let trusted = token("operator", &operator(), &operator(), claims, &json!({}));
        let account = token("account", &account(), &operator(), account_claims(json!({})), &json!({"exp": NOW}));
        Operators::builder().operator(trusted).account(account)
    };
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let system = || json!({"system_account": account().public_key()});
    let all = with(system()).build().unwrap();
    assert_eq!(all.system_account(), Some(account().public_key().as_str()));
    assert!(all.check_server("2.15.1", at(NOW)).is_ok());
    assert!(matches!(all.check_server("2.15.1", at(NOW + 1)), Err(OperatorError::SystemAccount(_))));
    let none = with(json!({"system_account": signer().public_key()})).build().unwrap();
    assert!(matches!(none.check_server("2.15.1", at(NOW)), Err(OperatorError::SystemAccount(_))));
    let other = with(system()).system_account(signer().public_key()).build();
    assert_eq!(other.unwrap_err(), OperatorError::SystemAccounts);
    let newer = with(json!({"assert_server_version": "2.16.0"})).build().unwrap();
    assert!(matches!(newer.check_server("2.15.1", at(NOW)), Err(OperatorError::Version(_))));
    let older = with(json!({"assert_server_version": "2.9.25"})).build().unwrap();
    assert!(older.check_server("2.15.1", at(NOW)).is_ok());
    let strict = with(json!({"strict_signing_key_usage": true})).build().unwrap();
    assert_eq!(strict.unusable().len(), 1);
}

#[test]
fn nulls_are_what_is_not_there() {
    let jwt = of_user(json!({"tags": null, "pub": null, "src": null, "resp": null}));
    assert!(judge(&operators(), login(&jwt)).is_ok());
    let error = decode::<User>(&of_user(json!({"tags": [null]}))).unwrap_err();
    assert!(matches!(error, JwtError::Claims(_)), "{error}");
}

#[test]
fn other_versions_and_kinds_are_refused() {
    let with = |nats: Value, outside: Value| {
        let mut claims = json!({"sub": user().public_key(), "nats": nats});
        for (field, value) in outside.as_object().into_iter().flatten() {
            claims[field] = value.clone();
        }
        decode::<User>(&sign(claims, &account()).unwrap()).unwrap_err()
    };
    assert_eq!(with(json!({"type": "user", "version": 3}), json!({})), JwtError::Version(3));
    assert_eq!(with(json!({"type": "user"}), json!({})), JwtError::Version(0));
    assert_eq!(with(json!({}), json!({"type": "user"})), JwtError::Version(1));
    assert_eq!(with(json!({"type": "account", "version": 2}), json!({})), JwtError::Kind { expected: "user" });
    let by_user = sign(json!({"sub": user().public_key(), "nats": {"type": "user", "version": 2}}), &user()).unwrap();
    assert!(matches!(decode::<User>(&by_user), Err(JwtError::Key(_))));
}

/// What is damaged, and who judges it: signatures take long without optimization.
static DAMAGED: LazyLock<(Operators, String)> =
    LazyLock::new(|| (operators(), of_user(json!({"pub": {"allow": ["a"]}}))));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Not one bit of a JWT can be changed.
    #[test]
    fn a_damaged_jwt_lets_nobody_in(place in 0usize..2000, bit in 0u8..8) {
        let (operators, jwt) = &*DAMAGED;
        let mut bytes = jwt.clone().into_bytes();
        let place = place % bytes.len();
        let before = bytes[place];
        bytes[place] ^= 1 << bit;
        // White space around it is none of it.
        prop_assume!(!bytes[place].is_ascii_whitespace());
        if let Ok(damaged) = String::from_utf8(bytes) {
            prop_assert!(judge(operators, login(&damaged)).is_err(), "{before} at {place}");
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,200}") {
        prop_assert!(decode::<User>(&text).is_err());
        prop_assert!(decode::<Account>(&text).is_err());
    }
}

#[test]
fn refusals_are_told_to_the_log_only() {
    let refused = Refused::from(Objection::Revoked);
    assert_eq!(refused, Refused::Other("user authentication revoked".to_owned()));
}
