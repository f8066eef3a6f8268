//! Random commands, against a plain list of messages.

use proptest::prelude::*;

use super::super::*;
use super::fixture::{Bench, SECOND, stream};
use crate::api::time::Nanos;
use crate::stream::config::Discard;
use crate::stream::ttl::TimeToLive;

#[derive(Debug, Clone)]
struct Message {
    sequence: u64,
    subject: String,
    size: u64,
    time: Timestamp,
    expires: Option<Timestamp>,
    never: bool,
}

#[derive(Debug, Clone)]
struct Id {
    text: String,
    sequence: u64,
    time: Timestamp,
    /// After a restart, ids of messages that are gone may be gone with them.
    sure: bool,
}

/// What a stream should hold.
#[derive(Debug, Default)]
struct Model {
    max_messages: Option<u64>,
    max_bytes: Option<u64>,
    max_per_subject: Option<u64>,
    max_age: Option<i64>,
    discard_new: bool,
    discard_new_per_subject: bool,
    last: u64,
    messages: Vec<Message>,
    ids: Vec<Id>,
}

#[derive(Debug, Clone)]
enum Step {
    Publish { subject: usize, payload: usize, rollup: Option<bool>, time_to_live: Option<TimeToLive>, id: Option<u8> },
    Delete(u64),
    Purge { subject: Option<usize>, sequence: Option<u64>, keep: Option<u64> },
    Pass(i64),
    Crash,
    Restart,
}

const SUBJECTS: [&str; 5] = ["a", "b", "c.d", "c.*", "c.e"];
const WINDOW: i64 = 20 * SECOND;

impl Model {
    fn on(&self, subject: &str) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |message| message.subject == subject)
    }

    fn bytes(&self) -> u64 {
        self.messages.iter().map(|message| message.size).sum()
    }

    fn full(&self, subject: &str) -> Option<&Message> {
        let count = self.on(subject).count() as u64;
        self.on(subject).next().filter(|_| self.max_per_subject.is_some_and(|max| count >= max))
    }

    /// Whether there is no room for it.
    fn refuses(&self, subject: &str, size: u64, rollup: bool) -> bool {
        if !self.discard_new {
            return false;
        }
        let full = self.full(subject);
        let messages = self.max_messages.is_some_and(|max| self.messages.len() as u64 >= max);
        let bytes = self.max_bytes.is_some_and(|max| self.bytes() + size > max);
        (full.is_some() && self.discard_new_per_subject && !rollup)
            || (full.is_none() && messages)
            || (bytes && full.is_none_or(|oldest| oldest.size < size))
    }

    fn publish(&mut self, message: Message, rollup: Option<bool>) {
        let subject = message.subject.clone();
        self.last = message.sequence;
        self.messages.push(message);
        if let Some(max) = self.max_per_subject {
            self.keep(&subject, max);
        }
        while !self.discard_new
            && (self.max_messages.is_some_and(|max| self.messages.len() as u64 > max)
                || self.max_bytes.is_some_and(|max| self.bytes() > max))
        {
            self.messages.remove(0);
        }
        match rollup {
            Some(true) => self.messages.retain(|message| message.sequence == self.last),
            Some(false) => self.keep(&subject, 1),
            None => {}
        }
    }

    fn keep(&mut self, subject: &str, keep: u64) {
        while self.on(subject).count() as u64 > keep {
            let oldest = self.on(subject).next().unwrap().sequence;
            self.messages.retain(|message| message.sequence != oldest);
        }
    }

    fn expire(&mut self, now: Timestamp) {
        let max_age = self.max_age;
        self.messages.retain(|message| {
            let aged = max_age.is_some_and(|age| message.time + age <= now) && !message.never;
            !aged && message.expires.is_none_or(|expires| expires > now)
        });
    }

    fn purge(&mut self, subject: Option<&str>, sequence: Option<u64>, keep: Option<u64>) {
        let below = sequence.unwrap_or(u64::MAX);
        let chosen = |message: &Message| {
            message.sequence < below
                && subject
                    .is_none_or(|filter| embus_protocol::filter::matches(filter.as_bytes(), message.subject.as_bytes()))
        };
        let count = self.messages.iter().filter(|message| chosen(message)).count() as u64;
        let mut left = count.saturating_sub(keep.unwrap_or(0));
        self.messages.retain(|message| {
            let leaves = left > 0 && chosen(message);
            left -= u64::from(leaves);
            !leaves
        });
        if subject.is_none() {
            self.last = self.last.max(sequence.map_or(0, |sequence| sequence - 1));
        }
    }

    fn known(&self, id: &str, now: Timestamp) -> Option<Id> {
        let found = self.ids.iter().rev().find(|known| known.text == id)?;
        (found.time > now - WINDOW).then(|| found.clone())
    }

    fn restart(&mut self, now: Timestamp) {
        for id in &mut self.ids {
            id.sure &= self.messages.iter().any(|message| message.sequence == id.sequence);
        }
        self.expire(now);
    }
}

fn publish(s: &mut Bench, model: &mut Model, step: &Step) -> Result<(), TestCaseError> {
    let Step::Publish { subject, payload, rollup, time_to_live, id } = step else { unreachable!() };
    let (subject, payload) = (SUBJECTS[*subject], "x".repeat(*payload));
    let mut headers = Vec::new();
    headers.extend(rollup.map(|all| format!("Nats-Rollup: {}", if all { "all" } else { "sub" })));
    headers.extend(time_to_live.map(|time_to_live| match time_to_live {
        TimeToLive::Seconds(seconds) => format!("Nats-TTL: {seconds}"),
        TimeToLive::Never => "Nats-TTL: never".to_owned(),
    }));
    let id = id.map(|id| format!("id-{id}"));
    headers.extend(id.as_ref().map(|id| format!("Nats-Msg-Id: {id}")));
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let block = super::fixture::block(&headers).len() as u64;
    let size = 30 + subject.len() as u64 + payload.len() as u64 + if block > 0 { 4 + block } else { 0 };

    let outcome = s.publish(subject, &headers, &payload);
    let known = id.as_ref().and_then(|id| model.known(id, s.now));
    if let Some(Id { sequence, sure, .. }) = known
        && (sure || matches!(outcome, Outcome::Duplicate { .. }))
    {
        prop_assert_eq!(outcome, Outcome::Duplicate { sequence });
        return Ok(());
    }
    if model.refuses(subject, size, rollup.is_some()) {
        prop_assert!(matches!(outcome, Outcome::Refused(_)), "{:?}", outcome);
        return Ok(());
    }
    let sequence = model.last + 1;
    prop_assert_eq!(outcome, Outcome::Stored { sequence });
    let expires = match time_to_live {
        Some(TimeToLive::Seconds(seconds)) => Some(s.now + seconds * SECOND),
        _ => None,
    };
    let never = *time_to_live == Some(TimeToLive::Never);
    let subject = subject.to_owned();
    model.publish(Message { sequence, subject, size, time: s.now, expires, never }, *rollup);
    model.ids.extend(id.map(|id| Id { text: id, sequence, time: s.now, sure: true }));
    Ok(())
}

fn take(s: &mut Bench, model: &mut Model, step: &Step) -> Result<(), TestCaseError> {
    match step {
        Step::Publish { .. } => publish(s, model, step)?,
        Step::Delete(back) => {
            let sequence = model.last.saturating_sub(*back);
            let there = model.messages.iter().any(|message| message.sequence == sequence);
            prop_assert_eq!(s.core.delete_message(sequence).is_ok(), there);
            model.messages.retain(|message| message.sequence != sequence);
        }
        Step::Purge { subject, sequence, keep } => {
            let subject = subject.map(|subject| SUBJECTS[subject]);
            let sequence = sequence.map(|back| (model.last + 4).saturating_sub(back).max(1));
            let keep = keep.filter(|_| sequence.is_none());
            let before = model.messages.len();
            model.purge(subject, sequence, keep);
            let filter = subject.map(|subject| subject.as_bytes().to_vec());
            let purged = s.core.purge(&Purge { filter, sequence, keep });
            prop_assert_eq!(purged, Ok((before - model.messages.len()) as u64));
        }
        Step::Pass(nanos) => {
            s.now += nanos;
            s.core.expire(s.now);
            model.expire(s.now);
        }
        Step::Crash => {
            s.crash();
            model.restart(s.now);
        }
        Step::Restart => {
            s.restart();
            model.restart(s.now);
        }
    }
    Ok(())
}

fn check(s: &mut Bench, model: &Model) -> Result<(), TestCaseError> {
    let expected: Vec<_> = model.messages.iter().map(|message| (message.sequence, message.subject.clone())).collect();
    prop_assert_eq!(s.live(), expected);
    let state = s.state();
    prop_assert_eq!((state.messages, state.bytes), (model.messages.len() as u64, model.bytes()));
    prop_assert_eq!(state.last_sequence, model.last);
    // Whoever expires has a deadline that is not too late.
    let ages = model.messages.iter().filter(|message| !message.never);
    let by_age = ages.filter_map(|message| Some(message.time + model.max_age?));
    let due = by_age.chain(model.messages.iter().filter_map(|message| message.expires)).min();
    if let Some(due) = due {
        prop_assert!(s.core.next_expiry().is_some_and(|next| next <= due.max(s.now + 50_000_000)));
    }
    Ok(())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let seconds = (1..30_i64).prop_map(|seconds| Some(TimeToLive::Seconds(seconds)));
    let rollup = prop_oneof![8 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))];
    let time_to_live = prop_oneof![6 => Just(None), 1 => Just(Some(TimeToLive::Never)), 3 => seconds];
    let id = prop_oneof![3 => Just(None), 1 => (0..6_u8).prop_map(Some)];
    let publish = (0..SUBJECTS.len(), 0..60_usize, rollup, time_to_live, id).prop_map(
        |(subject, payload, rollup, time_to_live, id)| Step::Publish { subject, payload, rollup, time_to_live, id },
    );
    let purge = (prop::option::of(0..SUBJECTS.len()), prop::option::of(0..10_u64), prop::option::of(0..4_u64))
        .prop_map(|(subject, sequence, keep)| Step::Purge { subject, sequence, keep: keep.filter(|keep| *keep > 0) });
    let step = prop_oneof![
        20 => publish,
        2 => (0..12_u64).prop_map(Step::Delete),
        1 => purge,
        4 => (0..8 * SECOND).prop_map(Step::Pass),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #[test]
    fn agrees_with_a_list(
        max_messages in prop::option::of(1..8_u64),
        max_bytes in prop::option::of(60..600_u64),
        max_per_subject in prop::option::of(1..4_u64),
        max_age in prop::option::of(5..20_i64),
        discard_new in any::<bool>(),
        discard_new_per_subject in any::<bool>(),
        steps in steps(),
    ) {
        let max_age = max_age.map(|seconds| seconds * SECOND);
        let discard_new_per_subject = discard_new_per_subject && discard_new && max_per_subject.is_some();
        let mut model = Model {
            max_messages, max_bytes, max_per_subject, max_age, discard_new, discard_new_per_subject, ..Model::default()
        };
        let signed = |limit: Option<u64>| limit.map_or(-1, u64::cast_signed);
        let mut s = stream(|config| {
            config.max_messages = signed(max_messages);
            config.max_bytes = signed(max_bytes);
            config.max_messages_per_subject = signed(max_per_subject);
            config.max_age = Nanos(max_age.unwrap_or(0));
            config.duplicate_window = Nanos(WINDOW);
            config.discard = if discard_new { Discard::New } else { Discard::Old };
            config.discard_new_per_subject = discard_new_per_subject;
            (config.allow_message_ttl, config.allow_rollup) = (true, true);
        });
        for step in &steps {
            take(&mut s, &mut model, step)?;
            check(&mut s, &model)?;
        }
    }
}
