//! Clients that listen where push consumers deliver to.

use super::config::{Demand, GROUP, push_subject};
use super::world::{CLIENTS, World};
use crate::machine::{Down, catch};
use crate::scenario::pick;

/// A subscription where a push consumer delivers to.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    pub(super) member: u64,
    pub(super) client: usize,
    /// The broker has looked who listens since it came.
    pub(super) is_noticed: bool,
}

impl Listener {
    pub(super) fn new(member: u64, client: usize) -> Self {
        Self { member, client, is_noticed: false }
    }
}

impl World {
    /// Has a client listen: a second one only in a group, since each would get a copy.
    pub(super) fn listen(&mut self, number: u64) -> Result<(), Down> {
        let member = &self.members[&number];
        let is_group = matches!(member.config.demand, Demand::Push { group: true, .. });
        let others = self.listeners.values().filter(|it| it.member == number).count();
        if others >= if is_group { 3 } else { 1 } {
            return Ok(());
        }
        let subject = push_subject(&member.name);
        let (client, sid, now) = (self.rng.usize(..CLIENTS), self.number(), self.now());
        self.trace.note(format_args!("{sid} listens on {subject}"));
        self.listeners.insert(sid, Listener::new(number, client));
        self.member(number).heard_at = now;
        self.subscribe(client, sid, &subject, is_group.then_some(GROUP))?;
        self.come_back()
    }

    pub(super) fn stop_listening(&mut self) -> Result<(), Down> {
        let ours = self.followers.iter().filter_map(|follower| follower.member).collect::<Vec<_>>();
        let sids: Vec<u64> =
            self.listeners.iter().filter(|(_, it)| !ours.contains(&it.member)).map(|(sid, _)| *sid).collect();
        if sids.is_empty() {
            return Ok(());
        }
        let sid = *pick(&mut self.rng, &sids);
        self.trace.note(format_args!("{sid} listens no more"));
        self.drop_listener(sid)?;
        self.come_back()
    }

    pub(super) fn drop_listener(&mut self, sid: u64) -> Result<(), Down> {
        let Some(listener) = self.listeners.remove(&sid) else { return Ok(()) };
        self.note_end(&listener);
        let Self { process, rng, .. } = self;
        let client = &mut process.as_mut().ok_or(Down)?.clients[listener.client];
        catch(|| client.unsubscribe(sid, rng))
    }

    /// Nobody is at work: the broker knows who listens. Who comes and goes before that is never seen by anybody.
    pub(super) fn notice_listeners(&mut self) {
        let now = self.now();
        let Self { listeners, members, crew, .. } = self;
        if crew.has_work() {
            return;
        }
        for listener in listeners.values_mut().filter(|listener| !listener.is_noticed) {
            listener.is_noticed = true;
            members.get_mut(&listener.member).expect("it has a number").touch(now);
        }
    }

    /// Somebody listens no more.
    pub(super) fn note_end(&mut self, listener: &Listener) {
        let now = self.now();
        if listener.is_noticed {
            self.member(listener.member).touch(now);
        }
    }

    pub(super) fn is_listened_to(&self, number: u64) -> bool {
        self.listeners.values().any(|listener| listener.member == number)
    }
}
