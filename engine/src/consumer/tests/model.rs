//! Random life of a consumer, against a naive one: whatever is published, removed, asked for, acknowledged and lost, what is
//! promised holds.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::naive::{Asked, Naive};
use super::rig::{Rig, SECOND, commit, config, deliveries};
use crate::api::time::Nanos;
use crate::consumer::ack::{AckToken, AckVerb};
use crate::consumer::config::{AckPolicy, ConsumerConfig, DeliverPolicy, with};
use crate::consumer::{Event, PullRequest, Status, Step};
use embus_storage::log::Append;

#[derive(Debug, Clone)]
enum Act {
    Publish {
        subject: usize,
        is_committed: bool,
    },
    Commit,
    Remove(usize),
    EvictFirst,
    RemoveBelow(usize),
    Pull {
        batch: i64,
        expires: i64,
        no_wait: bool,
    },
    /// Of the messages that wait, or of any.
    Say {
        which: usize,
        verb: usize,
    },
    Leave(usize),
    Stall(usize),
    Return,
    Pass(i64),
    Save,
    SaveWhole,
    Crash,
    /// Whoever serves the consumer is busy elsewhere while so many other things happen.
    Delay(usize),
}

const SUBJECTS: [&str; 4] = ["a.1", "a.2", "b.1", "c"];

fn act() -> impl Strategy<Value = Act> {
    let span = prop_oneof![Just(0), Just(SECOND / 2), Just(SECOND), Just(3 * SECOND), Just(20 * SECOND)];
    let expires = prop_oneof![Just(0), Just(-1), Just(SECOND), Just(10 * SECOND)];
    prop_oneof![
        6 => (0..SUBJECTS.len(), any::<bool>()).prop_map(|(subject, is_committed)| Act::Publish { subject, is_committed }),
        2 => Just(Act::Commit),
        2 => any::<usize>().prop_map(Act::Remove),
        1 => Just(Act::EvictFirst),
        1 => any::<usize>().prop_map(Act::RemoveBelow),
        6 => (-1_i64..6, expires, any::<bool>()).prop_map(|(batch, expires, no_wait)| Act::Pull { batch, expires, no_wait }),
        8 => (any::<usize>(), 0..9_usize).prop_map(|(which, verb)| Act::Say { which, verb }),
        1 => any::<usize>().prop_map(Act::Leave),
        1 => any::<usize>().prop_map(Act::Stall),
        1 => Just(Act::Return),
        4 => span.prop_map(Act::Pass),
        2 => Just(Act::Save),
        1 => Just(Act::SaveWhole),
        1 => Just(Act::Crash),
        4 => (2..12_usize).prop_map(Act::Delay),
    ]
}

fn any_config() -> impl Strategy<Value = ConsumerConfig> {
    let policy = prop_oneof![
        4 => Just(AckPolicy::Explicit),
        1 => Just(AckPolicy::All),
        1 => Just(AckPolicy::None)
    ];
    let filters = prop_oneof![
        Just(vec![]),
        Just(vec!["a.*".to_owned()]),
        Just(vec!["a.1".to_owned()]),
        Just(vec!["a.1".to_owned(), "b.>".to_owned()])
    ];
    let backoff = prop_oneof![2 => Just(vec![]), 1 => Just(vec![Nanos(SECOND), Nanos(3 * SECOND)])];
    let max_deliver = prop_oneof![Just(-1_i64), Just(2), Just(3)];
    let max_ack_pending = prop_oneof![Just(-1_i64), Just(1), Just(3), Just(1000)];
    (policy, filters, backoff, max_deliver, max_ack_pending, any::<bool>()).prop_map(
        |(ack_policy, filter_subjects, backoff, max_deliver, max_ack_pending, is_new)| {
            let config = ConsumerConfig {
                ack_policy,
                ack_wait: Nanos(2 * SECOND),
                max_deliver,
                max_ack_pending: if ack_policy == AckPolicy::None { 0 } else { max_ack_pending },
                deliver_policy: if is_new { DeliverPolicy::New } else { DeliverPolicy::All },
                ..config()
            };
            with(config, |rare| (rare.filter_subjects, rare.backoff) = (filter_subjects, backoff))
        },
    )
}

struct World {
    rig: Rig,
    naive: Naive,
    /// As it was when it was written down last.
    saved: Naive,
    requests: usize,
    events: Vec<u64>,
    /// It is polled only when so many other things have happened.
    delay: usize,
    /// Its stream knows that it waits for the next message.
    is_noted: bool,
}

impl World {
    fn new(config: ConsumerConfig) -> Self {
        let naive = Naive::new(&config, 1);
        let mut rig = Rig::new(config);
        rig.save();
        Self { rig, saved: naive.clone(), naive, requests: 0, events: Vec::new(), delay: 0, is_noted: false }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Publish { subject, is_committed } => self.publish(SUBJECTS[subject], is_committed),
            Act::Commit => self.commit(),
            Act::Remove(which) => {
                if let Some(sequence) = self.pick_message(which) {
                    self.rig.log.remove(sequence).unwrap();
                    self.naive.remove(sequence);
                }
            }
            Act::EvictFirst => {
                if let Some((&sequence, _)) = self.naive.messages.first_key_value() {
                    self.rig.log.evict_first().unwrap();
                    self.naive.remove(sequence);
                }
            }
            Act::RemoveBelow(which) => {
                if let Some(sequence) = self.pick_message(which) {
                    self.rig.log.remove_below(sequence).unwrap();
                    let gone: Vec<_> = self.naive.messages.range(..sequence).map(|(gone, _)| *gone).collect();
                    for sequence in gone {
                        self.naive.remove(sequence);
                    }
                }
            }
            Act::Pull { batch, expires, no_wait } => self.pull(batch, expires, no_wait),
            Act::Say { which, verb } => self.say(which, verb),
            Act::Leave(which) => {
                let reply = self.pick_request(which);
                self.rig.gone.extend(reply);
                self.naive.forget(&self.rig.gone);
            }
            Act::Stall(which) => {
                let reply = self.pick_request(which);
                self.rig.congested.extend(reply);
            }
            Act::Return => self.rig.congested.clear(),
            Act::Pass(span) => {
                self.delay = 0;
                return self.pass(span);
            }
            Act::Save => {
                self.rig.save();
                self.saved = self.naive.clone();
            }
            Act::SaveWhole => {
                self.rig.save_whole();
                self.saved = self.naive.clone();
            }
            Act::Crash => {
                self.crash();
                self.delay = 0;
            }
            Act::Delay(acts) => self.delay = acts + 1,
        }
        self.delay = self.delay.saturating_sub(1);
        let is_removal = matches!(act, Act::Remove(_) | Act::EvictFirst | Act::RemoveBelow(_));
        if is_removal && self.naive.config.ack_policy == AckPolicy::All {
            // Where its floor is depends on what it learns first.
            self.delay = 0;
        }
        match self.delay {
            0 => self.pass(1),
            _ if matches!(act, Act::Publish { .. } | Act::Commit) => {}
            _ => self.is_noted = self.rig.consumer.is_hungry(),
        }
    }

    fn publish(&mut self, subject: &str, is_committed: bool) {
        let bytes = subject.as_bytes();
        let message =
            Append { time: self.rig.now, subject: bytes, headers: b"", payload: b"x", marked: false, evict: 0 };
        let sequence = self.rig.log.append(&message).unwrap();
        self.naive.messages.insert(sequence, subject.to_owned());
        if is_committed {
            self.commit();
        }
    }

    fn commit(&mut self) {
        commit(&mut self.rig.log);
        let visible = self.rig.log.last_sequence();
        let news =
            self.naive.messages.range(self.naive.visible + 1..).find(|(_, it)| self.rig.consumer.wants(it.as_bytes()));
        if let Some((&sequence, _)) = news.filter(|_| self.is_noted) {
            self.rig.offer(sequence);
            self.is_noted = false;
        }
        (self.rig.visible, self.naive.visible) = (visible, visible);
    }

    fn pick_message(&self, which: usize) -> Option<u64> {
        let count = self.naive.messages.len();
        self.naive.messages.keys().nth(which % count.max(1)).copied()
    }

    fn pick_request(&self, which: usize) -> Option<String> {
        let count = self.naive.requests.len();
        self.naive.requests.keys().nth(which % count.max(1)).cloned()
    }

    fn pull(&mut self, batch: i64, expires: i64, no_wait: bool) {
        self.requests += 1;
        let reply = format!("r{}", self.requests);
        // One that is over when it comes is told what it asked for.
        let left = u64::try_from(batch).unwrap_or(0).max(u64::from(expires >= 0));
        let expires_at = (expires != 0).then(|| self.rig.now + expires);
        self.naive.requests.insert(reply.clone(), Asked { left, delivered: 0, expires_at, no_wait });
        let request = PullRequest { batch, expires, no_wait, ..PullRequest::one(Bytes::from(reply)) };
        self.rig.round += 1;
        let refusal = self.rig.scene(|consumer, scene| consumer.handle_pull(request, scene));
        if let Some(refusal) = refusal {
            self.naive.status(&refusal, self.rig.now);
        }
    }

    fn say(&mut self, which: usize, verb: usize) {
        let waiting = &self.naive.waiting;
        let sequence = match which % 5 {
            0 => which as u64 / 5 % (self.rig.log.last_sequence() + 2),
            _ => match waiting.keys().nth(which / 5 % waiting.len().max(1)) {
                Some(sequence) => *sequence,
                None => return,
            },
        };
        if self.delay > 0 && !self.naive.messages.contains_key(&sequence) {
            // It has not learned of that yet, and may do with it what it likes.
            return;
        }
        let token = AckToken { deliveries: 1, stream_sequence: sequence, consumer_sequence: sequence };
        let now = self.rig.now;
        let verb = match verb {
            0 => AckVerb::Nak { delay: None },
            1 => AckVerb::Nak { delay: Some(SECOND) },
            2 => AckVerb::Progress,
            3 => AckVerb::Term { reason: b"" },
            4 => AckVerb::Unknown,
            _ => AckVerb::Ack,
        };
        let was_delivered = self.rig.consumer.handle_ack(&token, verb, now);
        assert!(!was_delivered || sequence <= self.naive.delivered);
        if !was_delivered {
            return;
        }
        match verb {
            AckVerb::Nak { delay } => self.naive.refuse(sequence, delay.unwrap_or(0), now),
            AckVerb::Progress => self.naive.keep_waiting(sequence, now),
            AckVerb::Term { .. } if !self.naive.waiting.contains_key(&sequence) => {}
            AckVerb::Ack | AckVerb::Term { .. } => self.naive.acknowledge(sequence),
            _ => {}
        }
    }

    /// Everything that is due meanwhile, and then the rest.
    fn pass(&mut self, span: i64) {
        let end = self.rig.now + span;
        self.poll();
        while let Some(deadline) = self.rig.consumer.next_deadline().filter(|deadline| *deadline <= end) {
            self.rig.now = self.rig.now.max(deadline);
            self.naive.expire(self.rig.now);
            self.rig.round += 1;
            self.rig.handle_deadline();
            self.poll();
        }
        self.rig.now = end;
        self.naive.expire(end);
        self.poll();
        self.check();
    }

    fn poll(&mut self) {
        self.rig.round += 1;
        while let Some(step) = self.rig.step() {
            for sent in deliveries(&step) {
                self.naive.deliver(&sent, self.rig.now);
            }
            match step {
                Step::Deliver(_) | Step::Run(_) => {}
                // Nobody hears it.
                Step::Status(status) if self.has_left(&status) => {}
                Step::Status(status) => self.naive.status(&status, self.rig.now),
            }
        }
        let maxed = |event| match event {
            Event::MaxDeliveries { stream_sequence, .. } => Some(stream_sequence),
            _ => None,
        };
        self.events.extend(self.rig.events().into_iter().filter_map(maxed));
        self.is_noted = self.rig.consumer.is_hungry();
    }

    fn has_left(&self, status: &Status) -> bool {
        self.rig.gone.iter().any(|reply| reply.as_bytes() == status.to)
    }

    fn check(&mut self) {
        let Self { rig, naive, .. } = self;
        let is_ready = |reply: &&String| !rig.congested.contains(*reply);
        let can_take = naive.requests.keys().filter(is_ready).count() > 0;
        assert!(!(can_take && naive.could_deliver()), "somebody waits for what could be delivered");
        assert!(naive.requests.values().all(|asked| asked.expires_at.is_none_or(|at| at > rig.now)), "all is told");
        let info = rig.info();
        assert_eq!(info.num_pending, naive.pending());
        assert_eq!(info.num_ack_pending, naive.waiting.len() as u64);
        assert_eq!(info.num_redelivered, naive.redelivered());
        assert_eq!(info.num_waiting, naive.requests.len() as u64);
        assert_eq!(info.delivered.consumer_sequence, naive.consumer_sequence);
        assert_eq!(info.delivered.stream_sequence, naive.delivered);
        assert_eq!(info.ack_floor.stream_sequence, naive.floor);
        assert!(naive.waiting.keys().all(|sequence| *sequence > naive.floor));
        self.naive.maxed.sort_unstable();
        self.events.sort_unstable();
        assert_eq!(self.events, self.naive.maxed);
        for sequence in 1..=self.rig.log.last_sequence() {
            let needs_it = self.naive.waiting.contains_key(&sequence) || sequence >= self.naive.next;
            assert!(!(needs_it && self.rig.consumer.has_settled(sequence)), "{sequence} is not done");
        }
    }

    /// What was written down comes back; the stream is whole.
    fn crash(&mut self) {
        commit(&mut self.rig.log);
        self.rig.crash();
        let visible = self.rig.log.last_sequence();
        let messages = std::mem::take(&mut self.naive.messages);
        self.naive = Naive { messages, visible, requests: BTreeMap::new(), maxed: Vec::new(), ..self.saved.clone() };
        self.events.clear();
        let gone: Vec<_> =
            self.naive.waiting.keys().filter(|it| !self.naive.messages.contains_key(it)).copied().collect();
        for sequence in gone {
            self.naive.settle(sequence);
        }
        self.rig.save();
        self.saved = Naive { maxed: Vec::new(), ..self.naive.clone() };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_a_naive_one_does(
        config in any_config(),
        run_messages in 1..6_usize,
        acts in prop::collection::vec(act(), 1..80),
    ) {
        let mut world = World::new(config);
        world.rig.run_messages = run_messages;
        for act in acts {
            world.act(&act);
        }
    }
}
