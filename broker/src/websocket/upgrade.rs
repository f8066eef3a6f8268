//! The HTTP request that a WebSocket begins with: checked, and answered.

use std::net::IpAddr;

use data_encoding::BASE64;
use embus_protocol::connect::ConnectOptions;
use hyper::header::{
    CONNECTION, HOST, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Response, StatusCode, Version};
use sha1::{Digest, Sha1};

use super::config::WebSocketConfig;
use super::cookies::credentials;
use super::{extension, origin};

/// What was agreed on, and what the request said of the client.
#[derive(Debug)]
pub(super) struct Agreement {
    pub(super) is_compressed: bool,
    pub(super) masks: bool,
    /// Browsers are sent small frames. [nats-server: `wsFrameSizeForBrowsers`]
    pub(super) is_browser: bool,
    /// The client behind a proxy, as that one says.
    pub(super) forwarded_for: Option<IpAddr>,
    pub(super) credentials: Option<Box<ConnectOptions>>,
}

/// Why a request is turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("a WebSocket begins with GET")]
    Method,
    #[error("a WebSocket begins with HTTP/1.1")]
    Version,
    #[error("no MQTT or leaf nodes here")]
    Path,
    #[error("invalid value for header {0:?}")]
    Header(&'static str),
    #[error("pages of this origin may not connect")]
    Origin,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Path => StatusCode::NOT_FOUND,
            Self::Header(_) => StatusCode::BAD_REQUEST,
            Self::Origin => StatusCode::FORBIDDEN,
        }
    }

    /// The answer.
    pub(super) fn response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(B::from(format!("{self}\n")));
        *response.status_mut() = self.status();
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
        response
    }
}

/// Checks a request, as nats-server does. [reference §1.8]
pub(super) fn check(request: &Parts, config: &WebSocketConfig, is_secure: bool) -> Result<Agreement, Refusal> {
    let headers = &request.headers;
    if request.method != Method::GET {
        return Err(Refusal::Method);
    }
    if request.version < Version::HTTP_11 {
        return Err(Refusal::Version);
    }
    // Those would be connections of other kinds.
    if request.uri.path().ends_with("/mqtt") || request.uri.path().ends_with("/leafnode") {
        return Err(Refusal::Path);
    }
    if headers.get(HOST).is_none_or(HeaderValue::is_empty) {
        return Err(Refusal::Header("Host"));
    }
    for (name, word) in [(UPGRADE, "websocket"), (CONNECTION, "upgrade")] {
        if !has_word(headers, &name, word) {
            return Err(Refusal::Header(if name == UPGRADE { "Upgrade" } else { "Connection" }));
        }
    }
    if key(headers).is_none() {
        return Err(Refusal::Header("Sec-WebSocket-Key"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
        return Err(Refusal::Header("Sec-WebSocket-Version"));
    }
    if !origin::is_allowed(headers, config.same_origin, &config.allowed_origins, is_secure) {
        return Err(Refusal::Origin);
    }
    Ok(Agreement {
        is_compressed: config.compression && extension::is_offered(headers),
        masks: headers.get(NO_MASKING).is_none_or(|value| value != "true"),
        is_browser: text(headers, &USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/")),
        forwarded_for: forwarded_for(headers),
        credentials: credentials(&config.cookies, headers),
    })
}

/// The answer that makes a connection a WebSocket.
pub(super) fn switch<B: Default>(request: &HeaderMap, agreement: &Agreement, config: &WebSocketConfig) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Some(accept) = key(request).and_then(|key| HeaderValue::try_from(accept(key)).ok()) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if agreement.is_compressed {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(extension::AGREED));
    }
    if !agreement.masks {
        headers.insert(NO_MASKING, HeaderValue::from_static("true"));
    }
    for (name, value) in &config.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    response
}

/// What shows that the request was understood. [RFC 6455 §4.2.2]
fn accept(key: &str) -> String {
    BASE64.encode(&Sha1::new().chain_update(key).chain_update(SALT).finalize())
}

/// 16 bytes in base64.
fn key(headers: &HeaderMap) -> Option<&str> {
    let key = text(headers, &SEC_WEBSOCKET_KEY)?;
    let decoded = BASE64.decode(key.as_bytes()).ok()?;
    (decoded.len() == 16).then_some(key)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn has_word(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let all = headers.get_all(name).into_iter().filter_map(|header| header.to_str().ok());
    all.flat_map(|header| header.split(',')).any(|found| found.trim().eq_ignore_ascii_case(word))
}

/// The first address, if it is one. Whoever connects without a proxy can say anything here; it is for people to read, and
/// for rules about addresses only behind a proxy that sets it. [nats-server: `X-Forwarded-For`]
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let value = headers.get("x-forwarded-for")?.to_str().ok()?;
    value.split(',').next()?.trim().parse().ok()
}

const VERSION: &str = "13";
const SALT: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const NO_MASKING: HeaderName = HeaderName::from_static("nats-no-masking");

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn request(change: impl FnOnce(&mut Parts)) -> Parts {
        let request = Request::get("/any/path")
            .header(HOST, "h")
            .header(UPGRADE, "WebSocket")
            .header(CONNECTION, "keep-alive, Upgrade")
            .header(SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
            .header(SEC_WEBSOCKET_VERSION, "13");
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        change(&mut parts);
        parts
    }

    #[test]
    fn the_answer_is_that_of_the_standard() {
        let config = WebSocketConfig::new().compression(true).header("X-Own", "1");
        let parts = request(|parts| {
            parts.headers.insert(SEC_WEBSOCKET_EXTENSIONS, "permessage-deflate".parse().unwrap());
            parts.headers.insert("x-forwarded-for", "10.1.2.3, 10.0.0.1".parse().unwrap());
        });
        let agreement = check(&parts, &config, false).unwrap();
        assert!(agreement.is_compressed && agreement.masks && !agreement.is_browser);
        assert_eq!(agreement.forwarded_for, Some([10, 1, 2, 3].into()));
        let response: Response<String> = switch(&parts.headers, &agreement, &config);
        assert_eq!(response.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(response.headers()[SEC_WEBSOCKET_EXTENSIONS], extension::AGREED);
        assert_eq!(response.headers()["x-own"], "1");
    }

    #[test]
    fn what_is_no_upgrade_is_refused() {
        let refused = |change: fn(&mut Parts)| check(&request(change), &WebSocketConfig::new(), false).unwrap_err();
        assert_eq!(refused(|parts| parts.method = Method::POST).status(), 405);
        for change in [
            (|parts| drop(parts.headers.remove(HOST))) as fn(&mut Parts),
            |parts| drop(parts.headers.remove(UPGRADE)),
            |parts| drop(parts.headers.insert(CONNECTION, "close".parse().unwrap())),
            |parts| drop(parts.headers.insert(SEC_WEBSOCKET_KEY, "c2hvcnQ=".parse().unwrap())),
            |parts| drop(parts.headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_bytes(b"\xff").unwrap())),
            |parts| drop(parts.headers.insert(SEC_WEBSOCKET_VERSION, "12".parse().unwrap())),
        ] {
            assert_eq!(refused(change).status(), 400);
        }
        assert_eq!(refused(|parts| parts.version = Version::HTTP_10).status(), 505);
        assert_eq!(refused(|parts| parts.uri = "/a/mqtt".parse().unwrap()).status(), 404);
        assert_eq!(refused(|parts| parts.uri = "/leafnode".parse().unwrap()).status(), 404);
    }
}
