//! A client of a scene as the service that decides who users are: it answers the question that came to it.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::jwt;

/// A question as it came: where its answer goes, and the JWT.
pub(super) struct Question {
    pub(super) reply: String,
    pub(super) jwt: String,
}

/// The question that the bytes begin with, and how many bytes it has; nothing while it is not all there.
///
/// # Errors
/// The bytes begin with something else.
pub(super) fn question(received: &[u8]) -> Result<Option<(Question, usize)>, ()> {
    let Some(line_end) = received.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let line = String::from_utf8_lossy(&received[..line_end]).into_owned();
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["MSG", "$SYS.REQ.USER.AUTH", _, reply, length] = words.as_slice() else { return Err(()) };
    let length: usize = length.parse().map_err(|_| ())?;
    let (start, end) = (line_end + 2, line_end + 2 + length);
    let Some(payload) = received.get(start..end).filter(|_| received.len() >= end + 2) else { return Ok(None) };
    let jwt = String::from_utf8_lossy(payload).into_owned();
    Ok(Some((Question { reply: (*reply).to_owned(), jwt }, end + 2)))
}

/// What the service publishes: what `raw` says, or a JWT by `by` with the user `user` or an `error`. Audience and subject are
/// those that the question asks for, unless `aud` and `sub` say something else.
pub(super) fn answer(question: &Question, fields: &Value) -> Vec<u8> {
    let payload = fields["raw"].as_str().map_or_else(|| response(question, fields), str::to_owned);
    let length = payload.len();
    format!("PUB {} {length}\r\n{payload}\r\n", question.reply).into_bytes()
}

fn response(question: &Question, fields: &Value) -> String {
    let claims = claims(&question.jwt);
    let (server, user) = (&claims["nats"]["server_id"]["id"], &claims["nats"]["user_nkey"]);
    let by = fields["by"].as_str().unwrap_or("A:issuer");
    let mut nats = json!({"type": "authorization_response", "version": 2});
    if let Some(error) = fields.get("error") {
        nats["error"] = error.clone();
    }
    if let Some(named) = fields.get("user") {
        nats["jwt"] = of_user(named, by, user).into();
    }
    let or = |field: &str, default: &Value| match fields[field].as_str() {
        Some(reference) => jwt::key(reference).into(),
        None => default.clone(),
    };
    let (subject, audience) = (or("sub", user), or("aud", server));
    let claims = json!({"iss": jwt::key(by), "sub": subject, "aud": audience, "iat": 1_600_000_000, "nats": nats});
    jwt::sign(&claims, &jwt::pair(by))
}

fn of_user(named: &Value, by: &str, user: &Value) -> String {
    let mut named = named.clone();
    for (field, default) in [("by", Value::from(by)), ("sub", user.clone())] {
        if named.get(field).is_none() {
            named[field] = default;
        }
    }
    jwt::user(&named)
}

fn claims(jwt: &str) -> Value {
    let claims = jwt.split('.').nth(1).and_then(|claims| BASE64URL_NOPAD.decode(claims.as_bytes()).ok());
    claims.and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or_default()
}
