//! Request and reply with one request in flight: what a caller waits for, while the server has nothing else to do.
//!
//! Requester and responder are two connections on one blocking thread, so no hand-over inside the client is measured.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::latency::Latencies;
use crate::wire::{message_frame, publish_frame};

const SUBJECT: &str = "load.request";
const INBOX: &str = "_INBOX.load.1";
const PAYLOAD_BYTES: usize = 16;

/// The two connections and the four frames of a round trip.
#[derive(Debug)]
pub struct RoundTrips {
    requester: Connection,
    responder: Connection,
    request: Vec<u8>,
    request_delivered: Vec<u8>,
    reply: Vec<u8>,
    reply_delivered: Vec<u8>,
    scratch: Vec<u8>,
}

impl RoundTrips {
    /// Connects and subscribes both sides.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut requester = Connection::open(address)?;
        let mut responder = Connection::open(address)?;
        requester.subscribe(INBOX)?;
        responder.subscribe(SUBJECT)?;
        Ok(Self {
            requester,
            responder,
            request: publish_frame(SUBJECT, Some(INBOX), PAYLOAD_BYTES),
            request_delivered: message_frame(SUBJECT, Some(INBOX), PAYLOAD_BYTES),
            reply: publish_frame(INBOX, None, PAYLOAD_BYTES),
            reply_delivered: message_frame(INBOX, None, PAYLOAD_BYTES),
            scratch: Vec::new(),
        })
    }

    /// Asks for `duration`, one request after the other; returns the latencies and how many there were.
    pub fn run(&mut self, duration: Duration) -> io::Result<(Latencies, u64)> {
        let mut latencies = Latencies::new()?;
        let mut requests = 0;
        let start = Instant::now();
        while start.elapsed() < duration {
            latencies.record(self.round_trip()?);
            requests += 1;
        }
        Ok((latencies, requests))
    }

    fn round_trip(&mut self) -> io::Result<Duration> {
        let asked = Instant::now();
        self.requester.send(&self.request)?;
        self.responder.expect(&self.request_delivered, &mut self.scratch)?;
        self.responder.send(&self.reply)?;
        self.requester.expect(&self.reply_delivered, &mut self.scratch)?;
        Ok(asked.elapsed())
    }
}
