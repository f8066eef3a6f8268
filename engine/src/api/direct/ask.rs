//! What a direct get asks for: read from its subject and, if it has one, its body. [reference §6.1]

use std::borrow::Cow;

use crate::api::direct::batch::Batch;
use crate::api::direct::multi::Multi;
use crate::api::direct::reply::Status;
use crate::api::fetch::Query;
use crate::api::json;
use crate::api::request::{check_level, operation};
use crate::api::selector::Selector;
use crate::service::Request;

/// A direct get.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask<'a> {
    One { query: Query<'a>, no_headers: bool },
    Batch(Batch),
    Multi(Multi),
}

/// Reads a request to the stream of this name.
pub(super) fn read<'a>(stream: &str, request: &Request<'a>) -> Result<Ask<'a>, Status> {
    check_level(request.headers).map_err(|_| Status::RequiredLevel)?;
    match subject(stream, request.subject) {
        Some(subject) => last_of(subject, request.payload),
        None if request.payload.is_empty() => Err(Status::EmptyRequest),
        None => selected(parse(request.payload)?),
    }
}

/// What stands behind `DIRECT.GET.<stream>.`.
pub(super) fn subject<'a>(stream: &str, subject: &'a [u8]) -> Option<&'a [u8]> {
    let names = operation(subject)?.strip_prefix(b"DIRECT.GET.")?;
    names.strip_prefix(stream.as_bytes())?.strip_prefix(b".")
}

fn parse(body: &[u8]) -> Result<Selector, Status> {
    json::decode_lenient(body).map_err(|_| Status::MalformedRequest)
}

/// The last message of a subject; its body may ask for no headers, and for nothing else.
fn last_of<'a>(subject: &'a [u8], body: &[u8]) -> Result<Ask<'a>, Status> {
    let mut no_headers = false;
    if !body.is_empty() {
        let selector = parse(body)?;
        if !selector.selects_nothing() || selector.batch > 0 || !selector.multi_last.is_empty() {
            return Err(Status::BadRequest);
        }
        no_headers = selector.no_headers;
    }
    Ok(Ask::One { query: Query::Last(Cow::Borrowed(subject)), no_headers })
}

fn selected(selector: Selector) -> Result<Ask<'static>, Status> {
    let is_multi = !selector.multi_last.is_empty();
    if selector.selects_nothing() && !is_multi {
        return Err(Status::EmptyRequest);
    }
    let (last, next) = (!selector.last_by_subject.is_empty(), !selector.next_by_subject.is_empty());
    let contradicts_batch = last && (selector.batch > 0 || is_multi) || next && is_multi;
    let ends_twice = selector.up_to_sequence > 0 && selector.up_to_time.is_some();
    if selector.contradicts_itself() || contradicts_batch || ends_twice {
        return Err(Status::BadRequest);
    }
    if is_multi {
        return Ok(Ask::Multi(Multi::new(selector)));
    }
    if selector.batch != 0 && !last {
        return Ok(Ask::Batch(Batch::new(&selector)));
    }
    Ok(Ask::One { query: selector.query().into_owned(), no_headers: selector.no_headers })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask<'a>(subject: &'a str, body: &'a str) -> Result<Ask<'a>, Status> {
        let request = Request { subject: subject.as_bytes(), reply: None, headers: b"", payload: body.as_bytes() };
        read("S", &request)
    }

    #[test]
    fn last_of_a_subject() {
        let last = |no_headers| Ok(Ask::One { query: Query::Last(Cow::Borrowed(b"s.a")), no_headers });
        assert_eq!(ask("$JS.API.DIRECT.GET.S.s.a", ""), last(false));
        assert_eq!(ask("$JS.hub.API.DIRECT.GET.S.s.a", ""), last(false));
        for body in ["{}", "null", r#"{"foo":1}"#, r#"{"max_bytes":1}"#] {
            assert_eq!(ask("$JS.API.DIRECT.GET.S.s.a", body), last(false), "{body}");
        }
        assert_eq!(ask("$JS.API.DIRECT.GET.S.s.a", r#"{"no_hdr":true}"#), last(true));
        for body in ["x", "{", "[]", " x"] {
            assert_eq!(ask("$JS.API.DIRECT.GET.S.s.a", body), Err(Status::MalformedRequest), "{body}");
        }
        for body in [
            r#"{"seq":2}"#,
            r#"{"last_by_subj":"s.a"}"#,
            r#"{"next_by_subj":"s.a"}"#,
            r#"{"batch":2}"#,
            r#"{"multi_last":["s.a"]}"#,
            r#"{"start_time":"2020-01-01T00:00:00Z"}"#,
        ] {
            assert_eq!(ask("$JS.API.DIRECT.GET.S.s.a", body), Err(Status::BadRequest), "{body}");
        }
    }

    #[test]
    fn bodies_that_say_nothing() {
        for body in [
            "",
            "{}",
            "null",
            r#"{"seq":0}"#,
            r#"{"batch":2}"#,
            r#"{"max_bytes":10}"#,
            r#"{"multi_last":[]}"#,
            r#"{"up_to_seq":3}"#,
            r#"{"no_hdr":true}"#,
            r#"{"batch":-1}"#,
        ] {
            assert_eq!(ask("$JS.API.DIRECT.GET.S", body), Err(Status::EmptyRequest), "{body}");
        }
    }

    #[test]
    fn bodies_that_do_not_read() {
        for body in ["x", "{", "[]", r#"{"seq":"a"}"#, r#"{"multi_last":"s.a"}"#] {
            assert_eq!(ask("$JS.API.DIRECT.GET.S", body), Err(Status::MalformedRequest), "{body}");
        }
    }

    #[test]
    fn bodies_that_ask_for_two_things() {
        for body in [
            r#"{"seq":1,"last_by_subj":"s.a"}"#,
            r#"{"seq":1,"start_time":"0001-01-01T00:00:00Z"}"#,
            r#"{"last_by_subj":"s.a","next_by_subj":"s.a"}"#,
            r#"{"last_by_subj":"s.a","batch":2}"#,
            r#"{"last_by_subj":"s.a","multi_last":["s.a"]}"#,
            r#"{"next_by_subj":"s.a","multi_last":["s.a"]}"#,
            r#"{"multi_last":["s.a"],"up_to_seq":3,"up_to_time":"2020-01-01T00:00:00Z"}"#,
            r#"{"multi_last":["s.a"],"seq":1,"start_time":"2020-01-01T00:00:00Z"}"#,
        ] {
            assert_eq!(ask("$JS.API.DIRECT.GET.S", body), Err(Status::BadRequest), "{body}");
        }
    }

    #[test]
    fn one_or_several() {
        for body in
            [r#"{"SEQ":1}"#, r#"{"seq":1,"batch":0}"#, r#"{"seq":1,"max_bytes":3}"#, r#"{"seq":1,"multi_last":[]}"#]
        {
            let one = Ask::One { query: Query::Sequence(1), no_headers: false };
            assert_eq!(ask("$JS.API.DIRECT.GET.S", body), Ok(one), "{body}");
        }
        assert!(matches!(ask("$JS.API.DIRECT.GET.S", r#"{"seq":1,"batch":-1}"#), Ok(Ask::Batch(_))));
        assert!(matches!(ask("$JS.API.DIRECT.GET.S", r#"{"multi_last":["s.a"],"seq":6}"#), Ok(Ask::Multi(_))));
    }

    #[test]
    fn levels_come_first() {
        let headers = b"NATS/1.0\r\nNats-Required-Api-Level: 9\r\n\r\n";
        let request = Request { subject: b"$JS.API.DIRECT.GET.S", reply: None, headers, payload: b"x" };
        assert_eq!(read("S", &request), Err(Status::RequiredLevel));
    }
}
