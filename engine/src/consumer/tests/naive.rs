//! A consumer as simple as it can be: every question is answered by looking at every message.

use std::collections::{BTreeMap, BTreeSet};

use embus_protocol::filter;

use super::rig::{Sent, show_status};
use crate::consumer::Status;
use crate::consumer::config::{AckPolicy, ConsumerConfig};

/// What a consumer should know.
#[derive(Debug, Clone)]
pub(super) struct Naive {
    pub(super) config: ConsumerConfig,
    /// Live messages, committed or not.
    pub(super) messages: BTreeMap<u64, String>,
    pub(super) visible: u64,
    pub(super) next: u64,
    pub(super) delivered: u64,
    pub(super) consumer_sequence: u64,
    pub(super) floor: u64,
    pub(super) waiting: BTreeMap<u64, Wait>,
    /// By reply; each is used once.
    pub(super) requests: BTreeMap<String, Asked>,
    /// Messages that were delivered as often as they may be.
    pub(super) maxed: Vec<u64>,
}

/// A message that waits for its acknowledgement.
#[derive(Debug, Clone)]
pub(super) struct Wait {
    pub(super) deliveries: u64,
    pub(super) due: i64,
    pub(super) is_queued: bool,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) left: u64,
    pub(super) delivered: u64,
    pub(super) expires_at: Option<i64>,
    pub(super) no_wait: bool,
}

impl Naive {
    pub(super) fn new(config: &ConsumerConfig, start: u64) -> Self {
        Self {
            config: config.clone(),
            messages: BTreeMap::new(),
            visible: 0,
            next: start,
            delivered: start - 1,
            consumer_sequence: 0,
            floor: start - 1,
            waiting: BTreeMap::new(),
            requests: BTreeMap::new(),
            maxed: Vec::new(),
        }
    }

    fn wants(&self, subject: &str) -> bool {
        let filters: Vec<_> = self.config.filters().collect();
        filters.is_empty() || filters.iter().any(|filter| filter::matches(filter.as_bytes(), subject.as_bytes()))
    }

    fn before_it(&self) -> impl Iterator<Item = u64> {
        let range = self.messages.range(self.next..);
        range.filter(|(_, subject)| self.wants(subject)).map(|(sequence, _)| *sequence)
    }

    fn next(&self) -> Option<u64> {
        self.before_it().next().filter(|sequence| *sequence <= self.visible)
    }

    pub(super) fn pending(&self) -> u64 {
        let counts_all = self.config.ack_policy == AckPolicy::None;
        self.before_it().filter(|sequence| counts_all || *sequence <= self.visible).count() as u64
    }

    pub(super) fn queued(&self) -> usize {
        self.waiting.values().filter(|wait| wait.is_queued).count()
    }

    pub(super) fn redelivered(&self) -> u64 {
        self.waiting.values().filter(|wait| wait.deliveries > 1).count() as u64
    }

    fn wait_of(&self, deliveries: u64) -> i64 {
        let steps = &self.config.backoff;
        match steps.len() {
            0 => self.config.ack_wait.0,
            len => steps[usize::try_from(deliveries - 1).unwrap().min(len - 1)].0,
        }
    }

    fn has_room(&self) -> bool {
        let limit = u64::try_from(self.config.max_ack_pending).unwrap_or(u64::MAX);
        self.config.ack_policy == AckPolicy::None || (self.waiting.len() as u64) < limit
    }

    /// Whether something could be delivered to whoever asks.
    pub(super) fn could_deliver(&self) -> bool {
        self.queued() > 0 || (self.has_room() && self.next().is_some())
    }

    /// Checks a delivery against all that is promised, and takes it in.
    pub(super) fn deliver(&mut self, deliver: &Sent, now: i64) {
        let sequence = deliver.sequence;
        self.consumer_sequence += 1;
        assert_eq!(deliver.consumer_sequence, self.consumer_sequence);
        let subject = self.messages.get(&sequence).expect("only what is there is delivered");
        assert!(self.wants(subject), "{sequence} is not wanted");
        let due = now + self.wait_of(deliver.deliveries);
        if let Some(wait) = self.waiting.get_mut(&sequence) {
            assert!(wait.is_queued, "{sequence} is not due");
            assert_eq!(deliver.deliveries, wait.deliveries + 1);
            assert!(self.config.max_deliver < 1 || deliver.deliveries <= self.config.max_deliver.unsigned_abs());
            *wait = Wait { deliveries: deliver.deliveries, due, is_queued: false };
        } else {
            assert_eq!(deliver.deliveries, 1, "{sequence} was done");
            assert_eq!(self.next(), Some(sequence), "in order, without gaps");
            assert_eq!(self.queued(), 0, "what is due comes first");
            assert!(self.has_room());
            self.next = sequence + 1;
            self.delivered = sequence;
            if self.config.ack_policy == AckPolicy::None {
                self.floor = sequence;
            } else {
                self.waiting.insert(sequence, Wait { deliveries: 1, due, is_queued: false });
            }
        }
        assert_eq!(deliver.pending, self.pending());
        let reply = deliver.to.as_str();
        let asked = self.requests.get_mut(reply).expect("only whoever asks gets something");
        asked.left -= 1;
        asked.delivered += 1;
        if asked.left == 0 {
            self.requests.remove(reply);
        }
    }

    /// Checks a status.
    pub(super) fn status(&mut self, status: &Status, now: i64) {
        let shown = show_status(status);
        let (reply, text) = shown.split_once(' ').unwrap();
        let asked = self.requests.remove(reply).expect("only whoever asks is told");
        match text {
            "404 No Messages" => {
                assert!(asked.no_wait && (asked.delivered > 0 || asked.expires_at.is_none()), "{asked:?}");
                assert!(!self.could_deliver());
            }
            "408 Requests Pending" => assert!(asked.no_wait && !self.requests.is_empty()),
            _ => {
                assert!(asked.expires_at.is_some_and(|at| at <= now), "{text} {asked:?}");
                assert_eq!(text, format!("408 Request Timeout {} 0", asked.left));
            }
        }
    }

    pub(super) fn settle(&mut self, sequence: u64) {
        let was_first = self.waiting.first_key_value().is_some_and(|(first, _)| *first == sequence);
        if self.waiting.remove(&sequence).is_none() {
            return;
        }
        match self.waiting.first_key_value() {
            None => self.floor = self.delivered,
            Some((first, _)) if was_first => self.floor = first - 1,
            Some(_) => {}
        }
    }

    pub(super) fn acknowledge(&mut self, sequence: u64) {
        if self.config.ack_policy != AckPolicy::All {
            return self.settle(sequence);
        }
        if sequence <= self.delivered && sequence > self.floor {
            self.waiting.retain(|other, _| *other > sequence);
            self.floor = sequence;
        }
    }

    pub(super) fn refuse(&mut self, sequence: u64, delay: i64, now: i64) {
        if let Some(wait) = self.waiting.get_mut(&sequence).filter(|wait| !wait.is_queued) {
            wait.due = now + delay;
        }
        self.expire(now);
    }

    pub(super) fn keep_waiting(&mut self, sequence: u64, now: i64) {
        let Some(deliveries) = self.waiting.get(&sequence).map(|wait| wait.deliveries) else { return };
        let due = now + self.wait_of(deliveries);
        if let Some(wait) = self.waiting.get_mut(&sequence).filter(|wait| !wait.is_queued) {
            wait.due = due;
        }
    }

    /// What is due at that time is, or is done if it was delivered as often as it may be.
    pub(super) fn expire(&mut self, now: i64) {
        let due: Vec<_> = self.waiting.iter().filter(|(_, wait)| !wait.is_queued && wait.due <= now).collect();
        let due: Vec<_> = due.into_iter().map(|(sequence, wait)| (*sequence, wait.deliveries)).collect();
        for (sequence, deliveries) in due {
            if self.config.max_deliver > 0 && deliveries >= self.config.max_deliver.unsigned_abs() {
                self.maxed.push(sequence);
                self.settle(sequence);
            } else if let Some(wait) = self.waiting.get_mut(&sequence) {
                wait.is_queued = true;
            }
        }
    }

    pub(super) fn remove(&mut self, sequence: u64) {
        self.messages.remove(&sequence);
        self.settle(sequence);
    }

    /// Those who do not listen any more.
    pub(super) fn forget(&mut self, gone: &BTreeSet<String>) {
        self.requests.retain(|reply, _| !gone.contains(reply));
    }
}
