//! The end of a run: everybody listens and acknowledges until nothing comes any more. Then everything has come that must.

use std::time::Duration;

use super::config::Acks;
use super::look::removes;
use super::member::{Member, Verb};
use super::pulls::Pull;
use super::time::SECOND;
use super::world::{Held, World};
use crate::machine::Down;

impl World {
    pub(super) fn finish(&mut self) -> Result<(), Down> {
        self.heal()?;
        // All pauses and pins are over then, and nobody waits for an answer of flow control.
        self.advance(Duration::from_secs(10))?;
        self.drain()?;
        self.revive_followers()?;
        self.drain()?;
        let mut quiet_rounds = 0;
        for _ in 0..MAX_ROUNDS {
            let delivered = self.deliveries();
            self.revive_followers()?;
            self.serve_everybody()?;
            // What is replayed at its old pace may be silent for long.
            self.advance(if quiet_rounds > 0 { Duration::from_secs(60) } else { Duration::from_millis(2100) })?;
            self.drain()?;
            self.settle_everything()?;
            quiet_rounds = if self.deliveries() == delivered { quiet_rounds + 1 } else { 0 };
            if quiet_rounds == 3 {
                break;
            }
        }
        self.advance(Duration::from_millis(500))?;
        self.drain()?;
        self.check()?;
        self.check_end()
    }

    fn deliveries(&self) -> usize {
        self.held.len() + self.followers.iter().map(|follower| follower.seen.len()).sum::<usize>()
    }

    /// Everybody gets what there is.
    fn serve_everybody(&mut self) -> Result<(), Down> {
        let numbers: Vec<u64> =
            self.members.iter().filter(|(_, member)| member.exists == Some(true)).map(|(number, _)| *number).collect();
        for number in numbers {
            if self.followers.iter().any(|follower| follower.member == Some(number)) {
                continue;
            }
            if self.members[&number].config.is_push() {
                self.listen(number)?;
                continue;
            }
            let client = self.rng.usize(..4);
            let mut pull = Pull::new(number, client, 1000);
            pull.expires_at = Some(self.now() + 90 * SECOND);
            let now = self.now();
            if self.pulls.values().any(|pull| pull.member == number && pull.is_open(now) && !pull.no_wait) {
                continue;
            }
            self.pull(pull)?;
        }
        self.drain()?;
        while !self.questions.is_empty() {
            self.answer_a_question()?;
            self.drain()?;
        }
        Ok(())
    }

    /// Everything that waits is acknowledged, and what comes then.
    fn settle_everything(&mut self) -> Result<(), Down> {
        let mut from = 0;
        while from < self.held.len() {
            let held = self.held.split_off(from);
            self.held.extend(held.iter().cloned());
            from = self.held.len();
            self.settle(&held)?;
        }
        Ok(())
    }

    fn settle(&mut self, held: &[Held]) -> Result<(), Down> {
        for held in held {
            let member = &self.members[&held.member];
            if member.exists == Some(true) && member.waiting.contains_key(&held.sequence) {
                self.say(held, Verb::Ack, "+ACK")?;
            }
        }
        self.drain()
    }

    fn check_end(&mut self) -> Result<(), Down> {
        for slot in 0..super::config::SLOTS.len() {
            let present = self.read_all(slot)?;
            self.check_followers(slot, &present);
            let numbers: Vec<u64> = self.members.keys().copied().collect();
            for number in numbers {
                let member = &self.members[&number];
                if member.slot != slot || member.exists != Some(true) {
                    continue;
                }
                let left = member.has_left_over(&self.stocks[slot]).filter(|_| {
                    // What a disk that fails could not read is gone where nothing is acknowledged.
                    let may_miss = member.config.acks == Acks::None && self.disk.was_ever_faulty;
                    !may_miss && !self.is_reader(number)
                });
                assert!(left.is_none(), "{left:?} never came: {member:?}");
                if removes(slot) {
                    let present = &self.stocks[slot].present;
                    let wanted = present.iter().find(|(sequence, subject)| {
                        member.config.wants(subject)
                            && member.start.is_some_and(|start| start <= **sequence)
                            && !self.is_given_up(slot, subject)
                            && (slot == super::config::QUEUE || !self.has_other_needs(slot, **sequence, subject))
                    });
                    assert!(wanted.is_none(), "{wanted:?} is there, and everything is done: {member:?}");
                }
            }
        }
        Ok(())
    }

    /// Whether somebody gives messages up that were delivered often enough: they stay.
    fn is_given_up(&self, slot: usize, subject: &str) -> bool {
        let gives_up = |member: &Member| member.config.max_deliver > 0 && member.config.wants(subject);
        self.members.values().any(|member| member.slot == slot && gives_up(member))
    }

    /// Whether somebody needs it who began behind it or is not known well enough.
    fn has_other_needs(&self, slot: usize, sequence: u64, subject: &str) -> bool {
        self.members.values().any(|member| {
            let is_sure = member.start.is_some_and(|start| start <= sequence);
            member.slot == slot && member.exists != Some(false) && member.config.wants(subject) && !is_sure
        })
    }
}

/// More than any message is delivered.
const MAX_ROUNDS: usize = 200;
