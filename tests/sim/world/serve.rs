//! The broker's turns, and what the expectation makes of them.

use embus_engine::CloseReason;

use super::{Sabotage, World};
use crate::client::{Client, Pace, Sending};
use crate::driver::Polled;
use crate::frame::Frame;
use crate::message::identify;
use crate::model::Standing;
use crate::ops::Op;

impl World {
    /// Runs one connection's task that can run.
    pub(super) fn serve_any(&mut self) {
        let can_run = |client: &Client| client.driver.as_ref().is_some_and(crate::driver::Driver::is_runnable);
        let runnable: Vec<_> = (0..self.clients.len()).filter(|&index| can_run(&self.clients[index])).collect();
        if !runnable.is_empty() {
            let next = self.rng.usize(..runnable.len());
            self.serve(runnable[next]);
        }
    }

    /// Runs one connection's task, if it can run.
    pub(super) fn serve(&mut self, index: usize) -> bool {
        let client = &mut self.clients[index];
        let Some(driver) = client.driver.as_mut().filter(|driver| driver.is_runnable()) else { return false };
        let worker = self.rng.usize(..self.workers.len());
        let polled = driver.poll(&mut self.workers[worker], &mut self.rng);
        match polled {
            Polled::Idle => self.judge_cuts(Some(index)),
            Polled::Turn => self.take_operations(index),
            Polled::Closed { reason, is_whole } => {
                if is_cut(reason) && self.model.standing(self.clients[index].peer) == Some(Standing::Open) {
                    self.judge_cut(index, reason);
                }
                self.note_close(index, reason, is_whole);
                self.judge_cuts(Some(index));
            }
        }
        true
    }

    /// The broker took a piece of a client's stream: so the expectation takes it too.
    fn take_operations(&mut self, index: usize) {
        self.mark_cuts();
        let client = &mut self.clients[index];
        let Some(driver) = &client.driver else { return };
        let (consumed, refused) = (driver.consumed(), driver.session().end().is_some_and(is_refusal));
        self.trace.note(format_args!("{} has sent {consumed}", client.peer));
        while let Some(op) = client.take_consumed(consumed, refused) {
            let is_last = matches!(op, Op::Fatal { .. });
            self.model.apply(client.peer, op);
            if is_last {
                client.ops.clear();
            }
        }
        let is_fault = refused && client.ops.front().is_some_and(|next| next.start < consumed);
        assert!(!is_fault, "{} was refused without a fault", client.peer);
        self.judge_cuts(Some(index));
    }

    /// A connection is closed: its subscriptions are gone.
    pub(super) fn note_close(&mut self, index: usize, reason: CloseReason, is_whole: bool) {
        let client = &mut self.clients[index];
        client.driver = None;
        client.ops.clear();
        self.trace.note(format_args!("{} is closed: {reason}, whole: {is_whole}", client.peer));
        self.model.close(client.peer);
        self.model.inbox(client.inbox).is_broken |= !is_whole;
        self.slow_consumers += u64::from(reason.is_slow_consumer());
        self.stale_connections += u64::from(reason == CloseReason::StaleConnection);
        let is_well = client.pace == Pace::Prompt && client.is_polite;
        assert!(reason != CloseReason::StaleConnection || !is_well, "{} answers its pings", client.peer);
    }

    /// A task that is dropped in the middle, as by a runtime that stops.
    pub(super) fn drop_driver(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let Some(driver) = client.driver.take() else { return };
        let already = driver.session().end();
        drop(driver);
        client.socket.close();
        client.sending = Sending::Finished;
        self.note_close(index, already.unwrap_or(CloseReason::ServerShutdown), false);
        self.judge_cuts(None);
    }

    /// A client reads what its pace allows.
    pub(super) fn read_any(&mut self) {
        let Some(index) = self.random_client() else { return };
        let limit = match self.clients[index].pace {
            Pace::Prompt if self.rng.bool() => usize::MAX,
            Pace::Prompt => self.rng.usize(1..5000),
            Pace::Slow => self.rng.usize(1..200),
            Pace::Stalled => return,
        };
        self.read(index, limit);
    }

    /// A client reads at most `limit` bytes and looks at the frames in them.
    pub(super) fn read(&mut self, index: usize, limit: usize) -> bool {
        let (has_read, is_end) = self.clients[index].read(limit);
        let mut frames = Vec::new();
        while let Some(frame) = self.clients[index].next_frame() {
            frames.push(frame);
        }
        self.sabotage(&mut frames);
        for frame in frames {
            self.receive(index, &frame);
        }
        if is_end {
            let client = self.clients.remove(index);
            self.trace.note(format_args!("{} has read to the end", client.peer));
            self.model.inbox(client.inbox).finish();
        }
        // A client that is gone is forgotten once the broker knows.
        let is_gone =
            self.clients.get(index).is_some_and(|client| client.sending == Sending::Gone && !client.is_open());
        if is_gone {
            self.clients.remove(index);
        }
        has_read || is_end || is_gone
    }

    fn receive(&mut self, index: usize, frame: &Frame) {
        let client = &mut self.clients[index];
        match frame {
            Frame::Message(received) => {
                let (id, is_status) = identify(received);
                self.trace.note(format_args!("{} gets {id} {is_status} on {}", client.peer, received.sid));
            }
            other => self.trace.note(format_args!("{} gets {other:?}", client.peer)),
        }
        self.model.receive(client.inbox, frame);
        if *frame == Frame::Ping && client.is_polite && client.sending == Sending::Open {
            client.write(Op::Pong, &mut self.rng);
        }
    }

    /// Does to what was read what a faulty broker would.
    fn sabotage(&mut self, frames: &mut Vec<Frame>) {
        let Some(sabotage) = self.sabotage else { return };
        let is_message = |frame: &Frame| matches!(frame, Frame::Message(_));
        let Some(first) = frames.iter().position(is_message) else { return };
        match sabotage {
            Sabotage::Lose => drop(frames.remove(first)),
            Sabotage::Repeat => frames.insert(first, frames[first].clone()),
            Sabotage::Swap => frames[first..].reverse(),
        }
    }
}

/// Whether the broker gave the client up because of how it reads.
fn is_cut(reason: CloseReason) -> bool {
    reason.is_slow_consumer() || reason == CloseReason::WriteError
}

/// Whether the client brought its end upon itself by what it sent.
fn is_refusal(reason: CloseReason) -> bool {
    matches!(
        reason,
        CloseReason::ParseError
            | CloseReason::ProtocolViolation
            | CloseReason::BadClientProtocolVersion
            | CloseReason::AuthenticationFailure
            | CloseReason::MaximumPayloadExceeded
            | CloseReason::MaximumControlLineExceeded
            | CloseReason::NoRespondersRequiresHeaders
    )
}
