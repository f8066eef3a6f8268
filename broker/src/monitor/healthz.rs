//! `/healthz`: may this server be given work?
//!
//! The options that ask about `JetStream` are read and checked as nats-server does while it is off: they have nothing
//! to fail on.

use hyper::StatusCode;
use serde::Serialize;

use super::query::{Query, QueryError};

/// The page.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct Healthz {
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip)]
    code: u16,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Error,
}

impl Healthz {
    /// The HTTP status that probes look at.
    pub(super) fn code(&self) -> StatusCode {
        StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn failed(code: u16, error: &'static str) -> Self {
        Self { status: Status::Error, error: Some(error), code }
    }
}

/// The health of a server that takes new clients or not.
pub(super) fn check(query: &Query<'_>, is_accepting: bool) -> Result<Healthz, QueryError> {
    for name in ["js-enabled-only", "js-enabled", "js-server-only", "js-meta-only", "details"] {
        query.flag(name)?;
    }
    if query.text("stream").is_some() && query.text("account").is_none() {
        return Ok(Healthz::failed(400, "\"account\" must not be empty when checking stream health"));
    }
    if query.text("consumer").is_some() && query.text("stream").is_none() {
        return Ok(Healthz::failed(400, "\"stream\" must not be empty when checking consumer health"));
    }
    if !is_accepting {
        return Ok(Healthz::failed(500, "the server takes no new connections"));
    }
    Ok(Healthz { status: Status::Ok, error: None, code: 200 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_health(query: &str, is_accepting: bool, code: u16, json: &str) {
        let health = check(&Query::parse(Some(query)), is_accepting).unwrap();
        assert_eq!(health.code().as_u16(), code);
        assert_eq!(serde_json::to_string(&health).unwrap(), json);
    }

    #[test]
    fn health_follows_the_server_and_the_question() {
        check_health("", true, 200, r#"{"status":"ok"}"#);
        check_health("js-enabled-only=true&js-server-only=1&details=1&account=A", true, 200, r#"{"status":"ok"}"#);
        check_health("", false, 500, r#"{"status":"error","error":"the server takes no new connections"}"#);
        check_health(
            "stream=S",
            true,
            400,
            r#"{"status":"error","error":"\"account\" must not be empty when checking stream health"}"#,
        );
        check_health(
            "consumer=C",
            true,
            400,
            r#"{"status":"error","error":"\"stream\" must not be empty when checking consumer health"}"#,
        );
        assert!(check(&Query::parse(Some("js-server-only=x")), true).is_err());
    }
}
