//! JWTs for tests, made independently of the broker's own code. Keys come of names, so that they are the same in every
//! run: `@O:op` in claims is the public key of the operator `op`, `@A:shop` that of the account `shop`, `@U:ada` that of the
//! user `ada`.

use data_encoding::BASE64URL_NOPAD;
use nkeys::{KeyPair, KeyPairType};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The pair of keys with this letter and name, `A:shop`.
pub fn pair(reference: &str) -> KeyPair {
    let kind = match reference.split(':').next() {
        Some("O") => KeyPairType::Operator,
        Some("A") => KeyPairType::Account,
        Some("N") => KeyPairType::Server,
        _ => KeyPairType::User,
    };
    KeyPair::new_from_raw(kind, Sha256::digest(reference).into()).expect("any bytes are a seed")
}

/// The public key with this letter and name.
pub fn key(reference: &str) -> String {
    pair(reference).public_key()
}

/// The JWT of an operator: `{"name":"op","nats":{…}}`.
pub fn operator(fields: &Value) -> String {
    token("operator", 'O', &format!("O:{}", name(fields)), fields, Value::Null)
}

/// The JWT of an account, signed by the operator `op` unless `by` says something else. Without `limits` it has none.
pub fn account(fields: &Value) -> String {
    let limits = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1});
    token("account", 'A', "O:op", fields, json!({ "limits": limits }))
}

/// The JWT of a user of the account that `by` names, without limits unless it says `"bare":true`.
pub fn user(fields: &Value) -> String {
    let limits = json!({"subs": -1, "data": -1, "payload": -1});
    token("user", 'U', "", fields, if fields["bare"] == true { Value::Null } else { limits })
}

/// The token by which the account that `by` names lets the account `name` import something.
pub fn activation(fields: &Value) -> String {
    token("activation", 'A', "", fields, Value::Null)
}

/// A file of credentials, as clients read it.
pub fn credentials(user: &Value) -> String {
    let seed = pair(&format!("U:{}", name(user))).seed().expect("it was made of one");
    format!(
        "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n",
        self::user(user)
    )
}

/// What the user `name` signs, as CONNECT carries it.
pub fn signature(name: &str, nonce: &str) -> String {
    let signature = pair(&format!("U:{name}")).sign(nonce.as_bytes()).expect("it has a seed");
    BASE64URL_NOPAD.encode(&signature)
}

/// Signs claims as they are.
pub fn sign(claims: &Value, by: &KeyPair) -> String {
    let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", encode(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), encode(claims));
    let signature = by.sign(signed.as_bytes()).expect("it has a seed");
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}

fn token(kind: &str, letter: char, by: &str, fields: &Value, defaults: Value) -> String {
    let mut fields = fields.as_object().cloned().unwrap_or_default();
    let name = name(&Value::Object(fields.clone()));
    let by = text(&mut fields, "by").unwrap_or_else(|| by.to_owned());
    let by = pair(by.trim_start_matches('@'));
    let subject = text(&mut fields, "sub").unwrap_or_else(|| format!("@{letter}:{name}"));
    let mut nats = match defaults {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    };
    nats.extend(fields.remove("nats").and_then(|nats| nats.as_object().cloned()).unwrap_or_default());
    nats.insert("type".to_owned(), kind.into());
    nats.insert("version".to_owned(), 2.into());
    fields.remove("bare");
    let mut claims = json!({"jti": "TEST", "iat": 1_600_000_000, "iss": by.public_key(), "sub": subject, "name": name});
    for (field, value) in fields {
        claims[field] = value;
    }
    claims["nats"] = Value::Object(nats);
    sign(&resolved(claims), &by)
}

fn name(fields: &Value) -> String {
    fields["name"].as_str().unwrap_or_default().to_owned()
}

fn text(fields: &mut Map<String, Value>, field: &str) -> Option<String> {
    fields.remove(field).and_then(|value| value.as_str().map(str::to_owned))
}

/// The same with keys in place of `@A:name`, and tokens in place of `{"activation":{…}}`.
pub(crate) fn resolved(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(reference(&text)),
        Value::Array(elements) => elements.into_iter().map(resolved).collect(),
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("activation") => {
            activation(&fields["activation"]).into()
        }
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(field, value)| (reference(&field), resolved(value))).collect())
        }
        other => other,
    }
}

fn reference(text: &str) -> String {
    match text.strip_prefix('@').filter(|rest| rest.get(1..2) == Some(":")) {
        Some(rest) => key(rest),
        None => text.to_owned(),
    }
}
