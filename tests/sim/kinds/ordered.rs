//! Clients that follow a stream: they see every message once and in order, whatever happens to their brokers. One does as
//! client libraries do, with a push consumer that acknowledges nothing; another one is a program that reads the stream
//! from within. When their consumer is gone, they make another one behind what they saw last.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use embus_engine::stream::{ConsumerReader, ReaderEnd};

use super::config::{Acks, Config, Demand, LIMITS, Priority, SLOTS, Start};
use super::member::Delivery;
use super::time::{MILLISECOND, SECOND};
use super::world::World;
use crate::clock::Flag;
use crate::machine::{Down, catch};

/// One client.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) member: Option<u64>,
    /// If it reads from within: what it reads with, and whether it was told to look.
    reader: Option<(ConsumerReader, Arc<Flag>)>,
    is_reader: bool,
    /// The number of the last delivery.
    last: u64,
    /// What came before it was told that its consumer is there: numbers of deliveries, and sequences.
    early: Vec<(u64, u64)>,
    pub(super) seen: Vec<u64>,
}

impl World {
    pub(super) fn begin_followers(&mut self) {
        let new = |is_reader| Follower {
            member: None,
            reader: None,
            is_reader,
            last: 0,
            early: Vec::new(),
            seen: Vec::new(),
        };
        self.followers = vec![new(false), new(true)];
    }

    /// Those without a consumer make one.
    pub(super) fn revive_followers(&mut self) -> Result<(), Down> {
        for place in 0..self.followers.len() {
            let gone = self.followers[place].member.filter(|number| self.members[number].exists == Some(false));
            if gone.is_some() {
                self.leave(place);
            }
            if self.followers[place].member.is_none() {
                self.follow_anew(place)?;
            }
        }
        Ok(())
    }

    fn follow_anew(&mut self, place: usize) -> Result<(), Down> {
        let (number, client) = (self.number(), self.rng.usize(..super::world::CLIENTS));
        let Follower { is_reader, ref seen, .. } = self.followers[place];
        let config = Config {
            demand: if is_reader {
                Demand::Pull(Priority::None)
            } else {
                Demand::Push { group: false, heartbeat: 500 * MILLISECOND, flow: true }
            },
            acks: Acks::None,
            start: seen.last().map_or(Start::All, |last| Start::Sequence(last + 1)),
            filters: Vec::new(),
            waits: vec![SECOND],
            max_deliver: 0,
            max_ack_pending: 0,
            is_replay: false,
            threshold: Some(300 * SECOND),
            is_in_memory: true,
        };
        self.followers[place].member = Some(number);
        if is_reader {
            self.followers[place].reader = Some((ConsumerReader::new(), Flag::raised()));
        } else {
            let (sid, subject) = (self.number(), super::config::push_subject(&format!("k{number}")));
            self.listeners.insert(sid, super::listeners::Listener::new(number, client));
            self.subscribe(client, sid, &subject, None)?;
        }
        self.create(number, LIMITS, config)
    }

    fn leave(&mut self, place: usize) {
        let follower = &mut self.followers[place];
        (follower.member, follower.reader, follower.last) = (None, None, 0);
        follower.early.clear();
    }

    /// Their clients have vanished.
    pub(super) fn leave_followers(&mut self, gone: &[u64]) {
        for place in 0..self.followers.len() {
            if self.followers[place].member.is_some_and(|number| gone.contains(&number)) {
                self.leave(place);
            }
        }
    }

    pub(super) fn bury_followers(&mut self) {
        (0..self.followers.len()).for_each(|place| self.leave(place));
    }

    pub(super) fn is_reader(&self, number: u64) -> bool {
        self.followers.iter().any(|follower| follower.is_reader && follower.member == Some(number))
    }

    /// A push consumer delivered something; perhaps to one who follows.
    pub(super) fn follow(&mut self, number: u64, delivery: &Delivery) {
        let is_there = self.members[&number].exists == Some(true);
        let Some(place) = self.place_of_follower(number) else { return };
        let came = (delivery.consumer_sequence, delivery.stream_sequence);
        if is_there {
            self.follow_one(place, came);
        } else {
            self.followers[place].early.push(came);
        }
    }

    /// What somebody who follows got before is told to be there, or never to have been.
    pub(super) fn end_waiting_for(&mut self, number: u64) {
        let Some(place) = self.place_of_follower(number) else { return };
        if self.members[&number].exists != Some(true) {
            return self.leave(place);
        }
        for came in std::mem::take(&mut self.followers[place].early) {
            self.follow_one(place, came);
        }
    }

    fn place_of_follower(&self, number: u64) -> Option<usize> {
        self.followers.iter().position(|follower| follower.member == Some(number))
    }

    fn follow_one(&mut self, place: usize, (consumer_sequence, stream_sequence): (u64, u64)) {
        let follower = &mut self.followers[place];
        if consumer_sequence == follower.last + 1 {
            follower.last += 1;
            follower.see(stream_sequence);
        } else {
            // Something did not come.
            self.leave(place);
        }
    }

    /// Those who read from within look, if they were told to.
    pub(super) fn read_followers(&mut self) -> Result<(), Down> {
        for place in 0..self.followers.len() {
            while self.read_some(place)? {}
        }
        Ok(())
    }

    fn read_some(&mut self, place: usize) -> Result<bool, Down> {
        let follower = &mut self.followers[place];
        let (Some(number), Some((reader, flag))) = (follower.member, &mut follower.reader) else { return Ok(false) };
        let is_there = self.members.get(&number).is_some_and(|member| member.exists == Some(true));
        let Some(process) = self.process.as_ref().filter(|_| is_there && flag.is_raised()) else { return Ok(false) };
        let stream = process.engine.jetstream().and_then(|jetstream| jetstream.get(SLOTS[LIMITS].name));
        let stream = stream.expect("it is there in every run");
        flag.lower();
        let waker = Waker::from(Arc::clone(flag));
        let name = format!("k{number}");
        let polled = catch(|| stream.poll_consumer(&name, reader, &mut Context::from_waker(&waker)))?;
        let Some(member) = self.members.get_mut(&number) else { return Ok(false) };
        member.last = None;
        match polled {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(())) => flag.raise(),
            Poll::Ready(Err(ReaderEnd::Gone | ReaderEnd::Stopped)) => {
                self.leave(place);
                return Ok(false);
            }
            Poll::Ready(Err(ReaderEnd::Failed(error))) => {
                assert!(self.disk.was_faulty, "nothing is damaged: {error}");
                self.leave(place);
                return Ok(false);
            }
        }
        let follower = &mut self.followers[place];
        let Some((reader, _)) = &mut follower.reader else { return Ok(false) };
        let mut read = Vec::new();
        while let Some(message) = reader.next_message() {
            read.push(message.sequence);
        }
        self.trace.note(format_args!("{number} reads {read:?}"));
        for sequence in read {
            follower.see(sequence);
        }
        Ok(true)
    }

    /// Whoever follows has seen all that is there.
    pub(super) fn check_followers(&self, slot: usize, present: &std::collections::BTreeMap<u64, usize>) {
        for follower in self.followers.iter().filter(|_| slot == LIMITS) {
            let missed = present.keys().find(|sequence| follower.seen.binary_search(sequence).is_err());
            assert!(missed.is_none(), "{missed:?} was never seen: {follower:?}");
        }
    }
}

impl Follower {
    fn see(&mut self, sequence: u64) {
        let last = self.seen.last().copied().unwrap_or(0);
        assert!(sequence > last, "{sequence} comes behind {last} to somebody who follows: {:?}", self.member);
        self.seen.push(sequence);
    }
}
