//! From a request to its answer: finds the endpoint, checks what holds for all of them, counts, and sends the answer once
//! what it tells is durable. [reference §3.0]

use crate::api::error::ApiError;
use crate::api::request::{Call, Endpoint, Kind, check_level};
use crate::api::response::{Object, Outcome, Response, error_answer, system_answer};
use crate::api::{account, audit, consumer, message, names, purge, snapshot, stream};
use crate::jetstream::JetStream;
use crate::service::{OwnedRequest, Request};
use crate::stream::Witness;
use crate::sync::Arc;

/// Takes the answer to a request.
pub(crate) type Respond = Box<dyn FnOnce(Response) + Send>;

/// Carries a request out and answers it, at once or when a commit is over. Blocks: runs as a job.
pub(crate) fn handle(jetstream: &Arc<JetStream>, request: OwnedRequest, respond: Respond) {
    let parts = request.as_request();
    let Some(call) = Call::parse(&parts) else { return respond(Response::None) };
    jetstream.api_counters().begin();
    let outcome = check(&call, parts.headers).and_then(|()| carry_out(jetstream, &call));
    let (jetstream, endpoint) = (Arc::clone(jetstream), call.endpoint);
    let pending = Pending { jetstream, endpoint, request, respond };
    match outcome {
        Ok(Outcome::Ready(object)) => pending.finish(&Ok(object)),
        Ok(Outcome::AfterCommit(streams, result)) => after_all(streams, pending, result),
        Ok(Outcome::Silence) => pending.give_up(),
        Err(error) => pending.finish(&Err(error)),
    }
}

/// What an account without streams is told. The system account hears the same for every subject. [reference §3.0]
pub(crate) fn refuse(request: &Request<'_>, is_system: bool) -> Response {
    let not_enabled = ApiError::not_enabled_for_account();
    let call = Call::parse(request);
    let Some(call) = call.filter(|call| !is_system || call.endpoint.kind == Kind::AccountInfo) else {
        return if is_system { Response::Json(system_answer(&not_enabled)) } else { Response::None };
    };
    // Without streams there is no consumer that would answer. [nats-server 2.15.1, probed]
    if call.endpoint.kind == Kind::ConsumerReset {
        return Response::None;
    }
    let error = check(&call, request.headers).err().unwrap_or(not_enabled);
    Response::Json(error_answer(call.endpoint, &error))
}

/// What holds for all endpoints; that there is no cluster is said before anything else.
fn check(call: &Call<'_>, headers: &[u8]) -> Result<(), ApiError> {
    if call.endpoint.kind == Kind::Cluster {
        return Err(ApiError::cluster_required());
    }
    check_level(headers)
}

fn carry_out(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    match call.endpoint.kind {
        Kind::AccountInfo => Ok(account::info(jetstream)),
        Kind::StreamCreate => stream::create(jetstream, call),
        Kind::StreamUpdate => stream::update(jetstream, call),
        Kind::StreamNames => names::names(jetstream, call),
        Kind::StreamList => names::list(jetstream, call),
        Kind::StreamInfo => stream::info(jetstream, call),
        Kind::StreamDelete => stream::delete(jetstream, call),
        Kind::StreamPurge => purge::purge(jetstream, call),
        Kind::MessageGet => message::get(jetstream, call),
        Kind::MessageDelete => message::delete(jetstream, call),
        Kind::Snapshot => snapshot::snapshot(jetstream, call),
        Kind::Restore => snapshot::restore(jetstream, call),
        Kind::ConsumerCreate => consumer::create(jetstream, call),
        Kind::ConsumerDurableCreate => consumer::create_durable(jetstream, call),
        Kind::ConsumerNames => consumer::names(jetstream, call),
        Kind::ConsumerList => consumer::list(jetstream, call),
        Kind::ConsumerInfo => consumer::info(jetstream, call),
        Kind::ConsumerDelete => consumer::delete(jetstream, call),
        Kind::ConsumerPause => consumer::pause(jetstream, call),
        Kind::ConsumerUnpin => consumer::unpin(jetstream, call),
        Kind::ConsumerReset => consumer::reset(jetstream, call),
        Kind::Cluster => Err(ApiError::cluster_required()),
    }
}

/// A request that is not answered yet.
struct Pending {
    jetstream: Arc<JetStream>,
    endpoint: &'static Endpoint,
    request: OwnedRequest,
    respond: Respond,
}

impl Pending {
    /// The requester hears nothing.
    fn give_up(self) {
        self.jetstream.api_counters().end(false);
        (self.respond)(Response::None);
    }

    fn finish(self, result: &Result<Object, ApiError>) {
        let answer = match result {
            Ok(object) => object.to_answer(self.endpoint),
            Err(error) => error_answer(self.endpoint, error),
        };
        self.jetstream.api_counters().end(result.is_err());
        let audit = audit::advisory(&self.jetstream, &self.request.as_request(), &answer);
        (self.respond)(Response::Json(answer));
        if let Some(advisory) = audit {
            advisory.publish(&self.jetstream);
        }
    }
}

/// Answers when the last of the streams is durable as far as it was looked at.
fn after_all(mut streams: Vec<Witness>, pending: Pending, result: Result<Object, ApiError>) {
    let Some(stream) = streams.pop() else { return pending.finish(&result) };
    let changes_consumers = pending.endpoint.kind.changes_consumers();
    let done = Box::new(move |committed| match committed {
        Ok(()) => after_all(streams, pending, result),
        Err(error) => {
            let error = if pending.endpoint.kind.keeps_change() { not_written(&error) } else { error };
            pending.finish(&Err(error));
        }
    });
    if changes_consumers { stream.after_consumers(done) } else { stream.after_commit(done) }
}

/// What could not be written holds all the same, until the broker ends at least.
fn not_written(error: &ApiError) -> ApiError {
    let description = format!("{} (the change holds, but may be lost with the broker)", error.description);
    ApiError { description: description.into(), ..*error }
}
