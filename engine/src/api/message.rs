//! `STREAM.MSG.GET` and `STREAM.MSG.DELETE`. [reference §6.2]

use embus_storage::message::StoredMessage;

use crate::api::base64;
use crate::api::error::ApiError;
use crate::api::json;
use crate::api::request::Call;
use crate::api::response::{Object, Outcome};
use crate::api::selector::Selector;
use crate::api::stream::find;
use crate::api::time::Time;
use crate::jetstream::JetStream;
use crate::sync::Arc;

#[derive(Debug, Default)]
struct DeleteRequest {
    sequence: u64,
    /// Differs from nats-server: what was deleted is never overwritten, it goes with its segment.
    no_erase: bool,
}
json::fields!(DeleteRequest, "server.JSApiMsgDeleteRequest", {
    "seq" => sequence,
    "no_erase" => no_erase,
});

pub(super) fn get(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let selector: Selector = call.required()?;
    let asks_for_batch = selector.batch > 0 || selector.max_bytes > 0;
    if asks_for_batch || selector.selects_nothing() || selector.contradicts_itself() {
        return Err(ApiError::bad_request());
    }
    let stream = find(jetstream, call)?;
    let message = selector.query().fetch(&stream).map_err(ApiError::stream_general)?;
    let answer = message.ok_or_else(ApiError::no_message_found);
    Ok(Outcome::of_stream(stream, answer.map(|message| object(&message, selector.no_headers))))
}

fn object(message: &StoredMessage, no_headers: bool) -> Object {
    let text = |bytes: &[u8]| (!bytes.is_empty()).then(|| base64::encode(bytes));
    let headers = if no_headers { None } else { text(&message.headers) };
    let stored = Object::new()
        .with("subject", &String::from_utf8_lossy(&message.subject))
        .with("seq", &message.sequence)
        .with_some("hdrs", headers)
        .with_some("data", text(&message.payload))
        .with("time", &Time::from(message.time));
    Object::new().with_raw("message", &stored.to_json())
}

pub(super) fn delete(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let request: DeleteRequest = call.required()?;
    let stream = find(jetstream, call)?;
    let _ = request.no_erase;
    let deleted = stream.with(|core| core.delete_message(request.sequence));
    Ok(Outcome::of_stream(stream, deleted.map(|()| Object::new().with("success", &true))))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn message() -> StoredMessage {
        StoredMessage {
            sequence: 2,
            time: 1_795_191_676_169_221_285,
            subject: Bytes::from_static(b"ord.b<"),
            headers: Bytes::from_static(b"NATS/1.0\r\nNats-Msg-Id: x1\r\n\r\n"),
            payload: Bytes::from_static(b"two"),
        }
    }

    #[test]
    fn messages_as_the_reference_server_shows_them() {
        assert_eq!(
            object(&message(), false).to_json(),
            r#"{"message":{"subject":"ord.b\u003c","seq":2,"hdrs":"TkFUUy8xLjANCk5hdHMtTXNnLUlkOiB4MQ0KDQo=","data":"dHdv","time":"2026-11-20T16:21:16.169221285Z"}}"#
        );
        let message = StoredMessage { payload: Bytes::new(), ..message() };
        assert_eq!(
            object(&message, true).to_json(),
            r#"{"message":{"subject":"ord.b\u003c","seq":2,"time":"2026-11-20T16:21:16.169221285Z"}}"#
        );
    }
}
