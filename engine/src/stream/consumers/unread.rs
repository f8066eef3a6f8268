//! What a round of the pump could not send because the disk could not read it, and what it sent.

use bytes::Bytes;
use embus_storage::message::Timestamp;

use super::Key;
use super::plan::Plan;
use crate::stream::{State, Stream};
use crate::sync::Arc;

/// Messages that were to be delivered and were not sent.
pub(super) struct Unread {
    pub(super) consumer: Key,
    pub(super) to: Bytes,
    pub(super) messages: u64,
    pub(super) why: Why,
}

/// Why they were not.
pub(super) enum Why {
    /// This one is damaged.
    Damaged(u64),
    /// This one could not be read just now, and comes again when its time to be acknowledged is over.
    Failed(u64),
    /// The same where nothing is acknowledged, with those behind it: this one, and the number that it was delivered with.
    FailedOnce(u64, u64),
    /// They are behind one like that.
    Behind,
}

impl Stream {
    /// Notes what could not be read; what was sent may be removed where nobody acknowledges it.
    pub(super) fn note_sent(self: &Arc<Self>, plan: &Plan, unread: &mut Vec<Unread>, now: Timestamp) {
        let mut sent = plan.runs.iter().filter(|run| run.is_sending).peekable();
        if unread.is_empty() && sent.peek().is_none() {
            return;
        }
        let mut state = self.state.lock();
        let state = &mut *state;
        unread.drain(..).for_each(|unread| state.note_unread(&unread, now));
        for run in sent {
            if let Some(member) = state.consumers.find(run.key) {
                member.consumer.handle_sent();
                state.consumers.settle(run.key.slot, &mut state.core, now);
            }
        }
        self.arm(state);
    }
}

impl State {
    /// What is damaged counts as lost, and nobody waits for it any more; the rest is delivered again.
    #[cold]
    fn note_unread(&mut self, unread: &Unread, now: Timestamp) {
        if let Why::Damaged(sequence) = unread.why {
            self.core.log_mut().note_damaged(sequence);
        }
        let Some(member) = self.consumers.find(unread.consumer) else { return };
        member.consumer.handle_unread(&unread.to, unread.messages);
        match unread.why {
            Why::Failed(sequence) => member.consumer.handle_undelivered(sequence),
            Why::FailedOnce(sequence, number) => {
                member.consumer.go_back_to(sequence, number, self.core.log_mut(), now);
            }
            Why::Damaged(_) | Why::Behind => {}
        }
        self.consumers.make_ready(unread.consumer.slot);
    }
}
