//! `CONSUMER.PAUSE`, `UNPIN` and `RESET`. [reference §3.1]

use std::borrow::Cow;

use super::state;
use crate::api::error::ApiError;
use crate::api::json;
use crate::api::request::Call;
use crate::api::response::{Object, Outcome};
use crate::api::stream::find;
use crate::api::time::Time;
use crate::consumer::ResetError;
use crate::consumer::config::check_group;
use crate::jetstream::JetStream;
use crate::sync::Arc;

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
struct ResetRequest {
    sequence: u64,
}
json::fields!(ResetRequest, "server.JSApiConsumerResetRequest", { "seq" => sequence });

pub(in crate::api) fn pause(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let PauseRequest { until } = call.optional()?;
    let until = until.unwrap_or(Time::ZERO);
    let stream = find(jetstream, call)?;
    let end = if until.is_zero() { 0 } else { until.as_timestamp() };
    let info = stream.pause_consumer(&call.consumer, end)?;
    let remaining = end.saturating_sub(info.now);
    let object = Object::new()
        .with("paused", &(remaining > 0))
        .with("pause_until", &until)
        .with_some("pause_remaining", (remaining > 0).then_some(remaining));
    Ok(Outcome::of_stream(stream, Ok(object)))
}

/// This endpoint reads its body the plain way: unknown fields pass, and errors have no offset. [nats-server: unpin]
pub(in crate::api) fn unpin(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    if call.body.is_empty() {
        return Err(ApiError::invalid_json("unexpected end of JSON input"));
    }
    let request: UnpinRequest = decode_plain(call.body)?;
    if request.group.is_empty() {
        return Err(ApiError::invalid_json("consumer group not specified"));
    }
    check_group(&request.group)?;
    let stream = find(jetstream, call)?;
    let config = stream.consumer_config(&call.consumer).ok_or_else(ApiError::consumer_not_found)?;
    if !config.priority_groups.contains(&request.group) {
        return Err(ApiError::consumer_priority_group_unknown());
    }
    stream.unpin_consumer(&call.consumer, &request.group)?;
    Ok(Outcome::of_stream(stream, Ok(Object::new())))
}

/// This endpoint belongs to the consumer: without one nobody answers. Its body is read the plain way, too.
pub(in crate::api) fn reset(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let Ok(stream) = find(jetstream, call) else { return Ok(Outcome::Silence) };
    if stream.consumer_config(&call.consumer).is_none() {
        return Ok(Outcome::Silence);
    }
    let ResetRequest { sequence } = decode_plain(call.body)?;
    let reset = stream.reset_consumer(&call.consumer, sequence)?.map_err(refused)?;
    let object = state::object(&reset.info, true).with("reset_seq", &reset.sequence);
    Ok(Outcome::of_stream(stream, Ok(object)))
}

fn refused(error: ResetError) -> ApiError {
    match error {
        ResetError::BelowStartSequence => ApiError::consumer_invalid_reset("below start seq"),
        ResetError::BelowStartTime => ApiError::consumer_invalid_reset("below start time"),
        ResetError::NotAllowed => ApiError::consumer_invalid_reset("not allowed"),
        ResetError::Storage => ApiError::store_failed("the stream could not be read"),
    }
}

fn decode_plain<T: json::Record>(body: &[u8]) -> Result<T, ApiError> {
    json::decode_lenient(body).map_err(|error| without_offset(&error))
}

fn without_offset(error: &ApiError) -> ApiError {
    let text = match error.description.rsplit_once(" at offset ") {
        Some((text, _)) => text.to_owned(),
        None => error.description.replace("unexpected EOF", "unexpected end of JSON input"),
    };
    ApiError { description: Cow::Owned(text), ..*error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_reading_has_no_offsets() {
        let text = |body: &[u8]| decode_plain::<UnpinRequest>(body).unwrap_err().to_string();
        assert_eq!(text(b"x"), "invalid JSON: invalid character 'x' looking for beginning of value");
        assert_eq!(text(b"{"), "invalid JSON: unexpected end of JSON input");
    }
}
