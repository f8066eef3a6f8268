//! `Nats-Request-Info`: what a service of another account learns of who asks. [nats-server: `ClientInfoHdr`, probed]

use std::time::UNIX_EPOCH;

use embus_protocol::headers::block;
use serde::{Deserialize, Serialize};

use crate::api::time::Time;
use crate::connection::Connection;
use crate::engine::Engine;

pub(super) const NAME: &str = "Nats-Request-Info";

/// In the order of nats-server; all but account and round trip only if they are shared.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct RequestInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    acc: String,
    /// The account that passed the request on.
    #[serde(skip_serializing_if = "Option::is_none")]
    svc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_type: Option<String>,
}

/// What is told of a client of `account`; everything if it is shared.
pub(super) fn of(engine: &Engine, connection: &Connection, account: &str, share: bool) -> String {
    let rtt = connection.rtt().map(|rtt| u64::try_from(rtt.as_nanos()).unwrap_or(u64::MAX));
    let acc = account.to_owned();
    let info = if share { all_of(engine, connection) } else { RequestInfo::default() };
    to_json(&RequestInfo { acc, rtt, ..info })
}

/// What is told where the broker itself passes something on.
pub(super) fn of_account(account: &str) -> String {
    to_json(&RequestInfo { acc: account.to_owned(), ..RequestInfo::default() })
}

fn all_of(engine: &Engine, connection: &Connection) -> RequestInfo {
    let identity = connection.identity();
    let start = connection.start().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    RequestInfo {
        start: Some(Time::from(i64::try_from(start).unwrap_or(i64::MAX)).to_string()),
        host: text(connection.peer().host.clone()),
        id: Some(connection.id().0),
        user: text(identity.user),
        name: text(identity.name),
        lang: text(identity.lang),
        ver: text(identity.version),
        server: Some(engine.info().server_name),
        kind: Some("Client".to_owned()),
        client_type: Some(connection.peer().kind.client_type().to_owned()),
        ..RequestInfo::default()
    }
}

/// What was told, with the account that passes it on.
pub(super) fn passed_on(headers: &[u8], account: &str) -> Option<String> {
    let info: RequestInfo = serde_json::from_slice(block::value(headers, NAME)?).ok()?;
    Some(to_json(&RequestInfo { svc: Some(account.to_owned()), ..info }))
}

fn to_json(info: &RequestInfo) -> String {
    crate::api::json::to_string(info)
}

/// The headers with this one behind them, and without what the client wrote in its place.
pub(super) fn with(headers: &[u8], info: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(headers.len() + info.len() + 32);
    let body = headers.strip_suffix(b"\r\n").unwrap_or(b"NATS/1.0\r\n");
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        // In whatever case: services may not look at it.
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let is_ours = name.trim_ascii().eq_ignore_ascii_case(NAME.as_bytes());
        if !is_ours {
            out.extend_from_slice(line);
        }
    }
    if !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    for part in [NAME, ": ", info, "\r\n\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_stands_once_and_last() {
        let check = |headers: &[u8], expected: &str| {
            assert_eq!(String::from_utf8_lossy(&with(headers, "{}")), expected);
        };
        check(b"", "NATS/1.0\r\nNats-Request-Info: {}\r\n\r\n");
        check(
            b"NATS/1.0\r\nNats-Request-Info: lie\r\nA: 1\r\nnats-request-info : lie\r\n\r\n",
            "NATS/1.0\r\nA: 1\r\nNats-Request-Info: {}\r\n\r\n",
        );
        check(
            b"NATS/1.0\r\nNats-Request-Info2: x\r\n\r\n",
            "NATS/1.0\r\nNats-Request-Info2: x\r\nNats-Request-Info: {}\r\n\r\n",
        );
        check(b"odd", "NATS/1.0\r\nNats-Request-Info: {}\r\n\r\n");
    }

    #[test]
    fn who_passes_a_request_on_is_told() {
        let headers = with(b"", r#"{"acc":"C","rtt":7}"#);
        assert_eq!(passed_on(&headers, "B").as_deref(), Some(r#"{"acc":"C","svc":"B","rtt":7}"#));
        assert_eq!(passed_on(b"", "B"), None);
    }
}
