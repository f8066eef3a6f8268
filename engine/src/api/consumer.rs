//! The endpoints of consumers, as far as they can be answered without any: no stream has one yet. [reference §3.1]

use std::borrow::Cow;

use crate::api::error::ApiError;
use crate::api::json::{self, FromJson, Refusal, Value};
use crate::api::names::{LIST_LIMIT, NAMES_LIMIT, Page};
use crate::api::request::Call;
use crate::api::response::Outcome;
use crate::api::stream::find;
use crate::api::time::Time;
use crate::jetstream::JetStream;
use crate::sync::Arc;

#[derive(Debug, Default)]
struct ListRequest {
    offset: i64,
}
json::fields!(ListRequest, "server.JSApiConsumersRequest", { "offset" => offset via json::int });

#[derive(Debug, Default)]
struct PauseRequest {
    until: Option<Time>,
}
json::fields!(PauseRequest, "server.JSApiConsumerPauseRequest", { "pause_until" => until });

#[derive(Debug, Default)]
struct UnpinRequest {
    group: String,
}
json::fields!(UnpinRequest, "server.JSApiConsumerUnpinRequest", { "group" => group });

#[derive(Debug, Default)]
struct CreateRequest {
    stream: String,
    config: Config,
    action: Action,
    pedantic: bool,
}
json::fields!(CreateRequest, "server.CreateConsumerRequest", {
    "stream_name" => stream,
    "config" => config,
    "action" => action,
    "pedantic" => pedantic,
});

/// What of a consumer's configuration must fit the subject of the request; the rest is only known by name.
#[derive(Debug, Default)]
struct Config {
    name: String,
    durable_name: String,
    filter_subject: String,
    filter_subjects: Vec<String>,
    rest: Ignored,
}
json::fields!(Config, "server.ConsumerConfig", {
    "name" => name,
    "durable_name" => durable_name,
    "filter_subject" => filter_subject,
    "filter_subjects" => filter_subjects,
    "description" => rest,
    "deliver_policy" => rest,
    "opt_start_seq" => rest,
    "opt_start_time" => rest,
    "ack_policy" => rest,
    "ack_wait" => rest,
    "max_deliver" => rest,
    "backoff" => rest,
    "replay_policy" => rest,
    "rate_limit_bps" => rest,
    "sample_freq" => rest,
    "max_waiting" => rest,
    "max_ack_pending" => rest,
    "flow_control" => rest,
    "headers_only" => rest,
    "max_batch" => rest,
    "max_expires" => rest,
    "max_bytes" => rest,
    "inactive_threshold" => rest,
    "num_replicas" => rest,
    "mem_storage" => rest,
    "deliver_subject" => rest,
    "deliver_group" => rest,
    "idle_heartbeat" => rest,
    "direct" => rest,
    "sourcing" => rest,
    "metadata" => rest,
    "pause_until" => rest,
    "priority_groups" => rest,
    "priority_policy" => rest,
    "priority_timeout" => rest,
});

/// A value that is not looked at.
#[derive(Debug, Default)]
pub(super) struct Ignored;

impl FromJson for Ignored {
    fn go_type() -> String {
        String::new()
    }

    fn read(&mut self, _: Value<'_>) -> Result<(), Refusal> {
        Ok(())
    }
}

/// What to do if there is such a consumer, or none.
#[derive(Debug, Default)]
struct Action;

impl FromJson for Action {
    fn go_type() -> String {
        String::new()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        let raw = String::from_utf8_lossy(value.raw());
        match &*raw {
            r#""""# | r#""create""# | r#""update""# | "null" => Ok(()),
            _ => Err(Refusal::Text(format!("unknown consumer action: {raw}"))),
        }
    }
}

pub(super) fn names(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    none(jetstream, call, NAMES_LIMIT)
}

pub(super) fn list(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    none(jetstream, call, LIST_LIMIT)
}

fn none(jetstream: &Arc<JetStream>, call: &Call<'_>, limit: usize) -> Result<Outcome, ApiError> {
    let request: ListRequest = call.optional()?;
    find(jetstream, call)?;
    Ok(Outcome::Ready(Page::new(0, request.offset, limit).object().with_raw("consumers", "[]")))
}

/// `INFO` and `DELETE`.
pub(super) fn info(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    call.check_empty()?;
    not_found(jetstream, call)
}

pub(super) fn pause(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let PauseRequest { until: _ } = call.optional()?;
    not_found(jetstream, call)
}

/// This endpoint reads its body the plain way: unknown fields pass, and errors have no offset. [nats-server: unpin]
pub(super) fn unpin(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    if call.body.is_empty() {
        return Err(ApiError::invalid_json("unexpected end of JSON input"));
    }
    let request: UnpinRequest = json::decode_lenient(call.body).map_err(|error| without_offset(&error))?;
    if request.group.is_empty() {
        return Err(ApiError::invalid_json("consumer group not specified"));
    }
    not_found(jetstream, call)
}

fn without_offset(error: &ApiError) -> ApiError {
    let text = match error.description.rsplit_once(" at offset ") {
        Some((text, _)) => text.to_owned(),
        None => error.description.replace("unexpected EOF", "unexpected end of JSON input"),
    };
    ApiError { description: Cow::Owned(text), ..*error }
}

fn not_found(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    find(jetstream, call)?;
    Err(ApiError::consumer_not_found())
}

pub(super) fn create(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let request = read_create(call)?;
    check_named(call, &request.config)?;
    refuse(jetstream, call, &request.config.name)
}

pub(super) fn create_durable(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let request = read_create(call)?;
    if request.config.durable_name.is_empty() {
        return Err(NO_DURABLE);
    }
    if request.config.durable_name != call.consumer {
        return Err(NAME_MISMATCH);
    }
    refuse(jetstream, call, &request.config.durable_name)
}

fn read_create(call: &Call<'_>) -> Result<CreateRequest, ApiError> {
    let request: CreateRequest = json::decode(call.body)?;
    if request.stream == call.stream { Ok(request) } else { Err(ApiError::stream_name_mismatch()) }
}

/// What the subject says of the consumer must hold for its configuration.
fn check_named(call: &Call<'_>, config: &Config) -> Result<(), ApiError> {
    if call.consumer.is_empty() {
        return if config.durable_name.is_empty() { Ok(()) } else { Err(DURABLE) };
    }
    if !config.durable_name.is_empty() && config.durable_name != call.consumer {
        return Err(NAME_MISMATCH);
    }
    if !call.filter.is_empty() {
        if !config.filter_subjects.is_empty() {
            return Err(SEVERAL_FILTERS);
        }
        if config.filter_subject != call.filter {
            return Err(FILTER_MISMATCH);
        }
    }
    Ok(())
}

fn refuse(jetstream: &Arc<JetStream>, call: &Call<'_>, name: &str) -> Result<Outcome, ApiError> {
    if [&call.consumer, name].iter().any(|name| name.contains(['/', '\\'])) {
        return Err(SEPARATORS);
    }
    find(jetstream, call)?;
    Err(NO_CONSUMERS)
}

const fn error(code: u16, err_code: u16, text: &'static str) -> ApiError {
    ApiError { code, err_code, description: Cow::Borrowed(text) }
}

const NAME_MISMATCH: ApiError = error(400, 10017, "consumer name in subject does not match durable name in request");
const NO_DURABLE: ApiError = error(400, 10018, "consumer expected to be durable but a durable name was not set");
const DURABLE: ApiError = error(400, 10020, "consumer expected to be ephemeral but a durable name was set in request");
const SEPARATORS: ApiError = error(400, 10127, "Consumer name can not contain path separators");
const FILTER_MISMATCH: ApiError =
    error(400, 10131, "Consumer create request did not match filtered subject from create subject");
const SEVERAL_FILTERS: ApiError =
    error(400, 10137, "consumer with multiple subject filters cannot use subject based API");
/// Differs from nats-server.
const NO_CONSUMERS: ApiError = error(503, 10076, "consumers are not supported by this version of embus");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Request;

    #[track_caller]
    fn check(subject: &str, config: &str, expected: Option<u16>) {
        let body = format!(r#"{{"stream_name":"S","config":{config}}}"#);
        let request = Request { subject: subject.as_bytes(), reply: None, headers: b"", payload: body.as_bytes() };
        let call = Call::parse(&request).unwrap();
        let checked = read_create(&call).and_then(|request| check_named(&call, &request.config));
        assert_eq!(checked.err().map(|error| error.err_code), expected, "{subject} {config}");
    }

    #[test]
    fn the_subject_must_fit_the_configuration() {
        check("$JS.API.CONSUMER.CREATE.S", "{}", None);
        check("$JS.API.CONSUMER.CREATE.S", r#"{"durable_name":"c"}"#, Some(10020));
        check("$JS.API.CONSUMER.CREATE.T", "{}", Some(10056));
        check("$JS.API.CONSUMER.CREATE.S", r#"{"foo":1}"#, Some(10025));
        check("$JS.API.CONSUMER.CREATE.S.c", r#"{"durable_name":"d"}"#, Some(10017));
        check("$JS.API.CONSUMER.CREATE.S.c", r#"{"name":"c","ack_wait":0,"backoff":[1]}"#, None);
        check("$JS.API.CONSUMER.CREATE.S.c.a.b", r#"{"name":"c"}"#, Some(10131));
        check("$JS.API.CONSUMER.CREATE.S.c.a.b", r#"{"filter_subject":"a.b"}"#, None);
        check("$JS.API.CONSUMER.CREATE.S.c.a.b", r#"{"filter_subjects":["a.b"]}"#, Some(10137));
    }

    #[test]
    fn actions() {
        let text = |body: &[u8]| json::decode::<CreateRequest>(body).map(drop).map_err(|error| error.to_string());
        assert_eq!(text(br#"{"action":"update"}"#), Ok(()));
        let refused = |raw: &str| Err(format!("invalid JSON: unknown consumer action: {raw}"));
        assert_eq!(text(br#"{"action":"foo"}"#), refused("\"foo\""));
        assert_eq!(text(br#"{"action":5}"#), refused("5"));
    }

    #[test]
    fn plain_reading_has_no_offsets() {
        let text = |body: &[u8]| {
            let read = json::decode_lenient::<UnpinRequest>(body).map_err(|error| without_offset(&error));
            read.unwrap_err().to_string()
        };
        assert_eq!(text(b"x"), "invalid JSON: invalid character 'x' looking for beginning of value");
        assert_eq!(text(b"{"), "invalid JSON: unexpected end of JSON input");
    }
}
