//! Direct gets.

use super::{Fixture, NOW};
use crate::api::direct;
use crate::engine::Engine;
use crate::service::{Calls, Request, Requests, Service};
use crate::stream::Stream;
use crate::sync::Arc;
use crate::worker::Worker;

impl Fixture {
    /// Sends a direct get; returns the messages that answer it, without what is the same in all of them.
    fn get(&self, subject: &str, body: &str) -> String {
        self.begin_get(subject, body);
        self.run_jobs();
        self.got()
    }

    /// Sends a direct get; what has to wait for a commit or a job is not there yet.
    pub(super) fn begin_get(&self, subject: &str, body: &str) {
        let stream = self.jetstream.get("S").unwrap();
        let subject = format!("$JS.API.DIRECT.GET.S{subject}");
        let request =
            Request { subject: subject.as_bytes(), reply: Some(b"_I"), headers: b"", payload: body.as_bytes() };
        self.engine.with_worker(|worker| direct::call(&self.engine, &stream, &request, worker));
    }

    /// The answers since the last time.
    pub(super) fn got(&self) -> String {
        let text = self.hear().replace(&format!("|Nats-Time-Stamp: {NOW}"), "").replace("|Nats-Stream: S", "");
        text.split("MSG _I 1 ").skip(1).map(|frame| short(frame) + "\n").collect()
    }

    #[track_caller]
    pub(super) fn check_get(&self, subject: &str, body: &str, expected: &[&str]) {
        assert_eq!(self.get(subject, body).lines().collect::<Vec<_>>(), expected, "{subject} {body}");
    }
}

/// One frame without its lengths, and with short names of headers.
fn short(frame: &str) -> String {
    let frame = frame.split_once('|').map_or("", |(_, rest)| rest).trim_end_matches(['H', '|']);
    let mut text = frame.to_owned();
    for (long, short) in [
        ("NATS/1.0", "-"),
        ("|Nats-Subject: ", " "),
        ("|Nats-Sequence: ", " "),
        ("|Nats-Num-Pending: ", " pending "),
        ("|Nats-Last-Sequence: ", " after "),
        ("|Nats-UpTo-Sequence: ", " up to "),
    ] {
        text = text.replace(long, short);
    }
    text
}

const NOT_FOUND: &[&str] = &["- 404 Message Not Found"];

#[test]
fn one_message() {
    let fixture = Fixture::new().with_messages();
    fixture.check_get(".s.b", "", &["- s.b 5||m4"]);
    fixture.check_get(".s.b", r#"{"no_hdr":true}"#, &["m4"]);
    fixture.check_get(".s.*", "", &["- s.a<&> 6||m5"]);
    fixture.check_get(".s.x", "", NOT_FOUND);
    fixture.check_get("", r#"{"seq":2}"#, &["-|K: v s.b 2||m1"]);
    fixture.check_get("", r#"{"seq":2,"no_hdr":true}"#, &["m1"]);
    fixture.check_get("", r#"{"seq":100}"#, NOT_FOUND);
    fixture.check_get("", r#"{"last_by_subj":"s.a"}"#, &["- s.a 3||m2"]);
    fixture.check_get("", r#"{"last_by_subj":"s..x"}"#, NOT_FOUND);
    fixture.check_get("", r#"{"next_by_subj":"s.*","seq":3}"#, &["- s.a 3||m2"]);
    fixture.check_get("", r#"{"next_by_subj":"s.b","start_time":"2020-01-01T00:00:00Z"}"#, &["-|K: v s.b 2||m1"]);
    fixture.check_get("", r#"{"start_time":"2099-01-01T00:00:00Z"}"#, NOT_FOUND);
    fixture.check_get("", r#"{"start_time":"0001-01-01T00:00:00Z"}"#, &["- s.a 1||m0"]);
}

/// The direct gets of a stream, as its interest has them.
#[derive(Debug)]
struct Gets(Arc<Stream>);

impl Service for Gets {
    fn call(&self, _: &Arc<Engine>, _: &Request<'_>, _: &mut Worker) {
        panic!("several come together");
    }

    fn call_all(&self, engine: &Arc<Engine>, requests: Requests<'_>, worker: &mut Worker) {
        direct::call_all(engine, &self.0, requests, worker);
    }
}

#[test]
fn many_that_come_together_are_answered_as_if_they_came_alone() {
    let fixture = Fixture::new().with_messages();
    let service: Arc<dyn Service> = Arc::new(Gets(fixture.jetstream.get("S").unwrap()));
    let asked = [
        (".s.b", "", "- s.b 5||m4\n"),
        (".s.x", "", "- 404 Message Not Found\n"),
        ("", "x", "- 408 Malformed Request\n"),
        (".s.a", "", "- s.a 3||m2\n"),
        ("", r#"{"seq":4}"#, "- s.c 4||m3\n"),
    ]
    .repeat(9);
    let mut calls = Calls::default();
    for (subject, body, _) in &asked {
        let (subject, payload) = (format!("$JS.API.DIRECT.GET.S{subject}"), body.as_bytes());
        calls.push(&service, &Request { subject: subject.as_bytes(), reply: Some(b"_I"), headers: b"", payload });
    }
    let expected: String = asked.iter().map(|(.., answer)| *answer).collect();
    fixture.engine.with_worker(|worker| calls.run(&fixture.engine, worker));
    assert_eq!(fixture.got(), expected);
    assert!(calls.is_empty());
}

#[test]
fn the_exact_frame() {
    let fixture = Fixture::new().with_messages();
    let stream = fixture.jetstream.get("S").unwrap();
    let ask = |reply: Option<&[u8]>| {
        let request = Request { subject: b"$JS.API.DIRECT.GET.S.s.c", reply, headers: b"", payload: b"" };
        fixture.engine.with_worker(|worker| direct::call(&fixture.engine, &stream, &request, worker));
        fixture.hear()
    };
    let block = format!("NATS/1.0|Nats-Stream: S|Nats-Subject: s.c|Nats-Sequence: 4|Nats-Time-Stamp: {NOW}||");
    let length = block.replace('|', "\r\n").len();
    assert_eq!(ask(Some(b"_I")), format!("HMSG _I 1 {length} {}|{block}m3|", length + 2));
    assert_eq!(ask(None), "");
}

#[test]
fn wrong_requests() {
    let fixture = Fixture::new().with_messages();
    fixture.check_get("", "", &["- 408 Empty Request"]);
    fixture.check_get("", "{}", &["- 408 Empty Request"]);
    fixture.check_get("", "x", &["- 408 Malformed Request"]);
    fixture.check_get("", r#"{"seq":1,"last_by_subj":"s.a"}"#, &["- 408 Bad Request"]);
    fixture.check_get(".s.a", r#"{"seq":2}"#, &["- 408 Bad Request"]);
}

#[test]
fn batches() {
    let fixture = Fixture::new().with_messages();
    fixture.ask("$JS.API.STREAM.MSG.DELETE.S", "", r#"{"seq":4}"#);
    fixture.check_get(
        "",
        r#"{"seq":2,"batch":2}"#,
        &["-|K: v s.b 2 pending 3 after 0||m1", "- s.a 3 pending 2 after 2||m2", "- 204 EOB pending 2 after 3"],
    );
    fixture.check_get(
        "",
        r#"{"seq":4,"batch":9}"#,
        &["- s.b 5 pending 1 after 0||m4", "- s.a<&> 6 pending 0 after 5||m5", "- 204 EOB pending 0 after 6"],
    );
    fixture.check_get(
        "",
        r#"{"next_by_subj":"s.a","batch":1}"#,
        &["- s.a 1 pending 1 after 0||m0", "- 204 EOB pending 1 after 1"],
    );
    fixture.check_get("", r#"{"seq":5,"batch":2,"no_hdr":true}"#, &["m4", "m5", "- 204 EOB pending 0 after 6"]);
    fixture.check_get("", r#"{"seq":100,"batch":2}"#, NOT_FOUND);
    fixture.check_get("", r#"{"next_by_subj":"x","batch":2}"#, NOT_FOUND);
    fixture.check_get("", r#"{"next_by_subj":"s..a","batch":2}"#, NOT_FOUND);
    fixture.check_get("", r#"{"seq":1,"batch":-1}"#, &["- 204 EOB pending 5 after 0"]);
}

#[test]
fn batches_are_full_when_their_bytes_are() {
    let fixture = Fixture::new().with_messages();
    let last = |body: &str| fixture.get("", body).lines().last().unwrap().to_owned();
    // 3 bytes of subject and 2 of payload each; the second has 18 of headers.
    for (max_bytes, after) in [(1, 1), (-1, 1), (5, 1), (6, 2), (28, 2), (29, 3), (0, 6)] {
        let body = format!(r#"{{"seq":1,"batch":9,"max_bytes":{max_bytes}}}"#);
        assert_eq!(last(&body), format!("- 204 EOB pending {} after {after}", 6 - after), "{max_bytes}");
    }
}

#[test]
fn last_messages_of_many_subjects() {
    let fixture = Fixture::new().with_messages();
    let both = ["- s.a 3 pending 1 after 0||m2", "- s.b 5 pending 0 after 3||m4"];
    let end = "- 204 EOB pending 0 after 5 up to 6";
    fixture.check_get("", r#"{"multi_last":["s.a","s.b"]}"#, &[both[0], both[1], end]);
    fixture.check_get("", r#"{"multi_last":["s.b","s.a","s.a"],"batch":-1}"#, &[both[0], both[1], end]);
    fixture.check_get("", r#"{"multi_last":["s.b","s.a"],"no_hdr":true}"#, &[both[0], both[1], end]);
    fixture.check_get(
        "",
        r#"{"multi_last":["s.a","s.b"],"up_to_seq":2}"#,
        &["- s.a 1 pending 1 after 0||m0", "-|K: v s.b 2 pending 0 after 1||m1", "- 204 EOB pending 0 after 2 up to 2"],
    );
    fixture.check_get(
        "",
        r#"{"multi_last":["s.*","s.a"],"batch":1,"seq":4}"#,
        &["- s.c 4 pending 2 after 0||m3", "- 204 EOB pending 2 after 4 up to 6"],
    );
    fixture.check_get("", r#"{"multi_last":["s.*"],"seq":100}"#, &["- 204 EOB pending 0 after 0 up to 6"]);
    fixture.check_get(
        "",
        r#"{"multi_last":["s.c"],"up_to_seq":100}"#,
        &["- s.c 4 pending 0 after 0||m3", "- 204 EOB pending 0 after 4 up to 6"],
    );
    for body in [
        r#"{"multi_last":["x"]}"#,
        r#"{"multi_last":["s..a"]}"#,
        r#"{"multi_last":[""]}"#,
        r#"{"multi_last":["s.*"],"up_to_time":"2020-01-01T00:00:00Z"}"#,
        r#"{"multi_last":["s.c"],"up_to_seq":3}"#,
    ] {
        fixture.check_get("", body, &["- 404 No Results"]);
    }
}

#[test]
fn too_many_subjects() {
    let fixture = Fixture::new();
    let body = r#"{"name":"S","subjects":["s.>"],"allow_direct":true}"#;
    fixture.ask("$JS.API.STREAM.CREATE.S", "", body);
    fixture.hear();
    for number in 0..1030 {
        fixture.publish(&format!("s.{number}"), "", "x");
    }
    fixture.check_get("", r#"{"multi_last":["s.*"],"batch":1}"#, &["- 413 Too Many Results"]);
    fixture.check_get(
        "",
        r#"{"multi_last":["s.*"],"up_to_seq":1024,"batch":1}"#,
        &["- s.0 1 pending 1023 after 0||x", "- 204 EOB pending 1023 after 1 up to 1024"],
    );
    let filters = (0..1025).map(|number| format!(r#""s.{number}""#)).collect::<Vec<_>>().join(",");
    fixture.check_get("", &format!(r#"{{"multi_last":[{filters}]}}"#), &["- 413 Too Many Results"]);
    let all = fixture.get("", r#"{"seq":1,"batch":2000}"#);
    assert_eq!(all.lines().count(), 1031);
    assert!(all.ends_with("- 204 EOB pending 0 after 1030\n"), "{}", all.lines().last().unwrap());
}

#[test]
fn a_batch_ends_with_whoever_asked_for_it() {
    let fixture = Fixture::new().with_messages();
    let stream = fixture.jetstream.get("S").unwrap();
    let connection = crate::fixtures::connection(9);
    let reader = crate::fixtures::subscription(&connection, "1", "_R", None);
    fixture.engine.global_account().subscribe(Arc::clone(&reader));
    let request = Request {
        subject: b"$JS.API.DIRECT.GET.S",
        reply: Some(b"_R"),
        headers: b"",
        payload: br#"{"seq":1,"batch":1000000}"#,
    };
    let ask = || fixture.engine.with_worker(|worker| direct::call(&fixture.engine, &stream, &request, worker));
    ask();
    fixture.run_jobs();
    let reads = stream.look(|core| core.log().messages());
    assert_eq!(delivered(&connection), reads + 1);
    ask();
    fixture.engine.global_account().unsubscribe(&reader);
    fixture.run_jobs();
    assert_eq!(delivered(&connection), reads + 1);
    for _ in 0..1100 {
        ask();
    }
    assert!(fixture.engine.reads().unwrap().waiting() <= 1000);
}

#[test]
fn reads_and_background_work_keep_no_commit_waiting() {
    let fixture = Fixture::new().with_messages();
    for _ in 0..100 {
        fixture.begin_get("", r#"{"seq":1,"batch":100}"#);
    }
    assert!(fixture.engine.reads().unwrap().waiting() >= 90);
    assert_eq!(fixture.engine.jobs().unwrap().waiting(), 0);
    fixture.run_jobs();
}

fn delivered(connection: &crate::connection::Connection) -> u64 {
    connection.traffic().out_msgs
}
