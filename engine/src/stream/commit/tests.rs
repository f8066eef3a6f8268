//! Failures of the disk that meet each other: nobody is told that a message is stored that is not there.

use std::task::{Context, Poll, Waker};

use embus_protocol::info::ServerInfo;
use embus_storage::log::{Kept, Upkeep};
use embus_storage::medium::crash::{CrashMedium, Fault};

use crate::api::error::ApiError;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::fixtures::{ByHand, ByHandClock};
use crate::jetstream::JetStreamOptions;
use crate::jobs::Executor;
use crate::limits::Limits;
use crate::stream::config::StreamConfig;
use crate::stream::core::Incoming;
use crate::stream::ticket::{PubAck, Ticket};
use crate::stream::trouble::RETRY_NANOS;
use crate::stream::{AnswerTo, Arriving, Stream, Taken};
use crate::sync::{Arc, Mutex};

struct Fixture {
    disk: CrashMedium,
    clock: Arc<ByHandClock>,
    jobs: Arc<ByHand>,
    /// Streams do not keep it.
    _engine: Arc<Engine>,
    stream: Arc<Stream>,
}

impl Fixture {
    /// A stream whose segments are small.
    fn new() -> Self {
        let disk = CrashMedium::new(1);
        let clock = Arc::new(ByHandClock(Mutex::new(RETRY_NANOS)));
        let engine = Engine::new(Limits::default(), ServerInfo::default(), Arc::clone(&clock) as Arc<dyn Clock>, 1);
        let jobs = Arc::new(ByHand::default());
        let options = JetStreamOptions::in_memory(Arc::clone(&jobs) as Arc<dyn Executor>);
        let (medium, dir) = (Arc::new(disk.clone()), Some("store".into()));
        engine.start_jetstream(JetStreamOptions { medium, dir, ..options }).unwrap();
        let config = StreamConfig {
            name: "S".to_owned(),
            subjects: vec!["a.>".to_owned()],
            max_messages_per_subject: 1,
            max_bytes: 200_000,
            ..StreamConfig::default()
        };
        let stream = engine.jetstream().unwrap().create(config, false).unwrap().stream;
        jobs.run();
        Self { disk, clock, jobs, _engine: engine, stream }
    }

    /// Publishes without the end of the turn.
    fn ingest(&self, subject: &str) -> Ticketed {
        let message = Incoming { subject: subject.as_bytes(), headers: b"", payload: &[b'x'; 3000] };
        let ticket = Arc::new(Ticket::default());
        let arriving = Arriving { message, hops: 0, time: self.stream.now() };
        if let Taken::Refused(refusal) = self.stream.ingest(&arriving, AnswerTo::Ticket(&ticket)) {
            ticket.resolve(Err(refusal.error));
        }
        Ticketed(ticket)
    }

    fn publish(&self, subject: &str) -> Ticketed {
        let ticket = self.ingest(subject);
        self.stream.commit();
        ticket
    }

    /// Background work that is worth doing, behind so much of it; it counts as under way.
    fn take_upkeep(&self, behind: usize) -> Upkeep {
        self.stream.state.lock().in_upkeep = true;
        let mut done = 0;
        for number in 0..1000 {
            self.publish(&format!("a.{}", number % 7));
            self.jobs.run();
            let mut state = self.stream.state.lock();
            match state.core.take_upkeep() {
                Some(upkeep) if done == behind => return upkeep,
                Some(upkeep) => {
                    state.core.log_mut().finish_upkeep(upkeep.run());
                    done += 1;
                }
                None => {}
            }
        }
        panic!("there is no more");
    }

    /// What the job does behind its work.
    fn finish_upkeep(&self, kept: Kept) {
        self.stream.finish_upkeep(kept);
        self.stream.commit();
        self.jobs.run();
    }

    /// Whoever was told that a message is stored finds it.
    fn check(&self, ticket: &Ticketed) -> Result<PubAck, ApiError> {
        let answer = ticket.answer();
        if let Ok(ack) = &answer {
            let is_there = self.stream.look(|core| core.log_mut().locate(ack.sequence).unwrap().is_some());
            assert!(is_there, "{ack:?}");
        }
        answer
    }
}

struct Ticketed(Arc<Ticket>);

impl Ticketed {
    fn answer(&self) -> Result<PubAck, ApiError> {
        match self.0.poll(&Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("there is no answer"),
        }
    }
}

/// Whoever removed a message while a commit was under way learns what became of the commit that it is in, not of the one
/// behind that.
#[test]
fn a_removal_is_told_to_have_failed_if_it_has() {
    let mut outcomes = [0, 0];
    for call in 1..12 {
        let fixture = Fixture::new();
        fixture.publish("a.1");
        fixture.jobs.run();
        let witness = fixture.stream.witness();
        fixture.stream.with(|core| core.delete_message(1)).unwrap();
        let told = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&told);
        witness.after_commit(Box::new(move |result| *slot.lock() = Some(result)));
        fixture.publish("a.2");
        fixture.disk.fail_from(fixture.disk.calls() + call, Fault::Io);
        fixture.jobs.run();
        fixture.disk.forget_faults();
        for subject in ["a.3", "a.4"] {
            *fixture.clock.0.lock() += 2 * RETRY_NANOS;
            fixture.publish(subject);
            fixture.jobs.run();
        }
        let is_there = fixture.stream.look(|core| core.log_mut().locate(1).unwrap().is_some());
        let has_failed = told.lock().take().unwrap().is_err();
        assert_eq!(has_failed, is_there, "call {call}");
        outcomes[usize::from(is_there)] += 1;
    }
    assert!(outcomes.iter().all(|count| *count > 1), "{outcomes:?}");
}

/// The stream is read anew behind its background work, and once more by a publisher who wants to try again: by then
/// others may have published.
#[test]
fn a_stream_is_read_anew_once_for_each_failure() {
    let fixture = Fixture::new();
    let upkeep = fixture.take_upkeep(0);
    fixture.disk.fail_from(fixture.disk.calls() + 1, Fault::Io);
    let failed = fixture.publish("a.1");
    fixture.jobs.run();
    fixture.disk.forget_faults();
    failed.answer().unwrap_err();
    *fixture.clock.0.lock() += 2 * RETRY_NANOS;
    let early = fixture.publish("a.2");
    fixture.finish_upkeep(upkeep.run());
    *fixture.clock.0.lock() += 2 * RETRY_NANOS;
    let behind = fixture.publish("a.3");
    fixture.jobs.run();
    early.answer().unwrap_err();
    fixture.check(&behind).unwrap();
}

/// The stream could not even be read anew, and is just about to be: whoever looks at it meanwhile sees what was refused.
#[test]
fn what_was_refused_is_not_told_while_the_stream_is_read_anew() {
    let fixture = Fixture::new();
    fixture.disk.fail_from(fixture.disk.calls() + 1, Fault::Io);
    let failed = fixture.publish("a.1");
    fixture.jobs.run();
    failed.answer().unwrap_err();
    fixture.disk.forget_faults();
    *fixture.clock.0.lock() += 2 * RETRY_NANOS;
    let early = fixture.publish("a.2");
    let told = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&told);
    let seen = fixture.stream.look(|core| core.log().messages());
    fixture.stream.after_commit(Box::new(move |result| *slot.lock() = Some(result)));
    fixture.jobs.run();
    early.answer().unwrap_err();
    assert_eq!((seen, fixture.stream.look(|core| core.log().messages())), (1, 0));
    assert!(matches!(*told.lock(), Some(Err(_))), "it was told");
}

/// Background work fails so that nobody knows what is on the disk, while somebody is publishing.
#[test]
fn who_publishes_while_background_work_fails_learns_it() {
    let mut refused = 0;
    for (behind, call) in (0..4).flat_map(|behind| (1..30).map(move |call| (behind, call))) {
        let fixture = Fixture::new();
        let upkeep = fixture.take_upkeep(behind);
        fixture.disk.fail_from(fixture.disk.calls() + call, Fault::Io);
        let kept = upkeep.run();
        fixture.disk.forget_faults();
        let meanwhile = fixture.ingest("a.9");
        fixture.finish_upkeep(kept);
        refused += u32::from(fixture.check(&meanwhile).is_err());
    }
    assert!(refused > 0, "nothing was uncertain");
}
