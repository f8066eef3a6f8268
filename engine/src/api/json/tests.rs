//! What the reference server says to wrong requests. [nats-server 2.15.1, captured]

use std::collections::BTreeMap;

use litemap::LiteMap;
use proptest::prelude::*;

use super::*;
use crate::api::time::{Nanos, Time};

#[derive(Debug, Default, PartialEq)]
struct Inner {
    src: String,
    time: Option<Time>,
}

fields!(Inner, "server.SubjectTransformConfig", { "src" => src, "opt_start_time" => time });

#[derive(Debug, Default, PartialEq)]
struct Request {
    name: String,
    subjects: Vec<String>,
    max_msgs: i64,
    max_msg_size: i32,
    replicas: i64,
    first_seq: u64,
    max_age: Nanos,
    sealed: bool,
    inner: Option<Inner>,
    inners: Vec<Inner>,
    metadata: LiteMap<String, String>,
}

fields!(Request, "server.StreamConfigRequest", {
    "name" => name,
    "subjects" => subjects,
    "max_msgs" => max_msgs,
    "max_msg_size" => max_msg_size,
    "num_replicas" => replicas via int,
    "first_seq" => first_seq,
    "max_age" => max_age,
    "sealed" => sealed,
    "inner" => inner,
    "inners" => inners,
    "metadata" => metadata,
});

#[track_caller]
fn check(body: impl AsRef<[u8]>, expected: &str) {
    let body = body.as_ref();
    let shown = String::from_utf8_lossy(&body[..body.len().min(80)]);
    match decode::<Request>(body) {
        Ok(request) => panic!("{shown} gave {request:?}"),
        Err(error) => assert_eq!(error.description, format!("invalid JSON: {expected}"), "{shown}"),
    }
}

#[track_caller]
fn check_type(body: &str, what_and_where: &str) {
    check(body, &format!("json: cannot unmarshal {what_and_where}"));
}

#[test]
fn values_of_the_wrong_type() {
    let field = |what: &str, rest: &str| format!("{what} into Go struct field StreamConfigRequest.{rest}");
    check_type(r#"{"name":5}"#, &field("number", "name of type string"));
    check_type(r#"{"name":true}"#, &field("bool", "name of type string"));
    check_type(r#"{"max_msgs":"5"}"#, &field("string", "max_msgs of type int64"));
    check_type(r#"{"max_msgs":5.5}"#, &field("number 5.5", "max_msgs of type int64"));
    check_type(r#"{"max_msgs":1E5}"#, &field("number 1E5", "max_msgs of type int64"));
    check_type(r#"{"max_msg_size":2147483648}"#, &field("number 2147483648", "max_msg_size of type int32"));
    check_type(r#"{"num_replicas":1.0}"#, &field("number 1.0", "num_replicas of type int"));
    check_type(r#"{"first_seq":-1}"#, &field("number -1", "first_seq of type uint64"));
    check_type(
        r#"{"first_seq":18446744073709551616}"#,
        &field("number 18446744073709551616", "first_seq of type uint64"),
    );
    check_type(r#"{"max_age":"5s"}"#, &field("string", "max_age of type time.Duration"));
    check_type(r#"{"sealed":1}"#, &field("number", "sealed of type bool"));
    check_type(r#"{"subjects":"x"}"#, &field("string", "subjects of type []string"));
    check_type(r#"{"subjects":[5]}"#, "number into StreamConfigRequest.subjects.0 of type string");
    check_type(r#"{"inner":5}"#, &field("number", "inner of type server.SubjectTransformConfig"));
    check_type(r#"{"inner":{"src":5}}"#, &field("number", "inner.src of type string"));
    check_type(r#"{"inner":{"opt_start_time":5}}"#, &field("number", "inner.opt_start_time of type time.Time"));
    check_type(r#"{"inners":{}}"#, &field("object", "inners of type []server.SubjectTransformConfig"));
    check_type(r#"{"inners":[{},{"src":5}]}"#, &field("number", "inners.1.src of type string"));
    check_type(r#"{"inners":[5]}"#, "number into StreamConfigRequest.inners.0 of type server.SubjectTransformConfig");
    check_type(r#"{"metadata":[]}"#, &field("array", "metadata of type map[string]string"));
    check_type(r#"{"metadata":{"a/b~c":5}}"#, &field("number", "metadata.a~1b~0c of type string"));
    for (body, found) in [("[]", "array"), ("5", "number"), (r#""x""#, "string"), ("true", "bool"), ("00", "number")] {
        check_type(body, &format!("{found} into Go value of type server.StreamConfigRequest"));
    }
}

#[test]
fn unknown_fields() {
    check(r#"{"name":"A","foo":1}"#, r#"json: unknown field "foo""#);
    check(r#"{"x\u003cy":1}"#, r#"json: unknown field "x<y""#);
    check(r#"{"":1}"#, r#"json: unknown field """#);
    check("{\"foo\u{2028}<\\n\\u0007\\\"é\\u00ad\":1}", r#"json: unknown field "foo\u2028<\n\a\"é\u00ad""#);
    let odd = "{\"\u{feff}\u{301}\u{e000}\u{378}\u{3000}\u{200b}\u{e0001}\\u0000\":1}";
    check(odd, "json: unknown field \"\\ufeff\u{301}\\ue000\\u0378\\u3000\\u200b\\U000e0001\\x00\"");
    check(r#"{"inner":{"foo":1}}"#, r#"json: unknown field "foo""#);
    assert_eq!(decode_lenient::<Request>(br#"{"foo":[{"a":"]"}],"max_msgs":5}"#).unwrap().max_msgs, 5);
}

#[test]
fn the_first_error_wins() {
    check(r#"{"foo":1,"max_msgs":"x"}"#, r#"json: unknown field "foo""#);
    check(r#"{"foo":1,"name":"#, "unexpected EOF");
    check(r#"{"foo":1} x"#, r#"json: unknown field "foo""#);
    check(r#"{"name":5,"x" 5}"#, "invalid character '5' after object key at offset 15");
}

#[test]
fn broken_syntax() {
    let ends = [
        "{",
        "[",
        r#"{"name""#,
        r#"{"name":"#,
        r#"{"name":"A","#,
        r#"{"name":"A"#,
        r#"{"name":fals"#,
        "-",
        "1.",
        "1e+",
    ];
    let more_ends = [r#"{"name":"A\"#, r#"{"name":"A\u1"#, r#"{"name":"\u"#, r#"{"name":"A"} ["#, "[1,"];
    for body in ends.into_iter().chain(more_ends) {
        check(body, "unexpected EOF");
    }
    for (body, expected) in [
        ("x", "'x' looking for beginning of value at offset 1"),
        (r#"{"name":"A",}"#, "'}' looking for beginning of object key string at offset 13"),
        ("{,}", "',' looking for beginning of object key string at offset 2"),
        (r#"{"name":}"#, "'}' looking for beginning of value at offset 9"),
        (r#"{"name" "A"}"#, "'\"' after object key at offset 9"),
        ("{'name':1}", "'\\'' looking for beginning of object key string at offset 2"),
        (r#"{"name":"A"}}"#, "'}' looking for beginning of value at offset 13"),
        (r#"{"name":"A"} x"#, "'x' looking for beginning of value at offset 14"),
        (r#"{"name":"A" x}"#, "'x' after object key:value pair at offset 13"),
        (r#"{"name":["A"}"#, "'}' after array element at offset 13"),
        ("[1 2]", "'2' after array element at offset 4"),
        ("[1,]", "']' looking for beginning of value at offset 4"),
        ("{\"name\":\"A\nb\"}", "'\\n' in string at offset 11"),
        (r#"{"name":tru}"#, "'}' in literal true (expecting 'e') at offset 12"),
        ("nan", "'a' in literal null (expecting 'u') at offset 2"),
        (r#"{"name":01}"#, "'1' after object key:value pair at offset 10"),
        (r#"{"name":-}"#, "'}' in numeric literal at offset 10"),
        (r#"{"name":1.}"#, "'}' in numeric literal at offset 11"),
        ("1e+a", "'a' in numeric literal at offset 4"),
        (r#"{"name":+1}"#, "'+' looking for beginning of value at offset 9"),
        ("\u{feff}{}", "'\\ufeff' looking for beginning of value at offset 3"),
        ("😀", "'😀' looking for beginning of value at offset 4"),
        (" \u{b}{}", "'\\v' looking for beginning of value at offset 2"),
        ("\u{7f}", "'\\x7f' looking for beginning of value at offset 1"),
    ] {
        check(body, &format!("invalid character {expected}"));
    }
    check(b"{\"name\":\"A\"\xff}", "invalid character '\\xff' after object key:value pair at offset 12");
    check(b"\xe2\x82", "invalid character '\\xe2' looking for beginning of value at offset 1");
}

#[test]
fn broken_escapes() {
    check(r#"{"name":"A\q"}"#, r"invalid escape sequence `\q` in string at offset 12");
    check(r#"{"name":"A\u12"}"#, r#"invalid escape sequence `\u12"}` in string at offset 16"#);
    check(r#"{"name":"\uz"}"#, r#"invalid escape sequence `\uz"}` in string at offset 14"#);
    check(r#"{"name":"A\é"}"#, r#"invalid escape sequence "\\\xc3" in string at offset 12"#);
    check("\"\\`\"", r#"invalid escape sequence "\\`" in string at offset 3"#);
    check("\"\\\t\"", r#"invalid escape sequence "\\\t" in string at offset 3"#);
}

#[test]
fn depth_is_bounded() {
    check("[".repeat(10_001), "exceeded max depth at offset 10001");
    check("{\"a\":".repeat(10_001), "exceeded max depth at offset 50001");
    check("[".repeat(10_000), "unexpected EOF");
    let nested = format!("{{\"foo\":{}{}}}", "[".repeat(9_999), "]".repeat(9_999));
    assert!(decode_lenient::<Request>(nested.as_bytes()).is_ok());
}

#[track_caller]
fn read(body: impl AsRef<[u8]>) -> Request {
    decode(body.as_ref()).unwrap()
}

#[test]
fn names_match_in_any_case_and_the_last_one_counts() {
    assert_eq!(read(r#"{"nAme":"A","NAME":"B"}"#).name, "B");
    assert_eq!(read(r#"{"max_mſgs":7}"#).max_msgs, 7);
    assert_eq!(read(r#"{"subjects":["a","b"],"subjects":["c"]}"#).subjects, ["c"]);
    assert_eq!(read(r#"{"subjects":["a","b"],"subjects":[null]}"#).subjects, ["a"]);
    assert_eq!(read(r#"{"metadata":{"a":"1"},"metadata":{"b":null}}"#).metadata.len(), 2);
    assert_eq!(read(r#"{"inner":{"src":"a"},"inner":{}}"#).inner.unwrap().src, "a");
}

#[test]
fn null_changes_nothing_but_what_can_be_absent() {
    assert_eq!(read(r#"{"max_msgs":5,"max_msgs":null,"name":null,"sealed":null,"max_age":null}"#).max_msgs, 5);
    assert_eq!(read(r#"{"inner":{},"inner":null,"subjects":["a"],"subjects":null}"#), Request::default());
    assert_eq!(read("null"), Request::default());
}

#[test]
fn bodies_of_none_and_several_values() {
    assert_eq!(read(""), Request::default());
    assert_eq!(read(" \r\n\t"), Request::default());
    let request = read("{\"name\":\"A\"}\n{\"max_msgs\":5}null");
    assert_eq!((request.name.as_str(), request.max_msgs), ("A", 5));
}

#[test]
fn text_is_mended_as_go_does() {
    let body = b"{\"name\":\"\xe2\x82 \xed\xa0\x80 \\ud800 \\ud83d\\ude00 \\udc00\\ud83d\"}";
    assert_eq!(read(body).name, "\u{fffd} \u{fffd}\u{fffd}\u{fffd} \u{fffd} 😀 \u{fffd}\u{fffd}");
    assert_eq!(read(r#"{"name":"\u0041\b\f\n\r\t\/\"\\"}"#).name, "A\u{8}\u{c}\n\r\t/\"\\");
}

#[test]
fn writing_escapes_as_go_does() {
    let text = "<>&\u{2028}\u{2029}\u{7f}\u{1}\u{8}\u{c}\n\r\t/\"\\é😀";
    let expected = "\"\\u003c\\u003e\\u0026\\u2028\\u2029\u{7f}\\u0001\\b\\f\\n\\r\\t/\\\"\\\\é😀\"";
    assert_eq!(to_string(&text), expected);
    let keys = BTreeMap::from([("a>b", 1)]);
    assert_eq!(to_string(&keys), r#"{"a\u003eb":1}"#);
}

proptest! {
    #[test]
    fn the_grammar_is_that_of_serde_json(text in r#"([\[\]{}:, "ab\\/n\-+.eE0-9]|"[ab\\n]{0,3}"|true|false|null){0,12}"#) {
        let ours = scan::next_value(text.as_bytes(), 0);
        let is_one = matches!(&ours, Ok(Some(span)) if text[span.end..].trim_ascii().is_empty());
        prop_assert_eq!(is_one, serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{:?}", ours);
    }

    #[test]
    fn any_bytes_decode_or_are_refused(body in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _: Result<Request, _> = decode(&body);
        let _: Result<Request, _> = decode_lenient(&[b"{\"name\":\"", &body[..], b"\",\"subjects\":[]}"].concat());
    }

    #[test]
    fn text_survives_a_round_trip(metadata in proptest::collection::btree_map(".*", ".*", 0..4), name in ".*") {
        let body = to_string(&serde_json::json!({"metadata": &metadata, "x": [{"]": "}"}], "name": &name}));
        let request: Request = decode_lenient(body.as_bytes()).unwrap();
        prop_assert_eq!((request.metadata, request.name), (metadata.into_iter().collect(), name));
    }
}
