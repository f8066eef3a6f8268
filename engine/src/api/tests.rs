//! Whole requests against streams in memory: the exact texts of nats-server 2.15.1, captured.

mod direct;
mod durability;
mod endpoints;
mod listening;

use std::time::{Duration, SystemTime};

use embus_protocol::info::ServerInfo;

use crate::api::{Response, handle};
use crate::clock::{Clock, Monotonic};
use crate::connection::{ClientId, Connection, ConnectionKind, Peer};
use crate::engine::Engine;
use crate::fixtures::{ByHand, Recorder, outbox, subscription};
use crate::jetstream::{JetStream, JetStreamOptions};
use crate::jobs::Executor;
use crate::limits::Limits;
use crate::service::Request;
use crate::sync::{Arc, Mutex};

/// A clock that stands still, at a time whose text is easy to see.
#[derive(Debug)]
struct Standing;

/// [`Standing`]'s time.
const NOW: &str = "2026-11-20T16:21:20.30629772Z";

impl Clock for Standing {
    fn monotonic(&self) -> Monotonic {
        Monotonic::default()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(1_795_191_680_306_297_720)
    }
}

/// A broker with streams, and a client that gets the answers.
struct Fixture {
    engine: Arc<Engine>,
    jetstream: Arc<JetStream>,
    jobs: Arc<ByHand>,
    heard: Arc<Recorder>,
    /// How much of what was heard was looked at.
    seen: Mutex<usize>,
}

impl Fixture {
    fn new() -> Self {
        Self::in_domain(None)
    }

    fn in_domain(domain: Option<&str>) -> Self {
        Self::with(|options| JetStreamOptions { domain: domain.map(str::to_owned), ..options })
    }

    fn with(change: impl FnOnce(JetStreamOptions) -> JetStreamOptions) -> Self {
        let info = ServerInfo { server_name: "s1".to_owned(), ..ServerInfo::default() };
        let engine = Engine::new(Limits::default(), info, Arc::new(Standing), 1);
        let jobs = Arc::new(ByHand::default());
        let options = JetStreamOptions::in_memory(Arc::clone(&jobs) as Arc<dyn Executor>);
        engine.start_jetstream(change(options)).unwrap();
        let jetstream = Arc::clone(engine.jetstream().unwrap());
        let (outbox, heard) = outbox(7);
        outbox.set_headers(true);
        let peer = Peer { kind: ConnectionKind::Stream, host: String::new(), port: 0 };
        let client = Arc::new(Connection::wire(ClientId(7), peer, &Standing, outbox));
        for filter in ["_I", "$JS.EVENT.ADVISORY.STREAM.>"] {
            engine.global_account().subscribe(subscription(&client, "1", filter, None));
        }
        Self { engine, jetstream, jobs, heard, seen: Mutex::default() }
    }

    fn run_jobs(&self) {
        self.jobs.run();
    }

    fn publish(&self, subject: &str, headers: &str, payload: &str) {
        self.begin_publish(subject, headers, payload);
        self.run_jobs();
    }

    /// Publishes; nothing is committed yet.
    fn begin_publish(&self, subject: &str, headers: &str, payload: &str) {
        let (headers, payload) = (headers.as_bytes(), payload.as_bytes());
        let message = Request { subject: subject.as_bytes(), reply: None, headers, payload };
        assert_eq!(self.engine.publish_internal(self.engine.global_account(), &message), 1);
    }

    /// The answer to a request, or nothing.
    fn ask(&self, subject: &str, headers: &str, body: &str) -> Option<String> {
        let answer = self.begin_ask(subject, headers, body);
        self.run_jobs();
        match answer.lock().take().expect("every request comes to an end") {
            Response::Json(json) => Some(json),
            Response::None => None,
        }
    }

    /// Asks; what has to wait for a commit is not there yet.
    fn begin_ask(&self, subject: &str, headers: &str, body: &str) -> Arc<Mutex<Option<Response>>> {
        let (headers, payload) = (headers.as_bytes(), body.as_bytes());
        let request = Request { subject: subject.as_bytes(), reply: None, headers, payload };
        let answer = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&answer);
        let respond = Box::new(move |response| assert!(slot.lock().replace(response).is_none()));
        handle(&self.jetstream, request.to_owned(), respond);
        answer
    }

    /// Asks, and compares the answer; `~` stands for what all types have in common, `NOW` for the time.
    #[track_caller]
    fn check(&self, operation: &str, body: &str, expected: &str) {
        let answer = self.ask(&format!("$JS.API.{operation}"), "", body).expect("an answer");
        let expected = expected.replace('~', "io.nats.jetstream.api.v1.").replace("NOW", NOW);
        assert_eq!(answer, expected, "{operation} {body}");
    }

    /// As [`check`](Self::check), for an error that has nothing behind it.
    #[track_caller]
    fn check_error(&self, operation: &str, body: &str, kind: &str, error: (u16, u16, &str)) {
        let (code, err_code, text) = error;
        let error = format!(r#"{{"code":{code},"err_code":{err_code},"description":"{text}"}}"#);
        self.check(operation, body, &format!(r#"{{"type":"~{kind}_response","error":{error}}}"#));
    }

    /// What the client got since the last time, with `|` for line ends.
    fn hear(&self) -> String {
        let all = self.heard.text();
        let mut seen = self.seen.lock();
        let text = all[*seen..].replace("\r\n", "|");
        *seen = all.len();
        text
    }

    /// A stream with a few messages.
    fn with_messages(self) -> Self {
        let body = r#"{"name":"S","subjects":["s.>"],"allow_direct":true}"#;
        assert!(self.ask("$JS.API.STREAM.CREATE.S", "", body).unwrap().contains("did_create"));
        self.hear();
        self.publish("s.a", "", "m0");
        self.publish("s.b", "NATS/1.0\r\nK: v\r\n\r\n", "m1");
        for (subject, payload) in [("s.a", "m2"), ("s.c", "m3"), ("s.b", "m4"), ("s.a<&>", "m5")] {
            self.publish(subject, "", payload);
        }
        self
    }
}
