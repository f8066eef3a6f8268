//! What a visitor is told when something cannot be done.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;

use crate::page::page;

/// A status and one sentence; shown as a page.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    text: String,
}

impl Problem {
    /// A problem of the visitor's.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    /// There is no such thing.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// What was asked for makes no sense.
    pub fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Failures of messaging are the program's problem: the visitor may try again.
impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Problem {
    fn from(error: E) -> Self {
        let error = error.into();
        eprintln!("cannot answer: {error}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "This does not work at the moment. Please try again.")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let content = html! {
            h1 { (self.status.canonical_reason().unwrap_or("Problem")) }
            p .notice role="alert" { (self.text) }
            p { a href="/" { "Back to the start" } }
        };
        (self.status, page("Problem", &content)).into_response()
    }
}
