use std::collections::VecDeque;

use bytes::Bytes;
use embus_protocol::subject::Subject;
use futures_util::task::noop_waker;
use time::OffsetDateTime;

use super::*;
use crate::backend::{BackendError, Failure, Stored};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("gone")]
struct Gone;

impl BackendError for Gone {
    fn failure(&self) -> Failure {
        Failure::Other
    }
}

/// What comes out of a stream, by a script: nothing means that nothing is there yet.
#[derive(Default)]
struct Script {
    steps: VecDeque<Option<Result<Message, Gone>>>,
    is_idle: bool,
}

impl Stream for Script {
    type Item = Result<Message, Gone>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.steps.pop_front() {
            Some(Some(step)) => Poll::Ready(Some(step)),
            Some(None) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

impl Messages for Script {
    type Error = Gone;

    fn poll_idle(&mut self, _: &mut Context<'_>) -> Poll<()> {
        if self.is_idle { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is a step of a script")]
fn message(key: &str, revision: u64, pending: u64) -> Option<Result<Message, Gone>> {
    let (created, operation) = (OffsetDateTime::UNIX_EPOCH, Operation::Put);
    let stored = Stored { revision, created, operation, value: Bytes::from_static(b"v") };
    Some(Ok(Message { subject: Subject::from(format!("$KV.b.{key}")), stored, pending }))
}

fn removed(key: &str, revision: u64, pending: u64) -> Option<Result<Message, Gone>> {
    let mut message = message(key, revision, pending)?.ok()?;
    message.stored.operation = Operation::Delete;
    Some(Ok(message))
}

fn watch_of<const N: usize>(
    pending: u64,
    last_revision: u64,
    steps: [Option<Result<Message, Gone>>; N],
) -> Watch<Script> {
    let initial = if pending == 0 { Initial::Complete } else { Initial::Coming { last_revision } };
    let messages = Script { steps: steps.into(), is_idle: false };
    Watch { messages, bucket: "b".to_owned(), prefix: "$KV.b.".to_owned(), initial }
}

/// What a stream yields: entries as key and revision, a dot for the moment when all is there, a dash where it waits.
fn told(watch: &mut Watch<Script>) -> String {
    let mut told = Vec::new();
    loop {
        match poll(watch) {
            Poll::Pending => told.push("-".to_owned()),
            Poll::Ready(None) => return told.join(" "),
            Poll::Ready(Some(Err(Gone))) => told.push("gone".to_owned()),
            Poll::Ready(Some(Ok(Event::Current))) => told.push(".".to_owned()),
            Poll::Ready(Some(Ok(Event::Entry(entry)))) => {
                told.push(format!("{}{}{}", entry.key, entry.revision, if entry.seen_current { "!" } else { "" }));
            }
        }
    }
}

fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(&noop_waker()))
}

#[test]
fn an_empty_bucket_is_current_at_once() {
    let mut watch = watch_of(0, 0, [None, message("a", 1, 0)]);
    assert!(watch.is_current());
    assert_eq!(told(&mut watch), ". - a1!");
}

#[test]
fn the_last_of_what_was_there_completes_it() {
    let mut watch = watch_of(2, 2, [message("a", 1, 1), message("b", 2, 0), message("a", 3, 0)]);
    assert!(!watch.is_current());
    assert_eq!(told(&mut watch), "a1 b2! . a3!");
}

#[test]
fn writers_that_stay_ahead_do_not_hold_it_back() {
    let mut watch = watch_of(2, 9, [message("a", 8, 5), message("b", 9, 7), message("a", 12, 6)]);
    assert_eq!(told(&mut watch), "a8 b9! . a12!");
    // The last one that was there is gone, and something newer comes.
    let mut watch = watch_of(2, 9, [message("a", 8, 5), message("a", 12, 6)]);
    assert_eq!(told(&mut watch), "a8 a12! .");
}

#[test]
fn what_is_replaced_before_it_comes_is_waited_for() {
    let mut watch = watch_of(2, u64::MAX, [message("b", 2, 1), message("a", 3, 0), message("b", 4, 0)]);
    assert_eq!(told(&mut watch), "b2 a3! . b4!");
}

#[test]
fn what_was_there_may_be_removed_before_it_comes() {
    let mut watch = watch_of(2, 9, [message("a", 8, 1), None, None]);
    let seen = [poll(&mut watch).is_ready(), poll(&mut watch).is_ready()];
    watch.messages.is_idle = true;
    assert_eq!(poll(&mut watch), Poll::Ready(Some(Ok(Event::Current))));
    assert_eq!(seen, [true, false]);
    assert_eq!(told(&mut watch), "");
}

#[test]
fn errors_are_told_and_the_end_is_the_end() {
    let mut watch = watch_of(1, 1, [Some(Err(Gone)), message("a", 1, 0)]);
    assert_eq!(told(&mut watch), "gone a1! .");
}

fn history_of<const N: usize>(pending: u64, steps: [Option<Result<Message, Gone>>; N]) -> History<Script> {
    History { watch: watch_of(pending, 9, steps), is_over: false }
}

fn revisions(history: &mut History<Script>) -> Vec<u64> {
    let entries = std::iter::from_fn(|| match poll(history) {
        Poll::Ready(item) => item,
        Poll::Pending => panic!("it waits"),
    });
    entries.map(|entry| entry.unwrap().revision).collect()
}

#[test]
fn a_history_ends() {
    assert!(revisions(&mut history_of(0, [message("a", 10, 0)])).is_empty());
    let mut history = history_of(2, [message("a", 4, 1), message("a", 7, 0), message("a", 10, 0)]);
    assert_eq!(revisions(&mut history), [4, 7]);
    assert_eq!(poll(&mut history), Poll::Ready(None));
    let mut history = history_of(2, [message("a", 4, 1), None]);
    history.watch.messages.is_idle = true;
    assert_eq!(revisions(&mut history), [4]);
}

#[test]
fn a_history_ends_behind_an_error() {
    let mut history = history_of(2, [Some(Err(Gone)), message("a", 4, 1)]);
    assert_eq!(poll(&mut history), Poll::Ready(Some(Err(Gone))));
    assert_eq!(poll(&mut history), Poll::Ready(None));
}

#[test]
fn keys_are_those_that_have_a_value() {
    let steps = [message("a", 4, 3), removed("b", 5, 2), message("a", 7, 1), message("c.d", 8, 0)];
    let mut keys = Keys { history: history_of(3, steps), told: HashSet::new() };
    assert_eq!(poll(&mut keys), Poll::Ready(Some(Ok("a".to_owned()))));
    assert_eq!(poll(&mut keys), Poll::Ready(Some(Ok("c.d".to_owned()))));
    assert_eq!(poll(&mut keys), Poll::Ready(None));
}
