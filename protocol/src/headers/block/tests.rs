//! The header block against what clients send, and round trips.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check_status(block: &str, expected: Option<(u16, Option<&str>)>) {
    let (status, headers) = parse(block.as_bytes()).expect("a block");
    let status = status.map(|(code, description)| (code.as_u16(), description));
    assert_eq!(status.as_ref().map(|(code, description)| (*code, description.as_deref())), expected, "{block:?}");
    assert!(headers.is_empty());
}

#[test]
fn status_lines() {
    check_status("NATS/1.0\r\n\r\n", None);
    check_status("NATS/1.0", None);
    check_status("NATS/1.0 503\r\n\r\n", Some((503, None)));
    check_status("NATS/1.0 100 Idle Heartbeat\r\n\r\n", Some((100, Some("Idle Heartbeat"))));
    check_status("NATS/1.0   404  No Messages \r\n\r\n", Some((404, Some("No Messages"))));
    for (block, error) in [
        ("", HeaderError::Version),
        ("HTTP/1.1\r\n\r\n", HeaderError::Version),
        ("NATS/1.0 5\r\n\r\n", HeaderError::Status),
        ("NATS/1.0 abc\r\n\r\n", HeaderError::Status),
        ("NATS/1.0\r\nno colon\r\n\r\n", HeaderError::Line),
        ("NATS/1.0\r\na b: c\r\n\r\n", HeaderError::Name),
        ("NATS/1.0\r\na: b\rc\r\n\r\n", HeaderError::Value),
    ] {
        assert_eq!(parse(block.as_bytes()), Err(error), "{block:?}");
    }
    assert_eq!(parse(b"NATS/1.0\r\na: \xff\r\n\r\n"), Err(HeaderError::NotUtf8));
}

#[test]
fn lines_are_read_as_async_nats_reads_them() {
    let (_, headers) = parse(b"NATS/1.0\r\na:1\r\na:  2 \nlong: x\r\n  y\r\nempty:\r\n\r\n").expect("a block");
    let values: Vec<_> = headers.get_all("a").map(HeaderValue::as_str).collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(headers.get("long").map(HeaderValue::as_str), Some("x  y"));
    assert_eq!(headers.get("empty").map(HeaderValue::as_str), Some(""));
}

// Found by fuzzing: the value kept the white space of its second line, and lost it when written and read again.
#[test]
fn a_value_that_begins_on_the_second_line_is_trimmed() {
    let (_, headers) = parse(b"NATS/1.0\r\na: \r\n \x1bx\r\n\r\n").expect("a block");
    assert_eq!(headers.get("a").map(HeaderValue::as_str), Some("\x1bx"));
    assert_eq!(parse(&encode(&headers)), Ok((None, headers)));
}

#[test]
fn value_is_exact_and_the_first() {
    let block = b"NATS/1.0 503\r\nab: 0\r\na: \t1 \r\na: 2\r\nc:3\nd";
    assert_eq!(value(block, "a"), Some(&b"\t1 "[..]));
    assert_eq!(value(block, "c"), Some(&b"3"[..]));
    for name in ["A", "b", "d", "NATS/1.0 503", ""] {
        assert_eq!(value(block, name), None, "{name}");
    }
}

#[test]
fn no_responders_status() {
    let block = encode_status(StatusCode::NO_RESPONDERS, &[(super::super::NATS_SUBJECT, b"a.b")]);
    assert_eq!(block, b"NATS/1.0 503\r\nNats-Subject: a.b\r\n\r\n");
    assert_eq!(encode_status(StatusCode::OK, &[]), b"NATS/1.0 200\r\n\r\n");
}

proptest! {
    #[test]
    fn round_trip(pairs in prop::collection::vec(("[!-9;-~]{1,8}", "[^\r\n]{0,12}"), 0..12)) {
        let mut headers = HeaderMap::new();
        for (name, value) in &pairs {
            headers.append(name.as_str(), value.trim());
        }
        let block = encode(&headers);
        prop_assert_eq!(block.len(), encoded_len(&headers));
        prop_assert_eq!(parse(&block), Ok((None, headers.clone())));
        for (name, values) in &headers {
            let first = values.first().map(|value| value.as_str().as_bytes());
            prop_assert_eq!(value(&block, name), first);
        }
    }

    #[test]
    fn no_bytes_panic(tail in prop::collection::vec(any::<u8>(), 0..60), name in "[!-~]{0,3}") {
        let block = [VERSION.as_bytes(), &tail].concat();
        let _ = (parse(&block), parse(&tail), value(&block, &name));
    }
}
