//! `STREAM.SNAPSHOT` and `STREAM.RESTORE`: read and checked, but refused. [reference §6.6]

use std::borrow::Cow;

use embus_protocol::filter;

use crate::api::error::ApiError;
use crate::api::json::{self, FromJson, Refusal, Value};
use crate::api::request::Call;
use crate::api::response::Outcome;
use crate::api::stream::find;
use crate::jetstream::JetStream;
use crate::stream::config::StreamConfig;
use crate::sync::Arc;

#[derive(Debug, Default)]
struct SnapshotRequest {
    deliver_subject: String,
    no_consumers: bool,
    chunk_size: i64,
    window_size: i64,
    check: bool,
}
json::fields!(SnapshotRequest, "server.JSApiStreamSnapshotRequest", {
    "deliver_subject" => deliver_subject,
    "no_consumers" => no_consumers,
    "chunk_size" => chunk_size via json::int,
    "window_size" => window_size via json::int,
    "jsck" => check,
});

#[derive(Debug, Default)]
struct RestoreRequest {
    config: Raw,
    state: Ignored,
}
json::fields!(RestoreRequest, "server.JSApiStreamRestoreRequest", {
    "config" => config,
    "state" => state,
});

/// A value as it was sent.
#[derive(Debug, Default)]
struct Raw(Vec<u8>);

impl FromJson for Raw {
    fn go_type() -> String {
        String::new()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        self.0 = value.raw().to_vec();
        Ok(())
    }
}

/// A value that is not looked at.
#[derive(Debug, Default)]
struct Ignored;

impl FromJson for Ignored {
    fn go_type() -> String {
        String::new()
    }

    fn read(&mut self, _: Value<'_>) -> Result<(), Refusal> {
        Ok(())
    }
}

pub(super) fn snapshot(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    call.check_not_empty()?;
    find(jetstream, call)?;
    let request: SnapshotRequest = json::decode(call.body)?;
    if !is_subject(&request.deliver_subject) {
        return Err(DELIVER_SUBJECT);
    }
    // Differs from nats-server.
    Err(ApiError::stream_snapshot_failed("not supported by this version of embus"))
}

fn is_subject(subject: &str) -> bool {
    filter::is_valid_literal(subject.as_bytes()) && !subject.contains([' ', '\t', '\r', '\n', '\u{c}'])
}

pub(super) fn restore(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let request: RestoreRequest = call.required()?;
    let (config, _) = StreamConfig::from_request(&request.config.0)?;
    if !config.name.is_empty() && config.name != call.stream {
        return Err(ApiError::stream_name_mismatch());
    }
    if call.stream.contains(['/', '\\']) {
        return Err(ApiError::stream_name_contains_separators());
    }
    if jetstream.get(&call.stream).is_some() {
        return Err(NAME_IN_USE);
    }
    // Differs from nats-server.
    Err(ApiError::stream_restore_failed("not supported by this version of embus"))
}

const DELIVER_SUBJECT: ApiError =
    ApiError { code: 400, err_code: 10015, description: Cow::Borrowed("deliver subject not valid") };
const NAME_IN_USE: ApiError =
    ApiError { code: 400, err_code: 10130, description: Cow::Borrowed("stream name already in use, cannot restore") };
