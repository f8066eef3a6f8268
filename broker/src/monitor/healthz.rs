//! `/healthz`: may this server be given work?
//!
//! Not while it stops, while the disk of a stream fails, or while there are streams on the disk that it could not read.

use std::sync::Arc;

use embus_engine::jetstream::JetStream;
use hyper::StatusCode;
use serde::Serialize;

use super::query::{Query, QueryError};

/// The page.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct Healthz {
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    code: u16,
}

/// The page with its code in it.
#[derive(Debug, Serialize)]
pub(super) struct WithCode {
    status: Status,
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Error,
    Unavailable,
}

impl Healthz {
    /// The HTTP status that probes look at.
    pub(super) fn code(&self) -> StatusCode {
        StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The same with its code in it, as requests are answered. [nats-server: `HealthStatus`]
    pub(super) fn with_code(self) -> WithCode {
        WithCode { status: self.status, status_code: self.code, error: self.error }
    }

    fn failed(code: u16, error: &str) -> Self {
        Self { status: Status::Error, error: Some(error.to_owned()), code }
    }

    fn unavailable(code: u16, error: String) -> Self {
        Self { status: Status::Unavailable, error: Some(error), code }
    }
}

/// The health of a server that takes new clients or not.
pub(super) fn check(query: &Query<'_>, is_accepting: bool, accounts: &[Arc<JetStream>]) -> Result<Healthz, QueryError> {
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
    // Without streams there is nothing to fail on, whatever is asked. [nats-server: healthz]
    let unhealthy = if accounts.is_empty() { None } else { check_streams(query, accounts) };
    Ok(unhealthy.unwrap_or(Healthz { status: Status::Ok, error: None, code: 200 }))
}

/// What is wrong with the streams: one that was asked for is not there, the disk of one failed, one could not be read.
fn check_streams(query: &Query<'_>, accounts: &[Arc<JetStream>]) -> Option<Healthz> {
    if query.flag("js-server-only").is_ok_and(|server_only| server_only) {
        return None;
    }
    let Some(name) = query.text("account") else {
        return accounts.iter().find_map(|account| check_account(query, account));
    };
    match accounts.iter().find(|account| account.account_name() == name) {
        Some(account) => check_account(query, account),
        None => Some(Healthz::unavailable(404, format!("JetStream account {name:?} not found"))),
    }
}

fn check_account(query: &Query<'_>, jetstream: &JetStream) -> Option<Healthz> {
    let account = jetstream.account_name();
    if let Some(name) = query.text("stream")
        && jetstream.get(name).is_none()
    {
        let text = format!("JetStream stream {name:?} not found on account {account:?}");
        return Some(Healthz::unavailable(404, text));
    }
    let asked = |name: &str| query.text("stream").is_none_or(|stream| stream == name);
    let failed = jetstream.list(None).into_iter().filter(|stream| asked(stream.name())).find_map(|stream| {
        let error = stream.trouble()?;
        Some(format!("JetStream stream '{account} > {}' write error: {}", stream.name(), error.description))
    });
    let unreadable = || {
        let first = jetstream.unreadable().into_iter().next()?;
        let name = first.name.unwrap_or_else(|| first.path.display().to_string());
        Some(format!("JetStream stream '{account} > {name}' could not be read: {}", first.reason))
    };
    failed.or_else(unreadable).map(|text| Healthz::unavailable(503, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_health(query: &str, is_accepting: bool, code: u16, json: &str) {
        let health = check(&Query::parse(Some(query)), is_accepting, &[]).unwrap();
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
        assert!(check(&Query::parse(Some("js-server-only=x")), true, &[]).is_err());
    }
}
