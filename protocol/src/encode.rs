//! Operations to bytes: writers that append to a buffer and never fail. Implements both directions of the NATS client
//! protocol; the client side serves tests and fuzzing.
//!
//! Writers do not check their arguments: subjects and sids come from [`decode`](crate::decode) or from a checked type,
//! and so hold no white space.

use std::fmt::Display;

use serde::Serialize;

use crate::connect::ConnectOptions;
use crate::error::ClientError;
use crate::info::ServerInfo;

/// Asks the peer for a sign of life.
pub const PING: &[u8] = b"PING\r\n";
/// Answers PING.
pub const PONG: &[u8] = b"PONG\r\n";
/// Accepts an operation of a verbose client.
pub const OK: &[u8] = b"+OK\r\n";
/// Ends a line and a payload.
pub const CRLF: &[u8] = b"\r\n";

/// `HMSG <subject> <sid> `: from offset 1 on it is the prefix of a MSG.
///
/// ```
/// let mut prefix = Vec::new();
/// embus_protocol::encode::msg_prefix(&mut prefix, b"a", b"7");
/// assert_eq!(&prefix[1..], b"MSG a 7 ");
/// ```
#[inline]
pub fn msg_prefix(out: &mut Vec<u8>, subject: &[u8], sid: &[u8]) {
    out.reserve(b"HMSG   ".len() + subject.len() + sid.len());
    out.extend_from_slice(b"HMSG ");
    word(out, subject);
    word(out, sid);
}

/// `[reply ][header_len ]total_len\r\n`, what follows the prefix; the body and its CRLF are the caller's. All lengths
/// in bytes; `body_len` counts headers and payload.
#[inline]
pub fn tail(out: &mut Vec<u8>, reply: Option<&[u8]>, header_len: Option<usize>, body_len: usize) {
    if let Some(reply) = reply {
        word(out, reply);
    }
    if let Some(header_len) = header_len {
        number(out, header_len as u64);
        out.push(b' ');
    }
    number(out, body_len as u64);
    out.extend_from_slice(CRLF);
}

/// `INFO {json} \r\n`.
pub fn info(out: &mut Vec<u8>, info: &ServerInfo) {
    out.extend_from_slice(b"INFO ");
    json(out, info);
    out.extend_from_slice(b" \r\n");
}

/// `-ERR '<text>'\r\n`.
pub fn err(out: &mut Vec<u8>, error: &ClientError) {
    quoted_err(out, error.text());
}

fn quoted_err(out: &mut Vec<u8>, text: impl Display) {
    out.extend_from_slice(format!("-ERR '{text}'\r\n").as_bytes());
}

/// A client's PUB, or its HPUB when there is a header block.
pub fn publish(out: &mut Vec<u8>, subject: &[u8], reply: Option<&[u8]>, headers: Option<&[u8]>, payload: &[u8]) {
    out.extend_from_slice(if headers.is_some() { b"HPUB " } else { b"PUB " });
    word(out, subject);
    let block = headers.unwrap_or_default();
    tail(out, reply, headers.map(<[u8]>::len), block.len() + payload.len());
    for part in [block, payload, CRLF] {
        out.extend_from_slice(part);
    }
}

/// A client's SUB.
pub fn subscribe(out: &mut Vec<u8>, subject: &[u8], queue: Option<&[u8]>, sid: &[u8]) {
    out.extend_from_slice(b"SUB ");
    word(out, subject);
    if let Some(queue) = queue {
        word(out, queue);
    }
    out.extend_from_slice(sid);
    out.extend_from_slice(CRLF);
}

/// A client's UNSUB; `max` counts deliveries since SUB.
pub fn unsubscribe(out: &mut Vec<u8>, sid: &[u8], max: Option<u64>) {
    out.extend_from_slice(b"UNSUB ");
    out.extend_from_slice(sid);
    if let Some(max) = max {
        out.push(b' ');
        number(out, max);
    }
    out.extend_from_slice(CRLF);
}

/// A client's CONNECT, with its secrets in the clear as the protocol has it. Empty texts are left out.
pub fn connect(out: &mut Vec<u8>, options: &ConnectOptions) {
    out.extend_from_slice(b"CONNECT ");
    json(out, &Clear::from(options));
    out.extend_from_slice(CRLF);
}

#[inline]
fn word(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
    out.push(b' ');
}

#[inline]
fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn json(out: &mut Vec<u8>, document: &impl Serialize) {
    serde_json::to_writer(out, document).expect("plain fields serialize, and a Vec takes all bytes");
}

/// CONNECT as it is written; the only place where secrets serialize.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them as independent flags")]
struct Clear<'o> {
    verbose: bool,
    pedantic: bool,
    tls_required: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    auth_token: &'o str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'o str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pass: &'o str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'o str,
    lang: &'o str,
    version: &'o str,
    protocol: i64,
    echo: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    jwt: &'o str,
    #[serde(skip_serializing_if = "str::is_empty")]
    nkey: &'o str,
    #[serde(skip_serializing_if = "str::is_empty")]
    sig: &'o str,
    headers: bool,
    no_responders: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    account: &'o str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    new_account: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    proxy_sig: &'o str,
}

impl<'o> From<&'o ConnectOptions> for Clear<'o> {
    fn from(options: &'o ConnectOptions) -> Self {
        Self {
            verbose: options.verbose,
            pedantic: options.pedantic,
            tls_required: options.tls_required,
            auth_token: options.auth_token.expose(),
            user: &options.user,
            pass: options.pass.expose(),
            name: &options.name,
            lang: &options.lang,
            version: &options.version,
            protocol: options.protocol,
            echo: options.echo,
            jwt: options.jwt.expose(),
            nkey: options.nkey.expose(),
            sig: options.sig.expose(),
            headers: options.headers,
            no_responders: options.no_responders,
            account: &options.account,
            new_account: options.new_account,
            proxy_sig: options.proxy_sig.expose(),
        }
    }
}
