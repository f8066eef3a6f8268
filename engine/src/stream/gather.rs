//! Clients that share a commit. Where each of many has one message in flight, a commit for each of them costs more than all
//! the rest; so a turn behind another client's puts its commit off. Its client ends that soon, when those that are ready
//! have had their turns, and all who published meanwhile are taken along.
//!
//! A client alone puts nothing off, nor is anything put off that is worth a commit of its own, nor where a commit takes
//! a sync: the next one gathers while that runs.

use super::{State, Stream, SyncPolicy};
use crate::connection::{ClientId, INTERNAL};
use crate::stream::commit::Work;
use crate::sync::Arc;
use crate::turn_end::TurnEnd;

/// What becomes of the commit that a turn asks for.
enum Gather {
    /// It is made at once.
    No,
    /// Somebody else's is put off, and will take it along.
    Join,
    /// It is put off: this turn's client is to end that.
    Lead,
}

/// Bytes of records that are worth a commit of their own.
const MAX_GATHERED_BYTES: usize = 16 * 1024;

/// Turns that share a commit.
const MAX_GATHERED_TURNS: u8 = 64;

impl Stream {
    /// What a turn changed is counted, its deadlines are set; returns what there is to do, unless that is left to a later
    /// commit.
    pub(super) fn settle_or_put_off(self: &Arc<Self>, turn_end: &mut TurnEnd) -> Option<Work> {
        let leader = turn_end.leader.filter(|_| self.policy != SyncPolicy::Always);
        let mut state = self.state.lock();
        self.arm(&mut state);
        match leader.map_or(Gather::No, |leader| state.gather(leader)) {
            Gather::No => return self.begin(&mut state),
            Gather::Join => {}
            Gather::Lead => turn_end.put_off.push(Arc::clone(self)),
        }
        None
    }
}

impl State {
    fn gather(&mut self, client: ClientId) -> Gather {
        let last = std::mem::replace(&mut self.last_turn, client);
        let is_alone = last == client || last == INTERNAL;
        let is_worth_it =
            self.core.log().pending_bytes() > MAX_GATHERED_BYTES || self.gathered_turns >= MAX_GATHERED_TURNS;
        let is_leading = self.gathered_turns == 0;
        if self.busy || is_worth_it || self.waiting.is_empty() || (is_leading && is_alone) {
            return Gather::No;
        }
        self.gathered_turns += 1;
        if is_leading { Gather::Lead } else { Gather::Join }
    }
}
