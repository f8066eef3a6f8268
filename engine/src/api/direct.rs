//! Direct gets: stored messages as messages, without JSON. Answered on the turn that brings the request where one message
//! is wanted and durable, else after the commit that makes it so; several messages are read by a job. [reference §6.1]

mod ask;
mod batch;
mod multi;
mod reply;
mod sender;

use embus_storage::error::StorageError;
use embus_storage::message::StoredMessage;

use crate::api::direct::ask::Ask;
use crate::api::direct::reply::{Status, Tail, write_head};
use crate::api::fetch::Query;
use crate::engine::Engine;
use crate::service::Request;
use crate::stream::Stream;
use crate::sync::Arc;
use crate::worker::Worker;

/// Answers a request on `$JS.API.DIRECT.GET.<stream>` or on a subject of that stream behind it. Who gives no reply
/// subject gets nothing.
pub(crate) fn call(engine: &Arc<Engine>, stream: &Arc<Stream>, request: &Request<'_>, worker: &mut Worker) {
    let Some(reply) = request.reply else { return };
    match ask::read(stream.name(), request) {
        Err(status) => deliver(engine, worker, reply, status.block(), b""),
        Ok(Ask::One { query, no_headers }) => {
            Getter { engine, stream, reply, no_headers }.answer(query, worker);
        }
        Ok(Ask::Batch(batch)) => batch::start(engine, stream, reply, batch),
        Ok(Ask::Multi(multi)) => multi::start(engine, stream, reply, multi),
    }
}

fn deliver(engine: &Engine, worker: &mut Worker, reply: &[u8], headers: &[u8], payload: &[u8]) {
    let message = Request { subject: reply, reply: None, headers, payload };
    worker.deliver_internal(engine.global_account(), &message, 0);
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
            return self.answer_later(query.into_owned(), found.place);
        }
        let read = query.read(self.stream, found.place);
        self.send(read, worker);
    }

    /// What was found may be taken back by a power cut: it is told when that can't happen any more.
    fn answer_later(self, query: Query<'static>, place: Option<(u64, embus_storage::log::Locator)>) {
        let (engine, stream) = (Arc::clone(self.engine), Arc::clone(self.stream));
        let (reply, no_headers) = (self.reply.to_vec(), self.no_headers);
        self.stream.after_commit(Box::new(move |committed| {
            engine.with_worker(|worker| {
                let getter = Getter { engine: &engine, stream: &stream, reply: &reply, no_headers };
                match committed {
                    Ok(()) => getter.send(query.read(&stream, place), worker),
                    Err(_) => getter.answer_instead(&query, worker),
                }
            });
        }));
    }

    /// What was found was taken back. What is there instead is told if it is durable; else the disk fails on, and so
    /// does the request.
    fn answer_instead(self, query: &Query<'_>, worker: &mut Worker) {
        match query.find(self.stream) {
            Ok(found) if found.is_settled => {
                let read = query.read(self.stream, found.place);
                self.send(read, worker);
            }
            Ok(_) => deliver(self.engine, worker, self.reply, Status::StoreFailed.block(), b""),
            Err(error) => self.fail(&error, worker),
        }
    }

    fn send(self, read: Result<Option<StoredMessage>, StorageError>, worker: &mut Worker) {
        match read {
            Ok(Some(message)) if self.no_headers => {
                deliver(self.engine, worker, self.reply, b"", &message.payload);
            }
            Ok(Some(message)) => {
                let mut headers = write_head(self.stream.name(), &message);
                Tail::End.write(&mut headers);
                deliver(self.engine, worker, self.reply, &headers, &message.payload);
            }
            Ok(None) => deliver(self.engine, worker, self.reply, Status::NotFound.block(), b""),
            Err(error) => self.fail(&error, worker),
        }
    }

    fn fail(self, error: &StorageError, worker: &mut Worker) {
        tracing::warn!(stream = self.stream.name(), %error, "a direct get failed");
        deliver(self.engine, worker, self.reply, Status::StoreFailed.block(), b"");
    }
}
