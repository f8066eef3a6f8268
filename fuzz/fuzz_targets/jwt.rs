//! Any bytes as a JWT, and any JSON as the claims of an account and of a user that are signed well: no panic, and who is let
//! in is the user of the JWT, in the account that vouches for it.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use embus_auth::jwt::{Account, Activation, Operator, Operators, User, decode, sign};
use embus_auth::{Authenticator, Login, Verdict};
use libfuzzer_sys::fuzz_target;
use nkeys::{KeyPair, KeyPairType};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = (decode::<User>(&text).is_ok(), decode::<Operator>(&text).is_ok(), decode::<Activation>(&text).is_ok());
    let _ = decode::<Account>(&text).is_ok();
    let mut lines = text.splitn(2, '\n').map(|line| serde_json::from_str(line).unwrap_or_default());
    let (account, user) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let account = signed("account", account, &KEYS.account, &KEYS.operator);
    let Ok(operators) = Operators::builder().trusted_key(KEYS.operator.public_key()).account(account).build() else {
        return;
    };
    let user = signed("user", user, &KEYS.user, &KEYS.account);
    if let Verdict::Accepted(identity) = operators.authenticate(login(&user)) {
        assert_eq!((identity.user, identity.account), (KEYS.user.public_key(), Some(KEYS.account.public_key())));
    }
});

struct Keys {
    operator: KeyPair,
    account: KeyPair,
    user: KeyPair,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let pair = |kind, seed| KeyPair::new_from_raw(kind, [seed; 32]).expect("any bytes are a seed");
    let (operator, account) = (pair(KeyPairType::Operator, 1), pair(KeyPairType::Account, 2));
    Keys { operator, account, user: pair(KeyPairType::User, 3) }
});

/// The claims with what makes them claims of this kind.
fn signed(kind: &str, nats: Value, of: &KeyPair, by: &KeyPair) -> String {
    let mut nats = if nats.is_object() { nats } else { Value::Object(serde_json::Map::new()) };
    (nats["type"], nats["version"]) = (kind.into(), 2.into());
    let claims = serde_json::json!({"sub": of.public_key(), "name": "name", "iat": 1, "nats": nats});
    sign(claims, by).expect("it has a seed")
}

fn login(jwt: &str) -> Login {
    let mut login = Login { nonce: "nonce".to_owned(), address: Some([127, 0, 0, 1].into()), ..Login::default() };
    login.connect.jwt = jwt.into();
    let signature = KEYS.user.sign(b"nonce").expect("it has a seed");
    login.connect.sig = BASE64URL_NOPAD.encode(&signature).into();
    login.now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    login
}
