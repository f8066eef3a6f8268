//! Every operation of a client and every frame to it as a line, for people who look for faults. [nats-server: `trace`]
//!
//! Off unless the program asks for it, as the lines show what messages say. They go through `tracing` at the level `TRACE`
//! under a target of their own; passwords, tokens and signatures are never in them.

use std::fmt::Write;

use embus_protocol::decode::{Op, Publish};
use embus_protocol::quoted::Quoted;

use crate::chunks::Chunks;
use crate::connection::{Connection, ConnectionKind};
use crate::sync::Arc;

/// The target of the lines.
pub const TARGET: &str = "embus::protocol";

/// What is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceOptions {
    /// Bytes of a payload that a line shows at most; all of it without.
    pub max_payload: Option<usize>,
    /// Whether clients of the system account are told of, too.
    pub system_account: bool,
}

/// The lines of one client.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// Who it is, as every line begins.
    label: Arc<str>,
    options: TraceOptions,
}

impl Trace {
    /// Those of `connection`, as it is known now.
    pub(crate) fn of(connection: &Connection, options: TraceOptions) -> Self {
        Self { label: label(connection).into(), options }
    }

    /// An operation came in.
    pub(crate) fn input(&self, op: &Op<'_>) {
        let line = match op {
            Op::Publish(publish) => return self.published(publish),
            Op::Subscribe { subject, queue: None, sid } => format!("SUB {} {}", text(subject), text(sid)),
            Op::Subscribe { subject, queue: Some(queue), sid } => {
                format!("SUB {} {} {}", text(subject), text(queue), text(sid))
            }
            Op::Unsubscribe { sid, max: None } => format!("UNSUB {}", text(sid)),
            Op::Unsubscribe { sid, max: Some(max) } => format!("UNSUB {} {max}", text(sid)),
            Op::Connect(json) => format!("CONNECT {}", redacted(json)),
            Op::Ping => "PING".to_owned(),
            Op::Pong => "PONG".to_owned(),
            Op::Ok => "OK".to_owned(),
            Op::Err(text_of) => format!("-ERR {}", text(text_of)),
            Op::Info(json) => format!("INFO {}", text(json)),
        };
        self.write("<<-", &line);
    }

    fn published(&self, Publish { subject, reply, header_len, total_len, body, .. }: &Publish<'_>) {
        let mut line = format!("{} {}", if header_len.is_some() { "HPUB" } else { "PUB" }, text(subject));
        // Writing to a string does not fail.
        let _ = match reply {
            Some(reply) => write!(line, " {}", text(reply)),
            None => Ok(()),
        };
        let _ = match header_len {
            Some(headers) => write!(line, " {headers} {total_len}"),
            None => write!(line, " {total_len}"),
        };
        self.write("<<-", &line);
        self.payload("<<-", body);
    }

    /// Frames go out; whole ones, as they are handed over.
    pub(crate) fn output(&self, frames: &Chunks) {
        let bytes = frames.to_vec();
        let mut rest = &bytes[..];
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
            let (line, behind) = (&rest[..end], &rest[end + 2..]);
            // What the server says of itself is no news. [nats-server: sendInfo]
            if line.starts_with(b"INFO ") {
                rest = behind;
                continue;
            }
            let is_message = line.starts_with(b"MSG ") || line.starts_with(b"HMSG ");
            let size = line.rsplit(|byte| *byte == b' ').next().and_then(|size| std::str::from_utf8(size).ok());
            let size = size.filter(|_| is_message).and_then(|size| size.parse::<usize>().ok());
            self.write("->>", text(line).trim_end().replace('\'', "").trim_start_matches('+'));
            let Some(size) = size.filter(|size| *size <= behind.len()) else {
                rest = behind;
                continue;
            };
            self.payload("->>", &behind[..size]);
            rest = behind.get(size + 2..).unwrap_or_default();
        }
    }

    fn payload(&self, arrow: &str, payload: &[u8]) {
        if payload.is_empty() {
            return;
        }
        let shown = payload.get(..self.options.max_payload.unwrap_or(usize::MAX)).unwrap_or(payload);
        let more = if shown.len() < payload.len() { "..." } else { "" };
        tracing::trace!(target: TARGET, "{} - {arrow} MSG_PAYLOAD: [{}{more}]", self.label, Quoted::from(shown));
    }

    fn write(&self, arrow: &str, line: &str) {
        tracing::trace!(target: TARGET, "{} - {arrow} [{line}]", self.label);
    }
}

/// CONNECT without what it proves itself with; what does not parse is not shown at all.
fn redacted(json: &[u8]) -> String {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_slice(json) else { return "...".to_owned() };
    let is_secret = |name: &str| SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret));
    for (_, value) in fields.iter_mut().filter(|(name, _)| is_secret(name)) {
        *value = "[REDACTED]".into();
    }
    serde_json::Value::Object(fields).to_string()
}

const SECRETS: [&str; 5] = ["pass", "auth_token", "jwt", "sig", "proxy_sig"];

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// `127.0.0.1:5555 - cid:7 - "v1.0:rust:meter" - "A/user:ann"`.
fn label(connection: &Connection) -> String {
    let (peer, identity) = (connection.peer(), connection.identity());
    let number = if peer.kind == ConnectionKind::WebSocket { "wid" } else { "cid" };
    let host = if peer.host.contains(':') { format!("[{}]", peer.host) } else { peer.host.clone() };
    let mut label = format!("{host}:{} - {number}:{}", peer.port, connection.id().0);
    if !(identity.name.is_empty() && identity.lang.is_empty() && identity.version.is_empty()) {
        let _ = write!(label, " - \"v{}:{}:{}\"", identity.version, identity.lang, identity.name);
    }
    if !identity.user.is_empty() {
        let _ = write!(label, " - \"{}/user:{}\"", connection.account(), identity.user);
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out() {
        let shown = redacted(br#"{"user":"ann","PASS":"s3cret","jwt":"x.y.z","verbose":false}"#);
        for hidden in ["s3cret", "x.y.z"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert!(shown.contains(r#""user":"ann""#) && shown.contains(r#""PASS":"[REDACTED]""#), "{shown}");
        assert_eq!(redacted(br#"{"pass":"s3cret""#), "...");
    }
}
