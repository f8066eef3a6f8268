//! What readers got, held against what they had to get.

use super::{InboxId, Model, PeerId, Sent};
use crate::expect::{Control, Entry};
use crate::frame::{Frame, Received};
use crate::message::identify;

impl Model {
    /// An in-process reader got a message, which the broker counts now, unless the client is closed.
    pub(crate) fn receive_local(&mut self, peer: PeerId, inbox: InboxId, received: &Received) {
        let bytes = (received.headers.as_ref().map_or(0, Vec::len) + received.payload.len()) as u64;
        let is_counted = u64::from(self.peers.contains_key(&peer));
        self.sums.out_messages.add(is_counted, 1);
        self.sums.out_bytes.add(is_counted * bytes, bytes);
        self.receive_message(inbox, received);
    }

    /// A wire client got a frame.
    pub(crate) fn receive(&mut self, inbox: InboxId, frame: &Frame) {
        let reader = &mut self.inboxes[inbox];
        match frame {
            Frame::Info(json) => {
                assert!(json.starts_with('{') && json.trim_end().ends_with('}'), "INFO without JSON: {json}");
                reader.receive_control(&Control::Info);
            }
            Frame::Ok => reader.receive_control(&Control::Ok),
            // When silence is given up depends on time, not on what was sent.
            Frame::Err(text) if text == "Stale Connection" => {}
            Frame::Err(text) => reader.receive_control(&Control::Err(text.clone())),
            Frame::Pong => reader.receive_control(&Control::Pong),
            Frame::Ping => {}
            Frame::Message(received) => self.receive_message(inbox, received),
        }
    }

    fn receive_message(&mut self, inbox: InboxId, received: &Received) {
        let (id, was_status) = identify(received);
        let sent = self.messages.get(&id).unwrap_or_else(|| panic!("message {id} came before it was sent"));
        let stamp = if was_status { sent.status_stamp } else { sent.stamp };
        let Entry::Message { is_status, with_headers, choice, .. } =
            self.inboxes[inbox].receive_message(stamp, received.sid)
        else {
            panic!("a control line was due")
        };
        assert_eq!(*received, sent.as_received(received.sid, is_status, with_headers), "message {id} was changed");
        if let Some(choice) = choice {
            let choice = &mut self.choices[choice];
            assert!(!choice.is_taken, "message {id} went to two members of a queue group");
            choice.is_taken = true;
        }
    }

    /// All that can be read was read: what is missing now is lost.
    pub(crate) fn check_choices(&mut self) {
        for choice in self.choices.drain(..) {
            let may_be_lost = |&inbox: &InboxId| self.inboxes[inbox].is_broken || self.inboxes[inbox].may_drop;
            let is_lost = choice.is_due && !choice.is_taken && !choice.candidates.iter().any(may_be_lost);
            assert!(!is_lost, "message {} reached no member of a queue group: {choice:?}", choice.id);
        }
    }
}

impl Sent {
    fn as_received(&self, sid: u64, is_status: bool, with_headers: bool) -> Received {
        let message = &self.message;
        if is_status {
            let subject = message.reply.clone().expect("a status answers a request");
            let headers = Some(message.status_block());
            return Received { sid, subject, reply: None, headers, payload: Vec::new() };
        }
        Received {
            sid,
            subject: message.subject.clone(),
            reply: message.reply.clone(),
            headers: message.headers.clone().filter(|block| with_headers && !block.is_empty()),
            payload: message.payload(),
        }
    }
}
