//! Who listens where consumers deliver to, as consumers ask for it while they decide.

use bytes::Bytes;
use embus_storage::log::RemovalMark;
use embus_storage::message::Timestamp;

use super::{Consumers, Slot};
use crate::consumer::{Consumer, Readiness, Scene};
use crate::deliver_as::Reach;
use crate::router::Router;
use crate::stream::core::Core;
use crate::worker::Worker;

/// Answers whether destinations can be served. One that was just asked for is remembered: a consumer asks with every
/// message.
pub(super) struct Gate<'a> {
    router: &'a Router,
    /// For its cache of matches, where one is at hand.
    worker: Option<&'a mut Worker>,
    last: Option<(Bytes, Readiness)>,
    /// Destinations that are to read first what they have.
    congested: Vec<Bytes>,
}

/// What of the stream does not change while a consumer decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    visible: u64,
    settled: Option<RemovalMark>,
    round: u64,
    now: Timestamp,
}

impl<'a> Gate<'a> {
    pub(super) fn new(router: &'a Router, worker: Option<&'a mut Worker>) -> Self {
        Self { router, worker, last: None, congested: Vec::new() }
    }

    /// `needs_plain` asks for somebody who is in no queue group.
    fn readiness(&mut self, subject: &[u8], group: Option<&[u8]>, needs_plain: bool) -> Readiness {
        if let Some((last, readiness)) = &self.last
            && last == subject
        {
            return *readiness;
        }
        let reach = match &mut self.worker {
            Some(worker) => worker.reach(self.router, subject, group, needs_plain),
            None => self.router.reach(subject, group, needs_plain),
        };
        let readiness = match reach {
            Reach::Nobody => Readiness::Gone,
            Reach::Congested => Readiness::Congested,
            Reach::Open => Readiness::Ready,
        };
        let subject = Bytes::copy_from_slice(subject);
        if readiness == Readiness::Congested && !self.congested.contains(&subject) {
            self.congested.push(subject.clone());
        }
        self.last = Some((subject, readiness));
        readiness
    }

    /// Takes out where messages wait to be read first. What was remembered is asked for anew.
    pub(super) fn take_congested(&mut self) -> Vec<Bytes> {
        self.last = None;
        std::mem::take(&mut self.congested)
    }

    /// Runs `act` with what a consumer may see. A push consumer without a group is for those who are in none.
    /// [reference §5.6]
    pub(super) fn look<T>(
        &mut self,
        core: &mut Core,
        view: View,
        needs_plain: bool,
        act: impl FnOnce(&mut Scene<'_>) -> T,
    ) -> T {
        self.last = None;
        let mut interest = |subject: &[u8], group: Option<&[u8]>| self.readiness(subject, group, needs_plain);
        let View { visible, settled, round, now } = view;
        let mut scene = Scene { log: core.log_mut(), visible, settled, now, round, interest: &mut interest };
        act(&mut scene)
    }
}

impl Consumers {
    /// What a consumer sees this time.
    pub(super) fn view(&mut self, now: Timestamp) -> View {
        self.rounds += 1;
        View {
            visible: self.visible,
            settled: self.settled.as_ref().and_then(|settled| settled.mark),
            round: self.rounds,
            now,
        }
    }

    /// Runs `act` with a consumer and what it may see, if it is there.
    pub(super) fn show<T>(
        &mut self,
        slot: Slot,
        core: &mut Core,
        gate: &mut Gate<'_>,
        now: Timestamp,
        act: impl FnOnce(&mut Consumer, &mut Scene<'_>) -> T,
    ) -> Option<T> {
        let view = self.view(now);
        let member = self.member_mut(slot)?;
        let needs_plain = member.consumer.config().is_push();
        Some(gate.look(core, view, needs_plain, |scene| act(&mut member.consumer, scene)))
    }

    /// Tells a push consumer whether somebody listens.
    pub(super) fn check_interest(&mut self, slot: Slot, gate: &mut Gate<'_>, now: Timestamp) {
        let Some(member) = self.member_mut(slot) else { return };
        let config = member.consumer.config();
        if !config.is_push() {
            return;
        }
        let group = (!config.deliver_group.is_empty()).then_some(config.deliver_group.as_bytes());
        gate.last = None;
        let is_active = gate.readiness(config.deliver_subject.as_bytes(), group, true) != Readiness::Gone;
        member.consumer.handle_interest(is_active, now);
    }
}
