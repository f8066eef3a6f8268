//! What wire clients do.

use fastrand::Rng;

use super::World;
use crate::client::{Client, Sending};
use crate::message::{Published, reply_subject};
use crate::model::PeerId;
use crate::ops::{Op, Options, random_fatal};
use crate::scenario::pick;
use crate::subject;

impl World {
    /// Some client writes one operation; it is sent later, in pieces.
    pub(super) fn client_op(&mut self) {
        let Some(index) = self.random_client() else { return };
        if self.clients[index].sending != Sending::Open {
            return;
        }
        let op = self.random_op(index);
        let client = &mut self.clients[index];
        self.trace.note(format_args!("{} writes {op:.200?}", client.peer));
        client.write(op, &mut self.rng);
    }

    /// Some client sends a piece of what it wrote.
    pub(super) fn transmit(&mut self) {
        let Some(index) = self.random_client() else { return };
        let limit = match self.rng.u8(..4) {
            0 => self.rng.usize(1..=10),
            1 => self.rng.usize(1..=3000),
            _ => usize::MAX,
        };
        self.clients[index].transmit(limit);
    }

    fn random_op(&mut self, index: usize) -> Op {
        let max_payload = self.scenario.limits.max_payload;
        let limits_members = self.scenario.limits_members();
        let (client, rng) = (&mut self.clients[index], &mut self.rng);
        match rng.u16(..1000) {
            0..40 => {
                client.options = Options::random(rng);
                Op::Connect(client.options)
            }
            40..240 => random_subscribe(client, rng),
            240..340 => random_unsubscribe(client, rng, limits_members),
            340..400 => Op::Ping,
            400..410 => Op::Noise,
            410..414 => random_fatal(rng, client.options, max_payload),
            _ => {
                let peer = client.peer;
                let with_headers = client.options.headers;
                Op::Publish(self.random_message(peer, with_headers))
            }
        }
    }

    /// A message that nobody sent before. Each carries its number, in the payload or in the reply subject.
    pub(super) fn random_message(&mut self, peer: PeerId, with_headers: bool) -> Published {
        self.last_message += 1;
        let (id, rng, max_payload) = (self.last_message, &mut self.rng, self.scenario.limits.max_payload);
        let headers = (with_headers && rng.u8(..3) == 0).then(|| random_headers(rng, id));
        let payload_len = random_len(rng, max_payload - headers.as_ref().map_or(0, Vec::len));
        let must_reply = payload_len < 10;
        let reply = (must_reply || rng.u8(..4) == 0).then(|| reply_subject(peer as u64, id));
        let mut message = Published { id, subject: subject::random_subject(rng), reply, headers, payload_len };
        match rng.u16(..300) {
            0 => "$NRG.a".clone_into(&mut message.subject),
            1 => message.reply = Some(format!("_R_.{id:08x}")),
            _ => {}
        }
        message
    }

    /// The broker's owner cuts a client.
    pub(super) fn kick(&mut self) {
        let Some(index) = self.random_client() else { return };
        let client = &self.clients[index];
        let Some(driver) = &client.driver else { return };
        self.trace.note(format_args!("{} is kicked", client.peer));
        self.kicked.push(client.peer);
        let id = driver.session().connection().id();
        assert!(self.engine.kick(id, embus_engine::CloseReason::ServerShutdown), "a connection is known");
        self.judge_cuts(None);
    }

    pub(super) fn was_kicked(&self, peer: PeerId) -> bool {
        self.kicked.contains(&peer)
    }
}

pub(super) fn random_queue(rng: &mut Rng) -> Option<String> {
    (rng.u8(..3) == 0).then(|| pick(rng, &["q", "q", "workers"]).to_string())
}

fn random_subscribe(client: &mut Client, rng: &mut Rng) -> Op {
    let filter = match rng.u8(..40) {
        0 => pick(rng, &["a..b", "a.>.b", ".a", "a."]).to_string(),
        // Answers to its own requests, and those of others.
        1..9 => format!("r.{}.*", client.peer),
        9 => "r.>".to_owned(),
        _ => subject::random_filter(rng),
    };
    let queue = if rng.u8(..60) == 0 { Some("_sys_".to_owned()) } else { random_queue(rng) };
    // A sid in use keeps its first meaning: at times one is used twice, but none whose end is not known.
    let reused = (rng.u8(..12) == 0 && client.last_sid > 0).then(|| rng.u64(1..=client.last_sid));
    let sid = reused.filter(|sid| !client.limited.contains(sid)).unwrap_or_else(|| {
        client.last_sid += 1;
        client.last_sid
    });
    if queue.is_some() {
        client.members.push(sid);
    }
    Op::Subscribe { filter, queue, sid }
}

fn random_unsubscribe(client: &mut Client, rng: &mut Rng, limits_members: bool) -> Op {
    let sid = rng.u64(..=client.last_sid);
    let is_member = client.members.contains(&sid);
    let max = (rng.bool() && (limits_members || !is_member)).then(|| rng.u64(..12));
    if max.is_some() && is_member {
        client.limited.push(sid);
    }
    Op::Unsubscribe { sid, max }
}

pub(super) fn random_headers(rng: &mut Rng, id: u64) -> Vec<u8> {
    if rng.u8(..10) == 0 {
        return Vec::new();
    }
    let filler = "v".repeat(rng.usize(..60));
    format!("NATS/1.0\r\nId: {id}{filler}\r\n\r\n").into_bytes()
}

fn random_len(rng: &mut Rng, most: usize) -> usize {
    match rng.u8(..20) {
        0 => 0,
        1..12 => rng.usize(..120),
        12..17 => rng.usize(100..4_000).min(most),
        17 => rng.usize(3_000..20_000).min(most),
        18 => rng.usize(16_000..70_000).min(most),
        _ if rng.u8(..4) == 0 => most,
        _ => rng.usize(..=most),
    }
}
