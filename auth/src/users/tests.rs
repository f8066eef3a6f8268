use super::*;
use crate::rules::{PermissionRules, SubjectRules};
use data_encoding::BASE64URL_NOPAD;

fn login(fill: impl FnOnce(&mut ConnectOptions)) -> Login {
    let mut connect = ConnectOptions::default();
    fill(&mut connect);
    Login {
        connect,
        nonce: "nonce".to_owned(),
        address: None,
        connection_type: ConnectionType::Standard,
        ..Login::default()
    }
}

fn with_password(user: &str, pass: &str) -> Login {
    login(|connect| (connect.user, connect.pass) = (user.to_owned(), pass.into()))
}

fn judge(users: &Users, login: Login) -> Result<Identity, Refused> {
    match users.authenticate(login) {
        Verdict::Accepted(identity) => Ok(identity),
        Verdict::Refused(refused) => Err(refused),
        Verdict::Blocking(work) => work(),
        Verdict::Later(_) => unreachable!("a list needs nobody else"),
    }
}

#[track_caller]
fn check(users: &Users, login: Login, expected: Option<&str>) {
    let name = judge(users, login).map(|identity| identity.user);
    assert_eq!(name.as_deref().ok(), expected, "{name:?}");
}

fn two() -> UsersBuilder {
    let permissions = PermissionRules { publish: SubjectRules::allow(["a"]), ..PermissionRules::default() };
    let alice = User::new(Credential::password("alice", "secret"))
        .in_account("A")
        .with_permissions(Permissions::new(permissions).unwrap());
    Users::builder().user(alice).user(User::new(Credential::password("bob", "other")))
}

#[test]
fn a_name_and_its_password_let_in() {
    let users = two().build().unwrap();
    check(&users, with_password("alice", "secret"), Some("alice"));
    check(&users, with_password("bob", "other"), Some("bob"));
    for (user, pass) in [("alice", "other"), ("alice", ""), ("", "secret"), ("carol", "secret"), ("ALICE", "secret")] {
        check(&users, with_password(user, pass), None);
    }
    check(&users, login(|_| {}), None);
    check(&users, login(|connect| connect.auth_token = "secret".into()), None);
}

#[test]
fn a_user_brings_its_account_and_rights() {
    let identity = judge(&two().build().unwrap(), with_password("alice", "secret")).unwrap();
    assert_eq!(identity.account.as_deref(), Some("A"));
    let permissions = identity.permissions.unwrap();
    assert!(permissions.may_publish(b"a") && !permissions.may_publish(b"b"));
}

#[test]
fn hashes_are_compared_on_a_thread_that_may_block() {
    let hash = bcrypt::hash("secret", 4).unwrap();
    let users = Users::builder().user(User::new(Credential::password("alice", hash))).build().unwrap();
    for user in ["alice", "nobody"] {
        let verdict = users.authenticate(with_password(user, "secret"));
        assert!(matches!(verdict, Verdict::Blocking(_)), "{user} can be told by time");
    }
    check(&users, with_password("alice", "secret"), Some("alice"));
    check(&users, with_password("nobody", "secret"), None);
}

#[test]
fn a_token_lets_in() {
    let users = Users::builder().user(User::new(Credential::token("t0ken"))).build().unwrap();
    check(&users, login(|connect| connect.auth_token = "t0ken".into()), Some(""));
    check(&users, login(|connect| connect.auth_token = "token".into()), None);
    check(&users, with_password("t0ken", "t0ken"), None);
    check(&users, login(|_| {}), None);
}

#[test]
fn an_nkey_signs_the_nonce_of_its_connection() {
    let pair = KeyPair::new_user();
    let users = Users::builder().user(User::new(Credential::Nkey(pair.public_key()))).build().unwrap();
    let signed = |signature: &[u8], key: &str| {
        let signature = BASE64URL_NOPAD.encode(signature);
        login(|connect| (connect.nkey, connect.sig) = (key.into(), signature.into()))
    };
    let (key, good) = (pair.public_key(), pair.sign(b"nonce").unwrap());
    check(&users, signed(&good, &key), Some(&key));
    check(&users, signed(&pair.sign(b"another").unwrap(), &key), None);
    check(&users, signed(&good[..10], &key), None);
    check(&users, signed(b"", &key), None);
    let stranger = KeyPair::new_user();
    check(&users, signed(&stranger.sign(b"nonce").unwrap(), &key), None);
    check(&users, signed(&stranger.sign(b"nonce").unwrap(), &stranger.public_key()), None);
    let unsigned = Login { nonce: String::new(), ..signed(&pair.sign(b"").unwrap(), &key) };
    check(&users, unsigned, None);
}

#[test]
fn who_brings_nothing_is_the_no_auth_user() {
    let users = two().no_auth_user("bob").build().unwrap();
    assert!(users.allows_anonymous());
    check(&users, login(|_| {}), Some("bob"));
    check(&users, with_password("bob", ""), None);
    check(&users, login(|connect| connect.auth_token = "x".into()), None);
    check(&users, login(|connect| connect.sig = "x".into()), None);
}

#[test]
fn a_user_may_be_bound_to_a_way_to_connect() {
    let bound = User::new(Credential::password("ws", "secret")).connecting_as([ConnectionType::WebSocket]);
    let users = Users::builder().user(bound).build().unwrap();
    let refused = judge(&users, with_password("ws", "secret")).unwrap_err();
    assert_eq!(refused, Refused::ConnectionType(ConnectionType::Standard));
    let over_ws = Login { connection_type: ConnectionType::WebSocket, ..with_password("ws", "secret") };
    check(&users, over_ws, Some("ws"));
    assert!(users.identity("ws").is_err());
}

#[test]
fn lists_that_cannot_be_are_refused() {
    let build = |credentials: Vec<Credential>| {
        let users = credentials.into_iter().map(User::new);
        users.fold(Users::builder(), UsersBuilder::user).build().unwrap_err()
    };
    let twice = vec![Credential::password("a", "x"), Credential::password("a", "y")];
    assert_eq!(build(twice), UserError::Duplicate("a".to_owned()));
    assert_eq!(build(vec![Credential::password("", "x")]), UserError::NoName);
    assert_eq!(build(vec![Credential::password("a", "")]), UserError::NoPassword("a".to_owned()));
    assert_eq!(build(vec![Credential::token("")]), UserError::NoPassword(String::new()));
    assert_eq!(build(vec![Credential::token("a"), Credential::token("b")]), UserError::Tokens);
    for key in ["UABC", "", &KeyPair::new_account().public_key(), &KeyPair::new_user().seed().unwrap()] {
        assert_eq!(build(vec![Credential::Nkey(key.to_owned())]), UserError::Nkey(key.to_owned()));
    }
    assert_eq!(two().no_auth_user("carol").build().unwrap_err(), UserError::NoAuthUser("carol".to_owned()));
}

/// Else a quick refusal would tell that there is such a user.
#[test]
fn refusals_take_the_same_work_where_passwords_are_of_both_kinds() {
    let hash = bcrypt::hash("hashed", 4).unwrap();
    let users = two().user(User::new(Credential::password("carol", hash))).build().unwrap();
    let is_blocking = |user, pass| matches!(users.authenticate(with_password(user, pass)), Verdict::Blocking(_));
    assert!(["alice", "carol", "nobody"].iter().all(|user| is_blocking(user, "wrong")));
    assert!(!is_blocking("alice", "secret"));
    check(&users, with_password("alice", "wrong"), None);
    check(&users, with_password("carol", "hashed"), Some("carol"));
}

#[test]
fn clients_without_credentials_may_be_in_the_global_account() {
    let users = two().allow_anonymous().build().unwrap();
    assert!(users.allows_anonymous());
    let identity = judge(&users, login(|_| {})).unwrap();
    assert_eq!((identity.user.as_str(), identity.account), ("", None));
    check(&users, with_password("alice", "other"), None);
}

fn with_certificate(certificate: Option<Certificate>) -> Login {
    Login { certificate: certificate.map(Arc::new), is_mapped: true, ..Login::default() }
}

#[test]
fn who_shows_a_certificate_is_the_first_user_that_it_names() {
    let names = ["mail@a", "dns.a", "spiffe://a", "CN=meter,O=Plant"];
    let users = names.iter().map(|name| User::new(Credential::certificate(*name)));
    let users = users.fold(Users::builder(), UsersBuilder::user).build().unwrap();
    let subject = |text| Certificate::new(DistinguishedName::parse(text).unwrap());
    let all = Certificate {
        emails: vec!["other@a".into(), "mail@a".into()],
        dns_names: vec!["dns.a".into()],
        uris: vec!["spiffe://a".into()],
        ..subject("CN=meter,O=Plant")
    };
    check(&users, with_certificate(Some(all.clone())), Some("mail@a"));
    let fewer = Certificate { emails: Vec::new(), ..all };
    check(&users, with_certificate(Some(fewer.clone())), Some("dns.a"));
    let fewer = Certificate { dns_names: Vec::new(), ..fewer };
    check(&users, with_certificate(Some(fewer)), Some("spiffe://a"));
    check(&users, with_certificate(Some(subject("O=Plant,CN=meter"))), Some("CN=meter,O=Plant"));
    check(&users, with_certificate(Some(subject("CN=meter"))), None);
    check(&users, with_certificate(Some(subject("CN=meter,O=Plant,OU=x"))), None);
    check(&users, with_certificate(None), None);
}

#[test]
fn a_certificate_does_not_go_instead_of_a_password() {
    let users = two().user(User::new(Credential::certificate("cert"))).no_auth_user("bob").build().unwrap();
    let named = |name: &str| Certificate { emails: vec![name.into()], ..Certificate::default() };
    let knowing = |name: &str, pass: &str| {
        let connect = ConnectOptions { pass: pass.into(), ..ConnectOptions::default() };
        Login { connect, ..with_certificate(Some(named(name))) }
    };
    check(&users, knowing("bob", ""), None);
    check(&users, with_certificate(None), None);
    check(&users, knowing("cert", ""), Some("cert"));
    // Without a certificate nobody is that user, whatever password they know.
    for (user, pass) in [("cert", ""), ("cert", "secret"), ("cert", "builder")] {
        check(&users, with_password(user, pass), None);
    }
}
