//! The API's place in the interest of the account: requests join a serial queue, answers go to their reply subjects.

use std::sync::Weak;

use crate::api::{self, Response};
use crate::budget::Budget;
use crate::connection::Connection;
use crate::engine::Engine;
use crate::jetstream::JetStream;
use crate::service::{OwnedRequest, Request, Service};
use crate::subscription::{Sid, Subscription};
use crate::sync::Arc;
use crate::worker::Worker;

/// Requests that may wait; beyond, they are dropped, and their senders time out. [reference §3.0: overload]
const MAX_WAITING: usize = 10_000;

/// Bytes of requests that may wait. Differs from nats-server, which counts requests only.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Puts the API into the interest of the global account.
pub(crate) fn start(engine: &Arc<Engine>, jetstream: &Arc<JetStream>, domain: Option<&str>) {
    let waiting = Arc::new(Budget::new(MAX_WAITING_BYTES));
    let service: Arc<dyn Service> = Arc::new(ApiService { jetstream: Arc::downgrade(jetstream), waiting });
    let connection = Arc::new(Connection::service(&**engine.clock(), service));
    let mut filters = vec!["$JS.API.>".to_owned()];
    filters.extend(domain.map(|domain| format!("$JS.{domain}.API.>")));
    for filter in filters {
        let sid = Sid::from(&b"0"[..]);
        let filter = Arc::from(filter.as_bytes());
        let subscription = Subscription::new(sid, filter, None, Arc::clone(&connection), None);
        engine.global_account().subscribe(Arc::new(subscription));
    }
}

/// Answers requests on `$JS.API.>`.
#[derive(Debug)]
struct ApiService {
    jetstream: Weak<JetStream>,
    /// Bytes of requests that wait.
    waiting: Arc<Budget>,
}

/// A request in the queue; its bytes count until its turn comes, or the queue ends.
struct Waiting {
    request: OwnedRequest,
    budget: Arc<Budget>,
}

impl Waiting {
    fn take(mut self) -> OwnedRequest {
        self.budget.refund(self.request.len());
        std::mem::take(&mut self.request)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.budget.refund(self.request.len());
    }
}

/// What only a stream or consumer answers, if it is there: without one there are no responders. [reference §3.0]
const OTHERS: [&[u8]; 2] = [b"DIRECT.GET", b"CONSUMER.MSG.NEXT."];

impl Service for ApiService {
    fn takes(&self, subject: &[u8]) -> bool {
        let Some(endpoint) = memchr::memmem::find(subject, b".API.").and_then(|at| subject.get(at + 5..)) else {
            return false;
        };
        !OTHERS.iter().any(|other| endpoint.starts_with(other))
    }

    fn call(&self, engine: &Arc<Engine>, request: &Request<'_>, _: &mut Worker) {
        let Some(jetstream) = self.jetstream.upgrade() else { return };
        if jetstream.serial().waiting() >= MAX_WAITING || self.waiting.free() < request.len() {
            tracing::warn!("too many API requests wait; one was dropped");
            return api::advisory::publish_limit_reached(engine, jetstream.domain(), 1);
        }
        self.waiting.charge(request.len());
        let waiting = Waiting { request: request.to_owned(), budget: Arc::clone(&self.waiting) };
        let engine = Arc::clone(engine);
        let queue = Arc::clone(jetstream.serial());
        queue.spawn(Box::new(move || {
            let request = waiting.take();
            let reply = request.as_request().reply.map(<[u8]>::to_vec);
            let respond = Box::new(move |response: Response| {
                if let (Response::Json(json), Some(reply)) = (response, reply) {
                    let message = Request { subject: &reply, reply: None, headers: b"", payload: json.as_bytes() };
                    engine.publish_internal(engine.global_account(), &message);
                }
            });
            api::handle(&jetstream, request, respond);
        }));
    }
}
