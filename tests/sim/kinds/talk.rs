//! What clients say of messages that they got.

use serde_json::json;

use super::config::{Acks, LIMITS};
use super::member::{Member, Verb};
use super::time::MILLISECOND;
use super::world::{Asked, CLIENTS, Held, Request, Sabotage, World};
use crate::machine::Down;
use crate::scenario::pick;

impl World {
    /// A client says something of a message that it got, lately or a while ago.
    pub(super) fn say_something(&mut self) -> Result<(), Down> {
        let last = self.held.len();
        if last == 0 {
            return Ok(());
        }
        let from = if self.rng.bool() { last.saturating_sub(5) } else { 0 };
        let held = self.held[self.rng.usize(from..last)].clone();
        if self.members[&held.member].exists != Some(true) {
            return Ok(());
        }
        let delay = self.rng.u64(1..2000) * MILLISECOND;
        let is_up_to = self.members[&held.member].config.acks == Acks::All;
        let (verb, body) = match self.rng.u8(..22) {
            0..12 => (Verb::Ack, (*pick(&mut self.rng, &["", "+ACK", "+OK"])).to_owned()),
            12..14 => (Verb::Nak(0), "-NAK".to_owned()),
            14..16 => (Verb::Nak(delay), format!("-NAK {}", json!({ "delay": delay }))),
            16..18 => (Verb::Progress, "+WPI".to_owned()),
            // Whether it takes those before it along depends on what the consumer has seen go.
            18..20 if !is_up_to => (Verb::Term, "+TERM".to_owned()),
            _ => return self.ask_for_next(&held),
        };
        self.say(&held, verb, &body)
    }

    pub(super) fn say(&mut self, held: &Held, verb: Verb, body: &str) -> Result<(), Down> {
        let done = self.note_said(held, verb);
        self.trace.note(format_args!("{}: {} {body:?}", held.member, held.sequence));
        if self.sabotage == Some(Sabotage::Forget) && verb == Verb::Ack {
            return Ok(());
        }
        let client = self.rng.usize(..CLIENTS);
        if self.rng.u8(..3) > 0 {
            return self.send_by(client, &held.reply, None, body.as_bytes());
        }
        let Member { resets, changing, .. } = self.members[&held.member];
        // It may be heard before a reset that was asked for earlier.
        let done = if changing > 0 { Vec::new() } else { done };
        let (number, request) = (self.number(), Request::Confirm { member: held.member, done, resets });
        let reply = format!("_INBOX.{}.{number}", self.process.as_ref().ok_or(Down)?.names[client]);
        self.requests.insert(number, Asked { client, request });
        self.send_by(client, &held.reply, Some(&reply), body.as_bytes())
    }

    /// Acknowledges and asks for more in one.
    fn ask_for_next(&mut self, held: &Held) -> Result<(), Down> {
        let mut pull = self.random_pull(held.member);
        pull.client = self.rng.usize(..CLIENTS);
        let body = pull.body(self.members[&held.member].config.priority(), self.now());
        self.note_said(held, Verb::Ack);
        self.trace.note(format_args!("{}: {} and the next ones", held.member, held.sequence));
        let client = pull.client;
        let inbox = self.register_pull(pull)?;
        self.send_by(client, &held.reply, Some(&inbox), format!("+NXT {body}").as_bytes())
    }

    /// Returns what is done then.
    fn note_said(&mut self, held: &Held, verb: Verb) -> Vec<u64> {
        let now = self.now();
        let member = self.member(held.member);
        let slot = member.slot;
        let is_up_to = member.config.acks == Acks::All;
        let done = member.hear(held.sequence, verb, now);
        if slot != LIMITS && matches!(verb, Verb::Ack | Verb::Term) {
            // Also what this broker is not known to have delivered.
            let first = if is_up_to { 0 } else { held.sequence };
            (first..=held.sequence).for_each(|sequence| self.stocks[slot].doubt(sequence));
        }
        done
    }

    /// Somebody answers a question of flow control.
    pub(super) fn answer_a_question(&mut self) -> Result<(), Down> {
        let Some(question) = self.questions.pop() else { return Ok(()) };
        self.trace.note(format_args!("answers {question}"));
        let client = self.rng.usize(..CLIENTS);
        self.send_by(client, &question, None, b"")
    }
}
