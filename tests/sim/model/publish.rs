//! One message: who takes it, who perhaps does, and what its sender hears.

use std::collections::BTreeMap;

use super::{Between, InboxId, Model, PeerId, Sent, Standing};
use crate::expect::{Control, Entry};
use crate::message::Published;
use crate::subject;

/// Who publishes, and how.
#[derive(Debug, Clone, Copy)]
struct Sender {
    peer: PeerId,
    echo: bool,
}

/// A subscription that matches.
#[derive(Debug, Clone)]
struct Candidate {
    peer: PeerId,
    sid: u64,
    inbox: InboxId,
    queue: Option<String>,
    is_uncertain: bool,
}

impl Model {
    /// PUB or HPUB of a wire client, in the order in which the broker answers.
    pub(super) fn publish_wire(&mut self, peer: PeerId, message: Published) {
        self.sums.count_in(message.total_len() as u64);
        let options = self.options(peer);
        if options.pedantic && !subject::is_valid_literal(&message.subject) {
            // It travels all the same.
            self.control(peer, Control::Err("Invalid Publish Subject".to_owned()));
        }
        if let Some(refusal) = refusal(&message) {
            return self.control(peer, Control::Err(refusal));
        }
        self.ok(peer);
        let sender = Sender { peer, echo: options.echo };
        let id = message.id;
        let taken = self.publish(sender, message);
        if options.no_responders {
            self.tell_no_responders(peer, id, taken);
        }
    }

    /// A message of an in-process client; returns how many take it.
    pub(crate) fn publish_local(&mut self, peer: PeerId, message: Published) -> Between {
        self.sums.count_in(message.total_len() as u64);
        let id = message.id;
        let taken = self.publish(Sender { peer, echo: true }, message);
        self.tell_no_responders(peer, id, taken);
        taken
    }

    fn publish(&mut self, sender: Sender, message: Published) -> Between {
        let stamp = self.next_stamp();
        let candidates = self.candidates(sender, &message.subject);
        let mut taken = Between::default();
        let mut groups: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
        for candidate in candidates {
            if let Some(queue) = candidate.queue.clone() {
                groups.entry(queue).or_default().push(candidate);
                continue;
            }
            let share = self.takes(&candidate);
            taken.add(share.least, share.most);
            if let Some(bytes) = self.counted_len(&candidate, &message) {
                self.sums.out_messages.add(share.least, share.most);
                self.sums.out_bytes.add(share.least * bytes, share.most * bytes);
            }
            self.expect(stamp, &candidate, &message, None);
            self.count_delivery(&candidate);
        }
        for members in groups.into_values() {
            let share = self.publish_to_group(stamp, &members, &message);
            taken.add(share.least, share.most);
        }
        self.messages.insert(message.id, Sent { message, stamp, status_stamp: 0 });
        taken
    }

    fn candidates(&self, sender: Sender, subject: &str) -> Vec<Candidate> {
        let wanted = self.subscriptions.iter().filter(|((owner, _), interest)| {
            (sender.echo || *owner != sender.peer) && subject::matches(&interest.filter, subject)
        });
        wanted
            .map(|(&(peer, sid), interest)| Candidate {
                peer,
                sid,
                inbox: interest.inbox,
                queue: interest.queue.clone(),
                is_uncertain: interest.is_uncertain(),
            })
            .collect()
    }

    /// Whether a destination counts as having taken a message: publishers see at once who is gone.
    fn takes(&self, candidate: &Candidate) -> Between {
        let (least, most) = match self.standing(candidate.peer) {
            Some(Standing::Open) => (1, 1),
            Some(Standing::Cutting) => (0, 1),
            Some(Standing::Cut) | None => (0, 0),
        };
        Between { least, most }
    }

    /// One member gets it, any of them.
    fn publish_to_group(&mut self, stamp: u64, members: &[Candidate], message: &Published) -> Between {
        let takes: Vec<_> = members.iter().map(|member| self.takes(member)).collect();
        let is_certain = |(member, takes): (&Candidate, &Between)| !member.is_uncertain && takes.least > 0;
        let least = u64::from(members.iter().zip(&takes).any(is_certain));
        let most = u64::from(takes.iter().any(|takes| takes.most > 0));
        self.count_group(members, message, Between { least, most });
        let choice = self.add_choice(message.id, least > 0, members.iter().map(|member| member.inbox).collect());
        for member in members {
            self.expect(stamp, member, message, Some(choice));
        }
        Between { least, most }
    }

    fn count_group(&mut self, members: &[Candidate], message: &Published, taken: Between) {
        let sizes: Vec<_> = members.iter().map(|member| self.counted_len(member, message)).collect();
        let smallest = sizes.iter().map(|size| size.unwrap_or(0)).min().unwrap_or(0);
        let largest = sizes.iter().map(|size| size.unwrap_or(0)).max().unwrap_or(0);
        let least = if sizes.iter().all(Option::is_some) { taken.least } else { 0 };
        let most = if sizes.iter().any(Option::is_some) { taken.most } else { 0 };
        self.sums.out_messages.add(least, most);
        self.sums.out_bytes.add(least * smallest, most * largest);
    }

    fn with_headers(&self, peer: PeerId) -> bool {
        let peer = self.peers.get(&peer);
        peer.and_then(|peer| peer.wire.as_ref()).is_none_or(|wire| wire.options.headers)
    }

    /// Bytes that the broker counts when it sends; what in-process subscribers get is counted when they read it.
    fn counted_len(&self, candidate: &Candidate, message: &Published) -> Option<u64> {
        let options = self.peers.get(&candidate.peer)?.wire.as_ref()?.options;
        Some((if options.headers { message.total_len() } else { message.payload_len }) as u64)
    }

    fn expect(&mut self, stamp: u64, candidate: &Candidate, message: &Published, choice: Option<usize>) {
        let with_headers = self.with_headers(candidate.peer);
        let Some(peer) = self.peers.get_mut(&candidate.peer) else { return };
        peer.offered_bytes += message.frame_bytes();
        if peer.standing != Standing::Cut {
            let entry = Entry::Message { id: message.id, is_status: false, with_headers, choice };
            self.inboxes[candidate.inbox].expect_message(stamp, candidate.sid, entry);
        }
    }

    fn count_delivery(&mut self, candidate: &Candidate) {
        let key = (candidate.peer, candidate.sid);
        let Some(interest) = self.subscriptions.get_mut(&key) else { return };
        interest.delivered += 1;
        if interest.delivered == interest.max {
            self.subscriptions.remove(&key);
        }
    }

    /// A request that nobody took: its sender hears of it on one of its own plain subscriptions. [ADR-4, 503]
    fn tell_no_responders(&mut self, peer: PeerId, id: u64, taken: Between) {
        let Some(reply) = self.messages.get(&id).and_then(|sent| sent.message.reply.clone()) else { return };
        if taken.least > 0 {
            return;
        }
        let stamp = self.next_stamp();
        let all = Sender { peer, echo: true };
        let own = |candidate: &Candidate| candidate.peer == peer && candidate.queue.is_none();
        let readers: Vec<_> = self.candidates(all, &reply).into_iter().filter(own).collect();
        let candidates = readers.iter().map(|reader| reader.inbox).collect();
        let choice = self.add_choice(id, taken.most == 0 && !readers.is_empty(), candidates);
        if let Some(sent) = self.messages.get_mut(&id) {
            sent.status_stamp = stamp;
        }
        let is_cut = self.standing(peer) == Some(Standing::Cut);
        for reader in readers.iter().filter(|_| !is_cut) {
            let entry = Entry::Message { id, is_status: true, with_headers: true, choice: Some(choice) };
            self.inboxes[reader.inbox].expect_message(stamp, reader.sid, entry);
        }
    }
}

/// What the broker says to a message on a subject of its own. [reference §1.3]
fn refusal(message: &Published) -> Option<String> {
    if message.subject.starts_with("$NRG.") {
        return Some(format!("Permissions Violation for Publish to \"{}\"", message.subject));
    }
    let reply = message.reply.as_ref().filter(|reply| reply.starts_with("_R_."))?;
    Some(format!("Permissions Violation for Publish with Reply of \"{reply}\""))
}
