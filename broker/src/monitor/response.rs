//! Answers as HTTP: status, content type, and the headers that every answer carries.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS},
};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::query::QueryError;

/// A complete answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// A page as text, JSON most often.
pub(super) struct Rendered(Result<Bytes, serde_json::Error>);

impl Rendered {
    /// Indented, as people read it.
    pub(super) fn pretty<T: Serialize>(page: &T) -> Self {
        Self(serde_json::to_vec_pretty(page).map(Bytes::from))
    }

    /// On one line, as probes compare it.
    pub(super) fn compact<T: Serialize>(page: &T) -> Self {
        Self(serde_json::to_vec(page).map(Bytes::from))
    }

    /// Text as it is.
    pub(super) fn text(page: String) -> Self {
        Self(Ok(Bytes::from(page)))
    }

    /// Keeps `permit` as long as the text lives, when the text is big; a small one frees it now.
    pub(super) fn hold(self, permit: OwnedSemaphorePermit) -> Self {
        Self(self.0.map(|text| match text.len() {
            0..=SMALL_ANSWER_BYTES => text,
            _ => Bytes::from_owner(Held { text, _permit: permit }),
        }))
    }
}

struct Held {
    text: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// 200 with JSON.
pub(super) fn json(page: Rendered) -> Answer {
    json_with(StatusCode::OK, page)
}

/// JSON with a status of its own.
pub(super) fn json_with(status: StatusCode, page: Rendered) -> Answer {
    match page.0 {
        Ok(body) => {
            let mut answer = answer(status, "application/json", body);
            answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            answer
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("the page cannot be written: {error}")),
    }
}

/// 200 with numbers, as Prometheus reads them.
pub(super) fn metrics(page: Rendered) -> Answer {
    match page.0 {
        Ok(body) => answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", body),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("the page cannot be written: {error}")),
    }
}

/// 200 with a page for people.
pub(super) fn html(page: String) -> Answer {
    answer(StatusCode::OK, "text/html; charset=utf-8", Bytes::from(page))
}

/// 400: a value in the query that cannot be read.
pub(super) fn bad_request(error: &QueryError) -> Answer {
    text(StatusCode::BAD_REQUEST, &error.to_string())
}

/// 404.
pub(super) fn not_found() -> Answer {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// 405. Differs from nats-server: it answers every method as if it were GET.
pub(super) fn method_not_allowed() -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are served\n");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    answer
}

/// Plain text with a status.
pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", Bytes::copy_from_slice(text.as_bytes()))
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Some answers repeat what the query said; no browser may take them for anything but text.
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// Up to here an answer does not count against the big ones.
const SMALL_ANSWER_BYTES: usize = 64 * 1024;
