//! Answers of the API as JSON text, in the order of keys that the reference server has. [reference §3]

use embus_storage::message::Timestamp;
use serde::Serialize;

use crate::api::error::ApiError;
use crate::api::json;
use crate::api::request::Endpoint;
use crate::api::time::Time;
use crate::stream::Witness;

/// What goes back to a requester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Response {
    /// This, as the body of a message without headers.
    Json(String),
    /// Nothing: the requester runs into its timeout.
    None,
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The answer is this.
    Ready(Object),
    /// The answer is this once what these streams showed is durable.
    AfterCommit(Vec<Witness>, Result<Object, ApiError>),
    /// There is none: nobody is there who would answer.
    Silence,
}

impl Outcome {
    /// An answer that tells of one stream: it must not be told before a power cut can not take it back.
    pub(super) fn of_stream(stream: Witness, result: Result<Object, ApiError>) -> Self {
        Self::AfterCommit(vec![stream], result)
    }
}

/// Members of a JSON object, each with a comma before it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a member.
    pub(super) fn with(self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        self.with_raw(name, &json::to_string(&value))
    }

    /// Adds a member if there is one.
    pub(super) fn with_some<T: Serialize>(self, name: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, &value),
            None => self,
        }
    }

    /// Adds a member whose value is JSON already.
    pub(super) fn with_raw(mut self, name: &str, json: &str) -> Self {
        for part in [",\"", name, "\":", json] {
            self.0.push_str(part);
        }
        self
    }

    /// Adds all of another's members.
    pub(super) fn with_all(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// Adds a number if it is not zero.
    pub(super) fn with_nonzero(self, name: &str, number: u64) -> Self {
        self.with_some(name, (number > 0).then_some(number))
    }

    /// Adds a time; 0 is the year 1, as in Go.
    pub(super) fn with_time(self, name: &str, time: Timestamp) -> Self {
        self.with(name, &time_of(time))
    }

    /// The object by itself.
    pub(super) fn to_json(&self) -> String {
        format!("{{{}}}", self.0.strip_prefix(',').unwrap_or_default())
    }

    /// The answer of an endpoint.
    pub(super) fn to_answer(&self, endpoint: &Endpoint) -> String {
        format!("{{{}{}}}", head(endpoint), self.0)
    }
}

/// The answer of an endpoint that failed.
pub(super) fn error_answer(endpoint: &Endpoint, error: &ApiError) -> String {
    format!("{{{},\"error\":{}{}}}", head(endpoint), json::to_string(error), endpoint.error_tail)
}

/// What the system account is told.
pub(super) fn system_answer(error: &ApiError) -> String {
    format!("{{\"type\":\"io.nats.jetstream.api.v1.system_response\",\"error\":{}}}", json::to_string(error))
}

fn head(endpoint: &Endpoint) -> String {
    format!("\"type\":\"io.nats.jetstream.api.v1.{}_response\"", endpoint.answer)
}

/// A time that was never is the year 1.
pub(super) fn time_of(time: Timestamp) -> Time {
    if time == 0 { Time::ZERO } else { Time::from(time) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::request::Call;
    use crate::service::Request;

    fn endpoint(subject: &str) -> &'static Endpoint {
        let request = Request { subject: subject.as_bytes(), reply: None, headers: b"", payload: b"" };
        Call::parse(&request).unwrap().endpoint
    }

    #[test]
    fn answers() {
        let object = Object::new().with("name", "a<b>").with_nonzero("none", 0).with_some("some", Some(true));
        assert_eq!(object.to_json(), r#"{"name":"a\u003cb\u003e","some":true}"#);
        assert_eq!(
            object.to_answer(endpoint("$JS.API.STREAM.DELETE.S")),
            r#"{"type":"io.nats.jetstream.api.v1.stream_delete_response","name":"a\u003cb\u003e","some":true}"#
        );
        assert_eq!(Object::new().to_json(), "{}");
    }

    #[test]
    fn errors_carry_what_the_endpoint_adds() {
        assert_eq!(
            error_answer(endpoint("$JS.API.STREAM.NAMES"), &ApiError::required_api_level()),
            r#"{"type":"io.nats.jetstream.api.v1.stream_names_response","error":{"code":412,"err_code":10185,"description":"JetStream minimum api level required"},"total":0,"offset":0,"limit":0,"streams":null}"#
        );
        assert_eq!(
            error_answer(endpoint("$JS.API.STREAM.PURGE.S"), &ApiError::stream_not_found()),
            r#"{"type":"io.nats.jetstream.api.v1.stream_purge_response","error":{"code":404,"err_code":10059,"description":"stream not found"},"purged":0}"#
        );
    }

    #[test]
    fn times() {
        let object = Object::new().with_time("never", 0).with_time("once", 1_500_000_000);
        assert_eq!(object.to_json(), r#"{"never":"0001-01-01T00:00:00Z","once":"1970-01-01T00:00:01.5Z"}"#);
    }
}
