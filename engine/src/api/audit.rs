//! A copy of every answer for whoever listens on `$JS.EVENT.ADVISORY.API`. [reference §6.7]

use crate::api::advisory::{self, Advisory};
use crate::api::request::operation;
use crate::api::response::Object;
use crate::jetstream::JetStream;
use crate::service::Request;

const SUBJECT: &str = "$JS.EVENT.ADVISORY.API";

/// What there is to tell of an answer, if somebody listens.
pub(super) fn advisory(jetstream: &JetStream, request: &Request<'_>, answer: &str) -> Option<Advisory> {
    let engine = jetstream.engine()?;
    if !jetstream.router()?.has_interest(SUBJECT.as_bytes()) {
        return None;
    }
    let server = engine.info().server_name;
    let particular =
        particular(&server, jetstream.account_name(), request, answer).with_some("domain", jetstream.domain());
    let (id, now) = (advisory::new_id(&engine), engine.timestamp());
    Some(Advisory::new(SUBJECT.to_owned(), "api_audit", &id, now, &particular))
}

/// Differs from nats-server, which tells where the client is connected from, too: that is not known here.
fn particular(server: &str, account: &str, request: &Request<'_>, answer: &str) -> Object {
    let client = Object::new().with("acc", account).with("server", server);
    let operation = operation(request.subject).unwrap_or_default();
    // The domain is not part of the subject that is told.
    let subject = format!("$JS.API.{}", String::from_utf8_lossy(operation));
    let body = (!request.payload.is_empty()).then(|| String::from_utf8_lossy(request.payload));
    Object::new()
        .with("server", server)
        .with_raw("client", &client.to_json())
        .with("subject", &subject)
        .with_some("request", body)
        .with("response", answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_and_answer_are_told_as_texts() {
        let request =
            Request { subject: b"$JS.hub.API.STREAM.INFO.S", reply: None, headers: b"", payload: br#"{"a<b>":1}"# };
        assert_eq!(
            particular("s1", "$G", &request, r#"{"x":1}"#).to_json(),
            r#"{"server":"s1","client":{"acc":"$G","server":"s1"},"subject":"$JS.API.STREAM.INFO.S","request":"{\"a\u003cb\u003e\":1}","response":"{\"x\":1}"}"#
        );
        let request = Request { payload: b"", ..request };
        let json = particular("s1", "$G", &request, "{}").to_json();
        assert!(json.ends_with(r#""subject":"$JS.API.STREAM.INFO.S","response":"{}"}"#), "{json}");
    }
}
