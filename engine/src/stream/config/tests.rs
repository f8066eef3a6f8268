//! Against captures from the reference server.

use embus_storage::log::Evicted;

use super::*;
use crate::api::error::ApiError;

/// One entry of a test file: requests, and how the last one was answered.
struct Capture<'a> {
    requests: Vec<&'a str>,
    answer: &'a str,
}

fn captures(file: &str) -> Vec<Capture<'_>> {
    let mut captures = Vec::new();
    let mut requests = Vec::new();
    for line in file.lines() {
        match line.split_at(2) {
            ("# ", _) => {}
            ("> ", request) => requests.push(request),
            _ => captures.push(Capture { requests: std::mem::take(&mut requests), answer: line }),
        }
    }
    captures
}

fn answer(result: Result<StreamConfig, ApiError>) -> String {
    match result {
        Ok(config) => format!("< {}", config.to_json(true)),
        Err(ApiError { code, err_code, description }) => format!("! {code} {err_code} {description}"),
    }
}

fn create(request: &str, limits: &StreamLimits) -> Result<StreamConfig, ApiError> {
    let (config, pedantic) = StreamConfig::from_request(request.as_bytes())?;
    config.check_create(pedantic, limits)
}

fn update(old: &StreamConfig, request: &str, limits: &StreamLimits) -> Result<StreamConfig, ApiError> {
    let (config, pedantic) = StreamConfig::from_request(request.as_bytes())?;
    old.check_update(config, pedantic, limits)
}

#[track_caller]
fn check_file(file: &str, limits: &StreamLimits) {
    let mut wrong = Vec::new();
    for capture in captures(file) {
        let mut result = create(capture.requests[0], limits);
        for request in &capture.requests[1..] {
            result = update(&result.unwrap(), request, limits);
        }
        if let Ok(config) = &result {
            let stored = config.to_stored(1_234_567_891);
            let expected = StoredStream { config: config.clone(), created: 1_234_567_891, evicted: None };
            assert_eq!(StoredStream::decode(&stored).unwrap(), expected);
        }
        let found = answer(result);
        if found != capture.answer {
            wrong.push(format!("{:?}\n  expected {}\n  found    {found}", capture.requests, capture.answer));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn creates_what_the_reference_server_creates() {
    check_file(include_str!("tests/create.txt"), &StreamLimits::default());
}

#[test]
fn updates_what_the_reference_server_updates() {
    check_file(include_str!("tests/update.txt"), &StreamLimits::default());
}

#[test]
fn keeps_to_limits_as_the_reference_server_does() {
    let limits =
        StreamLimits { max_consumers: 3, max_duplicate_window: Nanos(60_000_000_000), ..StreamLimits::default() };
    check_file(include_str!("tests/limits.txt"), &limits);
}

#[track_caller]
fn check_refused(request: &str, expected: &str) {
    assert_eq!(answer(create(request, &StreamLimits::default())), format!("! {expected}"), "{:.80}", request);
}

#[test]
fn texts_are_bounded() {
    let of = |field: &str, text: &str| format!(r#"{{"name":"A","{field}":{text}}}"#);
    let quoted = |length: usize| format!("\"{}\"", "x".repeat(length));
    check_refused(
        &of("description", &quoted(4097)),
        "500 10052 stream description is too long, maximum allowed is 4096",
    );
    assert!(create(&of("description", &quoted(4096)), &StreamLimits::default()).is_ok());
    // 16 bytes are taken by the level the API adds.
    let metadata = |length: usize| of("metadata", &format!(r#"{{"k":{}}}"#, quoted(length)));
    check_refused(&metadata(131_072 - 16), "500 10052 stream metadata exceeds maximum size of 131072 bytes");
    assert!(create(&metadata(131_072 - 17), &StreamLimits::default()).is_ok());
    let name = |length: usize| format!(r#"{{"name":{}}}"#, quoted(length));
    check_refused(&name(256), "500 10052 stream name is too long, maximum allowed is 255");
    assert!(create(&name(255), &StreamLimits::default()).is_ok());
}

#[test]
fn names() {
    for name in ["", "a.b", "a*b", "a>b", "a b", r"a\tb", r"a\nb", r"a\rb", r"a\fb", ".."] {
        let text = r"500 10052 stream name is required and can not contain '.', '*', '>', '\', '/'";
        check_refused(&format!(r#"{{"name":"{name}"}}"#), text);
    }
    for name in ["a/b", r"a\\b", "../../etc"] {
        check_refused(&format!(r#"{{"name":"{name}"}}"#), "400 10128 Stream name can not contain path separators");
    }
    check_refused(r#"{"name":"a\u0000b"}"#, "500 10049 error creating store for stream");
}

#[test]
fn what_is_not_built_is_refused() {
    for (field, what) in [
        (r#""mirror":{"name":"X"}"#, "mirrors"),
        (r#""sources":[{"name":"X"}]"#, "sources"),
        (r#""sources":[null]"#, "sources"),
        (r#""allow_msg_counter":true"#, "message counters"),
        (r#""allow_atomic":true"#, "atomic publishing"),
        (r#""allow_msg_schedules":true"#, "message schedules"),
        (r#""allow_batched":true"#, "batch publishing"),
    ] {
        let request = format!(r#"{{"name":"A",{field}}}"#);
        check_refused(&request, &format!("500 10052 embus does not support {what}"));
    }
    let old = create(r#"{"name":"A"}"#, &StreamLimits::default()).unwrap();
    let result = update(&old, r#"{"name":"A","mirror":{"name":"X"}}"#, &StreamLimits::default());
    assert_eq!(answer(result), "! 400 10055 stream mirror configuration can not be updated");
}

#[test]
fn sequences_have_63_bits() {
    let request = |sequence: u64| format!(r#"{{"name":"A","first_seq":{sequence}}}"#);
    let most = i64::MAX.cast_unsigned();
    assert_eq!(create(&request(most), &StreamLimits::default()).unwrap().first_sequence, most);
    for sequence in [most + 1, u64::MAX] {
        check_refused(&request(sequence), "500 10052 first sequence can not be larger than 9223372036854775807");
    }
}

#[test]
fn destinations_with_white_space_are_refused() {
    let text = "500 10052 stream configuration for republish with transform from 'a.*' to 'r s' not valid";
    check_refused(r#"{"name":"A","republish":{"src":"a.*","dest":"r s"}}"#, text);
}

#[test]
fn wrong_types_have_the_texts_of_the_reference_server() {
    for (field, text) in [
        (r#""retention":5"#, r#"can not unmarshal "5""#),
        (r#""retention":"Limits""#, r#"can not unmarshal "\"Limits\"""#),
        (r#""retention": [1, 2]"#, r#"can not unmarshal "[1, 2]""#),
        (r#""retention":null"#, r#"can not unmarshal "null""#),
        (r#""storage":true"#, r#"can not unmarshal "true""#),
        (r#""persist_mode":"x""#, r#"can not unmarshal "\"x\"""#),
        (r#""compression":"x""#, "unknown compression algorithm"),
        (r#""compression":null"#, "unknown compression algorithm"),
        (r#""compression":5"#, "json: cannot unmarshal number into Go value of type string"),
        (r#""template_owner":"x""#, r#"json: unknown field "template_owner""#),
        (
            r#""mirror":{"opt_start_time":"2020-13-01T00:00:00Z"}"#,
            r#"parsing time "2020-13-01T00:00:00Z": month out of range"#,
        ),
        (
            r#""sources":{}"#,
            "json: cannot unmarshal object into Go struct field StreamConfigRequest.sources of type []*server.StreamSource",
        ),
        (
            r#""sources":[5]"#,
            "json: cannot unmarshal number into StreamConfigRequest.sources.0 of type server.StreamSource",
        ),
        (
            r#""consumer_limits":{"max_ack_pending":"x"}"#,
            "json: cannot unmarshal string into Go struct field StreamConfigRequest.consumer_limits.max_ack_pending of type int",
        ),
        (
            r#""pedantic":5"#,
            "json: cannot unmarshal number into Go struct field StreamConfigRequest.pedantic of type bool",
        ),
    ] {
        check_refused(&format!(r#"{{"name":"A",{field}}}"#), &format!("400 10025 invalid JSON: {text}"));
    }
}

#[test]
fn bodies_of_clients_are_taken() {
    let async_nats = r#"{"name":"RS","max_bytes":0,"max_msgs":0,"max_msgs_per_subject":0,"discard":"old","subjects":["rs.>"],"retention":"limits","max_consumers":0,"max_age":0,"storage":"file","num_replicas":0,"consumer_limits":null}"#;
    let config = create(async_nats, &StreamLimits::default()).unwrap();
    assert_eq!((config.max_bytes, config.max_messages, config.num_replicas), (-1, -1, 1));
    let plain = config.to_json(false);
    assert!(plain.ends_with(r#""metadata":{"_nats.req.level":"0"}}"#) && plain.contains(r#"["rs.\u003e"]"#), "{plain}");
}

#[test]
fn differences_are_named() {
    let limits = StreamLimits::default();
    let plain = create(r#"{"name":"A"}"#, &limits).unwrap();
    assert_eq!(plain.differing_field(&plain.clone()), None);
    for (field, name, lasts) in [
        (r#""storage":"memory""#, "storage", true),
        (r#""retention":"workqueue""#, "retention", true),
        (r#""retention":"interest""#, "retention", false),
        (r#""max_msgs":5"#, "max_msgs", false),
        (r#""metadata":{"a":"b"}"#, "metadata", false),
        (r#""persist_mode":"async""#, "persist_mode", true),
    ] {
        let other = create(&format!(r#"{{"name":"A",{field}}}"#), &limits).unwrap();
        assert_eq!(plain.differing_field(&other), Some(name));
        assert_eq!(plain.lasting_field(&other), lasts.then_some(name));
    }
}

#[test]
fn what_limits_took_is_stored_with_those_that_come_next() {
    let evicted = Some(Evicted { floor: 91, last_sequence: u64::MAX - 1 });
    let stored = StoredStream { config: StreamConfig::default(), created: 7, evicted };
    assert_eq!(StoredStream::decode(&stored.encode()).unwrap(), stored);
}

#[test]
fn damaged_stored_configurations_are_refused() {
    assert!(StoredStream::decode(br#"{"config":{"name":"A"}}"#).is_err());
    assert!(
        StoredStream::decode(br#"{"config":{"name":"A","new_field":1},"created":"2020-01-01T00:00:00Z"}"#).is_err()
    );
    assert!(StoredStream::decode(b"").is_err());
}

#[track_caller]
fn check_cycle(streams: &[(&str, &str, &str)], expected: bool) {
    let configs: Vec<_> = streams
        .iter()
        .map(|(subject, source, destination)| {
            let request = format!(
                r#"{{"name":"A","subjects":["{subject}"],"republish":{{"src":"{source}","dest":"{destination}"}}}}"#
            );
            create(&request, &StreamLimits::default()).unwrap()
        })
        .collect();
    assert_eq!(republish_cycle(&configs.iter().collect::<Vec<_>>()), expected, "{streams:?}");
}

#[test]
fn rings_of_republishing_are_found() {
    check_cycle(&[], false);
    check_cycle(&[("a.>", "a.>", "b.>")], false);
    check_cycle(&[("a.>", "a.>", "b.>"), ("b.>", "b.>", "a.>")], true);
    check_cycle(&[("a.>", "a.>", "b.>"), ("b.>", "b.>", "c.>"), ("c.>", "c.>", "a.x.>")], true);
    check_cycle(&[("a.>", "a.>", "b.>"), ("b.>", "b.>", "c.>"), ("c.>", "c.>", "d.>")], false);
    // What comes back is not republished again.
    check_cycle(&[("a.>", "a.in.>", "b.in.>"), ("b.>", "b.in.>", "a.out.>")], false);
    // Into itself, in ways that plain filters do not show.
    check_cycle(&[("A", "*", "$1")], true);
    check_cycle(&[("a.*.b", "a.*.*", "a.$2.$1")], true);
    check_cycle(&[("a.*", "a.*", "{{left(1,1)}}.x")], true);
    check_cycle(&[("a.*", "a.x", "b.y")], false);
}

#[test]
fn many_streams_into_one_are_no_ring() {
    let subjects: Vec<_> = (0..50).map(|n| (format!("in.{n}.>"), format!("out.{n}.>"))).collect();
    let streams: Vec<_> = subjects.iter().map(|(from, to)| (from.as_str(), from.as_str(), to.as_str())).collect();
    check_cycle(&streams, false);
}
