//! Requests that nobody means well with: each is answered with an error, and the broker lives on.

use std::fs;
use std::path::Path;

use async_nats::jetstream::stream::Config;
use serde_json::Value;

use crate::jetstream::scene::{Scene, config, span};
use crate::support::{Raw, run};

/// Sends requests by hand, where clients would refuse to.
struct Requests {
    raw: Raw,
}

impl Requests {
    async fn connect(scene: &Scene) -> Self {
        Self { raw: Raw::connect(&scene.broker).await.modern().await.subscribed("reply").await }
    }

    /// The reply, or nothing if nobody takes such requests.
    async fn send(&mut self, subject: &str, body: &[u8]) -> Option<Value> {
        self.raw.send(format!("PUB {subject} reply {}\r\n", body.len())).await;
        self.raw.send([body, b"\r\n"].concat()).await;
        let line = self.raw.line().await;
        if line.starts_with("HMSG") {
            assert_eq!(self.raw.line().await, "NATS/1.0 503\r\n", "{subject}");
            while self.raw.line().await != "\r\n" {}
            assert_eq!(self.raw.line().await, "\r\n", "{subject}: a payload");
            return None;
        }
        assert!(line.starts_with("MSG reply 1 "), "{subject}: {line}");
        Some(serde_json::from_str(&self.raw.line().await).unwrap())
    }

    /// The number of the error that comes back.
    async fn refused(&mut self, subject: &str, body: &[u8]) -> u64 {
        let what = || format!("{subject} {}", String::from_utf8_lossy(&body[..body.len().min(80)]));
        let reply = self.send(subject, body).await.unwrap_or_else(|| panic!("{}: nobody answers", what()));
        reply["error"]["err_code"].as_u64().unwrap_or_else(|| panic!("{}: {reply}", what()))
    }
}

#[test]
fn bodies_that_are_no_configuration_are_refused() {
    let deep = [&b"["[..], &b"[".repeat(20_000)].concat();
    let bodies: Vec<&[u8]> = vec![
        b"",
        b"{",
        b"nonsense",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe\x00",
        b"{\"name\":\"A\"",
        b"{\"name\":\"A\"}}",
        br#"{"name":"A","nonsense":1}"#,
        br#"{"name":7}"#,
        br#"{"name":"B"}"#,
        br#"{"name":"A\u0000"}"#,
        br#"{"name":"A","max_msgs":"many"}"#,
        br#"{"name":"A","max_msgs":1.5}"#,
        br#"{"name":"A","max_msgs":99999999999999999999999999}"#,
        br#"{"name":"A","max_bytes":1e400}"#,
        br#"{"name":"A","max_age":-1}"#,
        br#"{"name":"A","max_age":1}"#,
        br#"{"name":"A","max_msg_size":4294967296}"#,
        br#"{"name":"A","num_replicas":-1}"#,
        br#"{"name":"A","num_replicas":99999}"#,
        br#"{"name":"A","first_seq":18446744073709551615}"#,
        br#"{"name":"A","first_seq":18446744073709551616}"#,
        br#"{"name":"A","first_seq":-1}"#,
        br#"{"name":"A","retention":"whatever"}"#,
        br#"{"name":"A","storage":"tape"}"#,
        br#"{"name":"A","subjects":"a"}"#,
        br#"{"name":"A","subjects":["a b"]}"#,
        br#"{"name":"A","subjects":["a..b"]}"#,
        br#"{"name":"A","subjects":[">"]}"#,
        br#"{"name":"A","subjects":["$JS.>"]}"#,
        br#"{"name":"A","subjects":["a\u0000b", "a\r\nb"]}"#,
        br#"{"name":"A","subjects":["a","a"]}"#,
        br#"{"name":"A","subject_transform":{"src":"a","dest":"{{no(1)}}"}}"#,
        br#"{"name":"A","subjects":["a"],"republish":{"src":">","dest":"a"}}"#,
        &deep,
    ];
    run(async move {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(dir.path()).await;
        let mut requests = Requests::connect(&scene).await;
        for body in bodies {
            requests.refused("$JS.API.STREAM.CREATE.A", body).await;
        }
        let description = format!(r#"{{"name":"A","description":"{}"}}"#, "x".repeat(500_000));
        requests.refused("$JS.API.STREAM.CREATE.A", description.as_bytes()).await;
        let subjects = format!(r#"{{"name":"A","subjects":["{}"]}}"#, "x.".repeat(100_000));
        requests.refused("$JS.API.STREAM.CREATE.A", subjects.as_bytes()).await;
        assert_eq!(scene.context.query_account().await.unwrap().streams, 0);
        assert!(entries(&dir.path().join("streams")).is_empty());
        scene.stream(config("A", &["a"])).await;
        assert_eq!(scene.publish("a", "well").await, 1);
        scene.stop().await;
    });
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names.iter().map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn no_name_reaches_the_file_system() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("store");
        let scene = Scene::at(&place).await;
        let mut requests = Requests::connect(&scene).await;
        let before = entries(&place);
        let long = "n".repeat(300);
        let bad = ["../../escaped", "/tmp/escaped", "a/b", "a\\b", "\0", "a\0b", "*", ">", "..", &long];
        for name in bad {
            let body = serde_json::json!({ "name": name, "subjects": ["s"] }).to_string();
            for verb in ["CREATE", "UPDATE"] {
                let subject = format!("$JS.API.STREAM.{verb}.{name}");
                // Some make a subject that is none at all.
                if let Some(reply) = requests.send(&subject, body.as_bytes()).await {
                    assert!(reply["error"]["err_code"].is_u64(), "{subject:?}: {reply}");
                }
                requests.refused(&format!("$JS.API.STREAM.{verb}.X"), body.as_bytes()).await;
            }
            for verb in ["INFO", "DELETE", "PURGE", "MSG.GET", "MSG.DELETE"] {
                let subject = format!("$JS.API.STREAM.{verb}.{name}");
                if let Some(reply) = requests.send(&subject, b"").await {
                    assert!(reply["error"]["err_code"].is_u64(), "{subject:?}: {reply}");
                }
            }
        }
        requests.refused("$JS.API.STREAM.CREATE.X", br#"{"name":"a.b"}"#).await;
        // Odd, and as good as any other.
        for (number, name) in (1..).zip(["-rf", "~root", "${HOME}", "CON", "new-1", "deleted-1", "lock", &long[..255]])
        {
            scene.stream(config(name, &[&format!("odd.{number}")])).await;
            assert_eq!(scene.publish(&format!("odd.{number}"), "x").await, 1);
        }
        assert_eq!(entries(&place), before);
        assert!(entries(&place.join("streams")).iter().all(|name| name.bytes().all(|byte| byte.is_ascii_digit())));
        assert_eq!(entries(dir.path()), ["store"]);
        scene.stop().await;
        let scene = Scene::at(&place).await;
        assert_eq!(span(&scene.get("${HOME}").await).await, (1, 1, 1));
        assert_eq!(scene.context.query_account().await.unwrap().streams, 8);
        scene.stop().await;
    });
}

#[test]
fn requests_about_a_stream_may_be_nonsense() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(config("A", &["a"])).await;
        assert_eq!(scene.publish("a", "kept").await, 1);
        let mut requests = Requests::connect(&scene).await;
        for (verb, body) in [
            ("INFO", r#"{"offset":"x"}"#),
            ("INFO", "["),
            ("DELETE", "now"),
            ("PURGE", r#"{"seq":-1}"#),
            ("PURGE", r#"{"keep":1e99}"#),
            ("PURGE", r#"{"filter":7}"#),
            ("PURGE", r#"{"seq":1,"keep":1}"#),
            ("MSG.GET", ""),
            ("MSG.GET", "{"),
            ("MSG.GET", r#"{"seq":0}"#),
            ("MSG.GET", r#"{"seq":18446744073709551616}"#),
            ("MSG.GET", r#"{"last_by_subj":""}"#),
            ("MSG.GET", r#"{"start_time":"yesterday"}"#),
            ("MSG.DELETE", ""),
            ("MSG.DELETE", r#"{"seq":18446744073709551615}"#),
            ("MSG.DELETE", r#"{"seq":-1}"#),
            ("UPDATE", r#"{"name":"B"}"#),
            ("UPDATE", r#"{"name":"A","storage":"memory"}"#),
            ("SNAPSHOT", "{}"),
            ("RESTORE", "{}"),
        ] {
            requests.refused(&format!("$JS.API.STREAM.{verb}.A"), body.as_bytes()).await;
        }
        for subject in ["CONSUMER.CREATE.A", "CONSUMER.DURABLE.CREATE.A.c", "CONSUMER.INFO.A.c"] {
            requests.refused(&format!("$JS.API.{subject}"), b"{\"stream_name\":7").await;
        }
        // What is not of the API, and what has nobody to be answered to.
        for subject in ["NONSENSE", "STREAM", "STREAM.MAKE.A", "STREAM.CREATE.a.b", "STREAM.INFO"] {
            requests.raw.send(format!("PUB $JS.API.{subject} nobody 2\r\n{{}}\r\n")).await;
        }
        requests.raw.send("PUB $JS.API.STREAM.PURGE.B 0\r\n\r\nPUB $JS.API.INFO 0\r\n\r\n").await;
        assert_eq!(requests.raw.fence().await, "");
        assert_eq!(span(&stream).await, (1, 1, 1));
        assert_eq!(scene.publish("a", "well").await, 2);
    });
}

#[test]
fn sequences_at_the_end_of_all_numbers_are_exact_or_refused() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(dir.path()).await;
        let top = i64::MAX.unsigned_abs();
        let high = Config { first_sequence: Some(top - 1), ..config("A", &["a"]) };
        let stream = scene.stream(high).await;
        for expected in [top - 1, top, top + 1] {
            assert_eq!(scene.publish("a", format!("{expected}")).await, expected);
        }
        stream.purge().sequence(u64::MAX).await.ok();
        let (messages, first, last) = span(&stream).await;
        assert!((messages == 0 || first <= last) && last > top, "{messages} from {first} to {last}");
        let mut acknowledged = last;
        for _ in 0..3 {
            let sent = scene.context.publish("a", "more".into()).await.unwrap().await;
            let Ok(ack) = sent else { continue };
            assert!(ack.sequence > acknowledged, "{} behind {acknowledged}", ack.sequence);
            acknowledged = ack.sequence;
        }
        let before = span(&stream).await;
        scene.stop().await;
        let scene = Scene::at(dir.path()).await;
        assert_eq!(span(&scene.get("A").await).await, before);
        scene.stop().await;
    });
}
