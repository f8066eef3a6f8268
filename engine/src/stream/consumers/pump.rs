//! Serving consumers: what is to be sent is decided under the stream's lock, in rounds of bounded size; reading, encoding
//! and sending happen outside of it. One pump per stream runs at a time, so that everything goes out in order; whoever
//! finds one at work leaves it to that one.

use std::task::Waker;

use bytes::Bytes;
use embus_storage::error::StorageError;
use embus_storage::log::{BlockReader, RunEnd};

use super::Key;
use super::gate::Gate;
use super::plan::Plan;
use super::unread::{Unread, Why};
use crate::api::advisory;
use crate::consumer::ack::AckToken;
use crate::consumer::{Deliver, DeliverRun, Status, Step};
use crate::deliver_as::{Handed, RowSpace};
use crate::engine::Engine;
use crate::router::Router;
use crate::service::Request;
use crate::stream::Stream;
use crate::sync::Arc;
use crate::worker::Worker;

/// Rounds that a turn runs by itself; what is left is a job's.
const ROUNDS_PER_TURN: usize = 4;

/// Rounds of one job, before others that wait for a thread have their turn.
const ROUNDS_PER_JOB: usize = 64;

/// What the pump works with; kept by workers.
#[derive(Default)]
pub(crate) struct PumpSpace {
    plan: Plan,
    carrier: Carrier,
}

/// What carries a message from the disk to its destination.
#[derive(Default)]
struct Carrier {
    reader: BlockReader,
    reply: Vec<u8>,
    added: Vec<u8>,
    unread: Vec<Unread>,
    frame: RowSpace,
}

impl Stream {
    /// Serves those consumers that have something to do, unless somebody is at it.
    pub(crate) fn pump(self: &Arc<Self>, engine: &Arc<Engine>, worker: &mut Worker) {
        {
            let mut state = self.state.lock();
            if !state.wants_pump() {
                return;
            }
            state.consumers.pumping = true;
        }
        self.run_pump(engine, worker, ROUNDS_PER_TURN);
    }

    /// The same where no worker is at hand.
    pub(crate) fn pump_alone(self: &Arc<Self>) {
        let Some(engine) = self.engine.upgrade() else { return };
        let wants_pump = self.state.lock().wants_pump();
        if wants_pump {
            engine.with_worker(|worker| self.pump(&engine, worker));
        }
    }

    fn run_pump(self: &Arc<Self>, engine: &Arc<Engine>, worker: &mut Worker, rounds: usize) {
        let mut space = std::mem::take(&mut worker.pump);
        let done = (0..rounds).position(|_| !self.run_round(engine, worker, &mut space));
        if done != Some(1) {
            // What a long run has read is not kept.
            space.carrier.reader.clear();
        }
        worker.pump = space;
        if done.is_none() {
            self.spawn_pump(engine);
        }
    }

    fn spawn_pump(self: &Arc<Self>, engine: &Arc<Engine>) {
        let (stream, engine) = (Arc::clone(self), Arc::clone(engine));
        let Some(jobs) = engine.jobs().cloned() else { return };
        jobs.spawn(Box::new(move || {
            engine.with_worker(|worker| stream.run_pump(&engine, worker, ROUNDS_PER_JOB));
        }));
    }

    /// One round; says whether there may be another. When there is none, nobody serves the consumers any more.
    fn run_round(self: &Arc<Self>, engine: &Arc<Engine>, worker: &mut Worker, space: &mut PumpSpace) -> bool {
        let Some(router) = self.router.upgrade() else { return false };
        space.plan.clear();
        {
            let mut state = self.state.lock();
            let now = engine.timestamp();
            let state = &mut *state;
            let mut gate = Gate::new(&router, Some(worker));
            state.consumers.plan(&mut state.core, &mut gate, now, &mut space.plan);
            self.arm(state);
            if space.plan.is_empty() {
                state.consumers.pumping = false;
                return false;
            }
        }
        self.carry_out(engine, &router, worker, space);
        self.note_sent(&space.plan, &mut space.carrier.unread, engine.timestamp());
        // What is congested shows only when it has been handed over.
        worker.batch.flush();
        self.await_relief(&router, &space.plan.congested, worker);
        true
    }

    fn carry_out(&self, engine: &Arc<Engine>, router: &Router, worker: &mut Worker, space: &mut PumpSpace) {
        let PumpSpace { plan, carrier } = space;
        plan.called.drain(..).for_each(Waker::wake);
        for status in &plan.statuses {
            send_status(router, worker, status);
        }
        let mut start = 0;
        for run in &plan.runs {
            let steps = &plan.steps[start..run.end];
            start = run.end;
            let (end, is_broken) = (end_of(steps), false);
            let mut run =
                Hauled { key: run.key, consumer: &run.name, end, delivers_once: run.delivers_once, is_broken };
            for step in steps {
                match step {
                    Step::Status(status) => send_status(router, worker, status),
                    Step::Deliver(deliver) => self.hand_over(router, worker, &mut run, deliver, carrier),
                    Step::Run(messages) => self.hand_over_run(router, worker, &mut run, messages, carrier),
                }
            }
        }
        for notice in plan.notices.drain(..) {
            advisory::consumer::publish(engine, router, worker, &self.name, self.domain.as_deref(), &notice);
        }
    }

    fn hand_over(
        &self,
        router: &Router,
        worker: &mut Worker,
        run: &mut Hauled<'_>,
        deliver: &Deliver,
        carrier: &mut Carrier,
    ) {
        let Carrier { reader, reply, added, unread, .. } = carrier;
        if run.is_broken {
            return unread.push(run.behind(&deliver.to, 1));
        }
        let Deliver { consumer_sequence, deliveries, .. } = *deliver;
        let message = match reader.read(&deliver.locator, run.end) {
            Ok(message) => message,
            Err(error) => {
                let place = (deliver.locator.sequence(), consumer_sequence);
                return unread.push(self.unread(run, &deliver.to, place, &error));
            }
        };
        let token = AckToken { deliveries, stream_sequence: message.sequence, consumer_sequence };
        reply.clear();
        token.write_reply(reply, self.name.as_bytes(), run.consumer.as_bytes(), message.time, deliver.pending);
        write_added(deliver, message.payload.len(), added);
        let payload = if deliver.headers_only { &[][..] } else { message.payload };
        let handed = Handed {
            to: &deliver.to,
            subject: message.subject,
            reply,
            headers: message.headers,
            added,
            payload,
            shared: &|| message.to_stored(),
        };
        worker.deliver_as(router, &handed);
    }

    fn hand_over_run(
        &self,
        router: &Router,
        worker: &mut Worker,
        run: &mut Hauled<'_>,
        messages: &DeliverRun,
        carrier: &mut Carrier,
    ) {
        let Carrier { reader, unread, frame, .. } = carrier;
        let DeliverRun { to, run: places, consumer_sequence, pending } = messages;
        if run.is_broken {
            return unread.push(run.behind(to, places.len() as u64));
        }
        let mut delivery = worker.deliver_row(router, to, frame.begin(&self.name, run.consumer));
        for (place, sequence) in places.sequences().enumerate() {
            let number = place as u64;
            match reader.read_of(places, place, run.end) {
                Ok(message) => delivery.add(&message, consumer_sequence + number, pending.saturating_sub(number)),
                Err(error) => {
                    let mut failed = self.unread(run, to, (sequence, consumer_sequence + number), &error);
                    if run.is_broken {
                        failed.messages = places.len() as u64 - number;
                    }
                    unread.push(failed);
                }
            }
            if run.is_broken {
                return;
            }
        }
    }

    /// A message, and the number of its delivery.
    #[cold]
    fn unread(&self, run: &mut Hauled<'_>, to: &Bytes, place: (u64, u64), error: &StorageError) -> Unread {
        let (sequence, consumer_sequence) = place;
        tracing::warn!(stream = &*self.name, sequence, %error, "a message could not be read to be delivered");
        let why = match error {
            StorageError::Damaged { .. } => Why::Damaged(sequence),
            _ if run.delivers_once => Why::FailedOnce(sequence, consumer_sequence),
            _ => Why::Failed(sequence),
        };
        run.is_broken = matches!(why, Why::FailedOnce(..));
        Unread { consumer: run.key, to: to.clone(), messages: 1, why }
    }
}

/// Messages for one consumer, in a row.
struct Hauled<'a> {
    key: Key,
    consumer: &'a str,
    /// Where the last of them ends.
    end: Option<RunEnd<'a>>,
    delivers_once: bool,
    /// Nothing more is sent of it.
    is_broken: bool,
}

impl Hauled<'_> {
    fn behind(&self, to: &Bytes, messages: u64) -> Unread {
        Unread { consumer: self.key, to: to.clone(), messages, why: Why::Behind }
    }
}

fn end_of(steps: &[Step]) -> Option<RunEnd<'_>> {
    steps.iter().rev().find_map(|step| match step {
        Step::Deliver(deliver) => Some(deliver.locator.end()),
        Step::Run(run) => Some(run.run.end()),
        Step::Status(_) => None,
    })
}

/// The header lines that a delivery adds. [reference §5.1, §5.5]
fn write_added(deliver: &Deliver, payload_len: usize, added: &mut Vec<u8>) {
    added.clear();
    if deliver.headers_only {
        added.extend_from_slice(b"Nats-Msg-Size: ");
        added.extend_from_slice(itoa::Buffer::new().format(payload_len).as_bytes());
        added.extend_from_slice(b"\r\n");
    }
    if let Some(pin_id) = &deliver.pin_id {
        added.extend_from_slice(b"Nats-Pin-Id: ");
        added.extend_from_slice(pin_id);
        added.extend_from_slice(b"\r\n");
    }
}

fn send_status(router: &Router, worker: &mut Worker, status: &Status) {
    let (subject, reply) = (&status.to[..], status.reply.as_deref());
    let message = Request { subject, reply, headers: &status.headers, payload: b"" };
    worker.deliver_internal(router, &message, 0);
}
