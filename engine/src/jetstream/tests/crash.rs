//! The process is killed, the power is cut, and the disk fails, at every call that reaches the disk: what was answered
//! before is there afterwards, what was asked for last is there as a whole or not at all.

use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime};

use embus_storage::medium::crash::{CrashMedium, Fault};

use super::*;
use crate::clock::{Clock, Monotonic};
use crate::stream::ticket::Ticket;
use crate::stream::{AnswerTo, Arriving, Taken};
use crate::sync::atomic::{AtomicU64, Ordering};

/// One thread for all jobs, so that a run meets the disk's calls in nearly the same order as the one before.
#[derive(Debug)]
struct OneThread(Mutex<mpsc::Sender<Job>>);

impl OneThread {
    #[allow(clippy::disallowed_methods)]
    fn start() -> Arc<Self> {
        let (sender, jobs) = mpsc::channel::<Job>();
        std::thread::spawn(move || jobs.into_iter().for_each(|job| job()));
        Arc::new(Self(Mutex::new(sender)))
    }
}

impl Executor for OneThread {
    fn spawn(&self, job: Job) {
        // The thread ends with the test.
        let _ = self.0.lock().send(job);
    }
}

/// A second passes whenever somebody looks: who waits before trying again has waited.
#[derive(Debug, Default)]
struct Hurried(AtomicU64);

impl Clock for Hurried {
    fn monotonic(&self) -> Monotonic {
        Monotonic::default()
    }
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

pub(super) fn try_open(disk: &CrashMedium) -> Result<Fixture, StorageError> {
    let engine = Engine::new(Limits::default(), ServerInfo::default(), Arc::new(Hurried::default()), 1);
    let executor = OneThread::start();
    let medium = Arc::new(disk.clone());
    engine.start_jetstream(JetStreamOptions {
        medium,
        dir: Some("data/store".into()),
        ..JetStreamOptions::in_memory(executor)
    })?;
    let jetstream = Arc::clone(engine.jetstream().expect("they were just started"));
    Ok(Fixture { engine, jetstream })
}

/// Something that a client asks for and gets an answer to.
#[derive(Debug, Clone, Copy)]
enum Step {
    Create(&'static str, &'static str),
    Publish(&'static str, &'static str),
    Describe(&'static str, &'static str, &'static str),
    Delete(&'static str),
}

const STEPS: [Step; 12] = [
    Step::Create("A", "a.>"),
    Step::Publish("A", "a.1"),
    Step::Publish("A", "a.2"),
    Step::Create("B", "b"),
    Step::Publish("B", "b"),
    Step::Describe("A", "a.>", "changed"),
    Step::Delete("B"),
    Step::Create("C", "b"),
    Step::Publish("A", "a.1"),
    Step::Create("B", "c"),
    Step::Publish("B", "c"),
    Step::Describe("B", "d", "moved"),
];

impl Step {
    fn take(self, jetstream: &JetStream) -> Result<(), ApiError> {
        match self {
            Self::Create(name, subject) => jetstream.create(stream(name, &[subject]), false).map(drop),
            Self::Publish(name, subject) => {
                try_publish(&jetstream.get(name).ok_or_else(ApiError::stream_not_found)?, subject)
            }
            Self::Describe(name, subject, text) => {
                let config = StreamConfig { description: text.to_owned(), ..stream(name, &[subject]) };
                jetstream.update(config, false).map(drop)
            }
            Self::Delete(name) => jetstream.delete(name),
        }
    }
}

/// Publishes as a program does, and waits for the acknowledgement.
pub(super) fn try_publish(stream: &Arc<Stream>, subject: &str) -> Result<(), ApiError> {
    let message = Incoming { subject: subject.as_bytes(), headers: b"", payload: b"payload" };
    let ticket = Arc::new(Ticket::default());
    let arriving = Arriving { message, hops: 0, time: stream.now() };
    let taken = stream.ingest(&arriving, AnswerTo::Ticket(&ticket));
    stream.commit();
    if let Taken::Refused(refusal) = taken {
        return Err(refusal.error);
    }
    let (sender, receiver) = mpsc::channel();
    let waker = Waker::from(Arc::new(Ring(sender)));
    loop {
        match ticket.poll(&Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer.map(drop),
            Poll::Pending => receiver.recv_timeout(Duration::from_secs(20)).expect("an answer always comes"),
        }
    }
}

/// Wakes a thread that waits for a message.
struct Ring(mpsc::Sender<()>);

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

/// Returns when the jobs are done that are known by now: who is told that the disk failed is so before the log is read
/// anew.
fn rest(jetstream: &JetStream) {
    let (sender, receiver) = mpsc::channel();
    jetstream.shared.executor.spawn(Box::new(move || sender.send(()).expect("somebody waits")));
    receiver.recv_timeout(Duration::from_secs(20)).expect("all jobs end");
}

/// What can be seen of the streams: name, subjects, description, messages.
fn picture(jetstream: &JetStream) -> Vec<String> {
    let show = |stream: Arc<Stream>| {
        let (config, messages) = (stream.config(), stream.with(|core| core.log().state().messages));
        format!("{} {:?} {:?} {messages}", config.name, config.subjects, config.description)
    };
    jetstream.list(None).into_iter().map(show).collect()
}

/// The pictures before the first step and after each, and the calls all of them take.
fn rehearse(seed: u64) -> (Vec<Vec<String>>, u64) {
    let disk = CrashMedium::new(seed);
    let jetstream = try_open(&disk).unwrap();
    let mut pictures = vec![picture(&jetstream)];
    for step in STEPS {
        step.take(&jetstream).unwrap();
        pictures.push(picture(&jetstream));
    }
    jetstream.close();
    (pictures, disk.calls())
}

/// Steps that were answered well before the first one that was not.
fn run(disk: &CrashMedium) -> usize {
    let Ok(jetstream) = try_open(disk) else { return 0 };
    let answered = STEPS.iter().take_while(|step| step.take(&jetstream).is_ok()).count();
    jetstream.close();
    answered
}

fn check_at_every_call(fault: Fault) {
    for seed in [7, 10_007, 20_007] {
        let (pictures, calls) = rehearse(seed);
        for call in 1..=calls {
            let disk = CrashMedium::new(seed + call);
            disk.fail_at(call, fault);
            let answered = run(&disk);
            let jetstream = try_open(&disk.restart()).unwrap_or_else(|error| panic!("call {call}: {error}"));
            let found = picture(&jetstream);
            let possible = &pictures[answered..pictures.len().min(answered + 2)];
            assert!(
                possible.contains(&found),
                "{seed}, {call}, {answered} answered: {found:?} is none of {possible:?}"
            );
            assert!(jetstream.unreadable().is_empty(), "{seed}, {call}: {:?}", jetstream.unreadable());
            check_it_goes_on(&jetstream);
        }
    }
}

/// What is there takes messages, and there is room for more.
fn check_it_goes_on(jetstream: &JetStream) {
    for found in jetstream.list(None) {
        let subject = found.config().subjects[0].replace('>', "x");
        try_publish(&found, &subject).unwrap();
    }
    jetstream.create(stream("NEW", &["new"]), false).unwrap();
    jetstream.close();
}

#[test]
fn a_process_may_be_killed_at_any_call() {
    check_at_every_call(Fault::Crash);
}

#[test]
fn power_may_be_cut_at_any_call() {
    check_at_every_call(Fault::PowerCut);
}

fn check_errors_at_every_call(fault: Fault) {
    let (pictures, calls) = rehearse(7);
    for call in 1..=calls {
        let disk = CrashMedium::new(7);
        disk.fail_at(call, fault);
        // The fault may hit the start itself.
        let jetstream = try_open(&disk).or_else(|_| try_open(&disk)).unwrap();
        for (step, after) in STEPS.iter().zip(&pictures[1..]) {
            if let Err(error) = step.take(&jetstream) {
                rest(&jetstream);
                let again = step.take(&jetstream);
                assert!(again.is_ok(), "call {call}, {step:?}: {error}, then {again:?}");
            }
            assert_eq!(&picture(&jetstream), after, "call {call}, {step:?}");
        }
        jetstream.close();
        // Jobs may have met in fewer calls than the time before.
        disk.forget_faults();
        let found = picture(&try_open(&disk).unwrap());
        assert_eq!(Some(&found), pictures.last(), "call {call}");
    }
}

#[test]
fn after_an_error_of_the_disk_everything_can_be_asked_for_again() {
    for fault in [Fault::Io, Fault::Full, Fault::ShortWrite, Fault::FailedSync] {
        check_errors_at_every_call(fault);
    }
}

/// Leaves a closed store behind in which all steps were taken.
fn closed_store() -> (CrashMedium, Vec<String>) {
    let disk = CrashMedium::new(7);
    assert_eq!(run(&disk), STEPS.len());
    let disk = disk.restart();
    let jetstream = try_open(&disk).unwrap();
    let found = picture(&jetstream);
    jetstream.close();
    (disk.restart(), found)
}

#[test]
fn a_stream_that_can_not_be_read_now_keeps_its_name_until_it_can() {
    let (disk, pictured) = closed_store();
    try_open(&disk).unwrap().close();
    let calls = disk.calls();
    let mut offline = 0;
    for call in 1..=calls {
        let (disk, _) = closed_store();
        disk.fail_at(call, Fault::Io);
        let Ok(jetstream) = try_open(&disk) else { continue };
        let unreadable = jetstream.unreadable();
        assert_eq!(jetstream.names(None).len() + unreadable.len(), pictured.len(), "call {call}");
        for name in unreadable.into_iter().filter_map(|unreadable| unreadable.name) {
            offline += 1;
            assert_eq!(code(jetstream.create(stream(&name, &["other"]), false)), 10194);
            assert_eq!(code(jetstream.update(stream(&name, &["other"]), false)), 10194);
        }
        jetstream.close();
        assert_eq!(picture(&try_open(&disk).unwrap()), pictured, "call {call}");
    }
    assert!(offline > 0, "some call matters to one stream only");
}

#[test]
fn a_full_disk_refuses_what_needs_room_and_serves_the_rest() {
    let (disk, pictured) = closed_store();
    disk.set_space(Some(0));
    let jetstream = try_open(&disk).unwrap();
    assert_eq!(picture(&jetstream), pictured);
    assert_eq!(code(jetstream.create(stream("D", &["d.>"]), false)), 10047);
    assert_eq!(code(jetstream.update(stream("A", &["a.>"]), false)), 10069);
    assert_eq!(picture(&jetstream), pictured);
    jetstream.delete("C").unwrap();
    jetstream.close();

    let jetstream = try_open(&disk).unwrap();
    assert_eq!(jetstream.names(None), ["A", "B"]);
    disk.set_space(None);
    check_it_goes_on(&jetstream);
}
