//! Direct gets: stored messages as messages, without JSON. Answered on the turn that brings the request where one message
//! is wanted and durable, else after the commit that makes it so; several messages are read by a job. [reference §6.1]

mod ask;
mod batch;
mod lasts;
mod multi;
mod reply;
mod sender;

use std::array;

use embus_storage::error::StorageError;
use embus_storage::log::{Locator, MAX_WARM};
use embus_storage::message::{MessageView, StoredMessage};

use crate::api::direct::ask::Ask;
use crate::api::direct::reply::{Status, Tail, write_head};
use crate::api::fetch::Query;
use crate::engine::Engine;
use crate::service::{Request, Requests};
use crate::stream::Stream;
use crate::sync::Arc;
use crate::worker::Worker;

/// Answers a request on `$JS.API.DIRECT.GET.<stream>` or on a subject of that stream behind it. Who gives no reply
/// subject gets nothing.
pub(crate) fn call(engine: &Arc<Engine>, stream: &Arc<Stream>, request: &Request<'_>, worker: &mut Worker) {
    let Some(reply) = request.reply else { return };
    match ask::read(stream.name(), request) {
        Err(status) => deliver(stream, worker, reply, status.block(), b""),
        Ok(Ask::One { query, no_headers }) => {
            Getter { engine, stream, reply, no_headers }.answer(query, worker);
        }
        Ok(Ask::Batch(batch)) => batch::start(engine, stream, reply, batch),
        Ok(Ask::Multi(multi)) => multi::start(engine, stream, reply, multi),
    }
}

/// The same for several of them.
pub(crate) fn call_all(engine: &Arc<Engine>, stream: &Arc<Stream>, requests: Requests<'_>, worker: &mut Worker) {
    for requests in requests.chunks(MAX_WARM) {
        if requests.are_several() {
            warm(stream, requests);
        }
        for request in requests.iter() {
            call(engine, stream, &request, worker);
        }
    }
}

/// What several gets will look for is brought into the processor's caches together: they would wait for memory one by one.
fn warm(stream: &Stream, requests: Requests<'_>) {
    let mut subjects = requests.iter().map(|request| ask::subject(stream.name(), request.subject));
    let subjects: [_; MAX_WARM] = array::from_fn(|_| subjects.next().flatten().unwrap_or_default());
    stream.look(|core| core.log().warm(&subjects));
}

/// How often what was taken back is looked for anew: the disk fails, and then the log is read, and may not be readable.
const MAX_RETRIES: u32 = 2;

fn deliver(stream: &Stream, worker: &mut Worker, reply: &[u8], headers: &[u8], payload: &[u8]) {
    if let Some(router) = stream.router() {
        worker.answer(&router, reply, headers, payload);
    }
}

/// Gets one message.
#[derive(Clone, Copy)]
struct Getter<'a> {
    engine: &'a Arc<Engine>,
    stream: &'a Arc<Stream>,
    reply: &'a [u8],
    no_headers: bool,
}

impl Getter<'_> {
    fn answer(self, query: Query<'_>, worker: &mut Worker) {
        let found = match query.find(self.stream) {
            Ok(found) => found,
            Err(error) => return self.fail(&error, worker),
        };
        if !found.is_settled {
            return self.answer_later(query.into_owned(), MAX_RETRIES, worker);
        }
        if !found.place.as_ref().is_some_and(|(_, locator)| self.send_from_disk(locator, worker)) {
            let read = query.read(self.stream, found.place);
            self.send(read, worker);
        }
    }

    /// The usual case: the message is there, and is read and sent from memory that the worker keeps. Says whether it was.
    fn send_from_disk(self, locator: &Locator, worker: &mut Worker) -> bool {
        let mut record = std::mem::take(&mut worker.record);
        let read = locator.read_into(&mut record).map(|message| self.send_message(&message, worker));
        worker.keep_record(record);
        read.is_ok()
    }

    fn send_message(self, message: &MessageView<'_>, worker: &mut Worker) {
        let mut headers = std::mem::take(&mut worker.header_block);
        headers.clear();
        if !self.no_headers {
            write_head(&mut headers, self.stream.name(), message);
            Tail::End.write(&mut headers);
        }
        deliver(self.stream, worker, self.reply, &headers, message.payload);
        worker.keep_header_block(headers);
    }

    /// What was found may be taken back by a power cut: it is told when that can't happen any more. It is looked for once
    /// more, as it may have been taken back meanwhile, with nobody to tell of it.
    fn answer_later(self, query: Query<'static>, retries: u32, worker: &mut Worker) {
        let witness = self.stream.witness();
        let place = match query.find(self.stream) {
            Ok(found) => found.place,
            Err(error) => return self.fail(&error, worker),
        };
        let (engine, stream) = (Arc::clone(self.engine), Arc::clone(self.stream));
        let (reply, no_headers) = (self.reply.to_vec(), self.no_headers);
        witness.after_commit(Box::new(move |committed| {
            engine.with_worker(|worker| {
                let getter = Getter { engine: &engine, stream: &stream, reply: &reply, no_headers };
                match committed {
                    Ok(()) => getter.send(query.read(&stream, place), worker),
                    Err(_) => getter.answer_instead(query, retries, worker),
                }
            });
        }));
    }

    /// What was found was taken back. What is there instead is told if it is durable; else the disk may still be about
    /// to take it back, or fail on, and then so does the request.
    fn answer_instead(self, query: Query<'static>, retries: u32, worker: &mut Worker) {
        match query.find(self.stream) {
            Ok(found) if found.is_settled => {
                let read = query.read(self.stream, found.place);
                self.send(read, worker);
            }
            Ok(_) if retries > 0 => self.answer_later(query, retries - 1, worker),
            Ok(_) => deliver(self.stream, worker, self.reply, Status::StoreFailed.block(), b""),
            Err(error) => self.fail(&error, worker),
        }
    }

    fn send(self, read: Result<Option<StoredMessage>, StorageError>, worker: &mut Worker) {
        match read {
            Ok(Some(message)) => self.send_message(&message.view(), worker),
            Ok(None) => deliver(self.stream, worker, self.reply, Status::NotFound.block(), b""),
            Err(error) => self.fail(&error, worker),
        }
    }

    fn fail(self, error: &StorageError, worker: &mut Worker) {
        tracing::warn!(stream = self.stream.name(), %error, "a direct get failed");
        deliver(self.stream, worker, self.reply, Status::StoreFailed.block(), b"");
    }
}
