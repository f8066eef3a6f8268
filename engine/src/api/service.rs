//! The API's place in the interest of the account: requests join a serial queue, answers go to their reply subjects.

use std::sync::Weak;

use crate::api::{self, Response};
use crate::budget::Budget;
use crate::connection::Connection;
use crate::engine::Engine;
use crate::jetstream::JetStream;
use crate::router::Router;
use crate::service::{OwnedRequest, Request, Service};
use crate::subscription::{Sid, Subscription};
use crate::sync::Arc;
use crate::worker::Worker;

/// Requests of one account that may wait; beyond, they are dropped, and their senders time out. [reference §3.0: overload]
const MAX_WAITING: usize = 10_000;

/// Bytes of one account's requests that may wait: no account keeps the others' out.
const MAX_WAITING_BYTES: usize = 16 << 20;

/// Puts the API into the interest of an account, which may have no streams.
pub(crate) fn start(engine: &Arc<Engine>, router: &Arc<Router>, domain: Option<&str>) {
    let service: Arc<dyn Service> = match router.jetstream() {
        Some(jetstream) => {
            let (jetstream, router) = (Arc::downgrade(jetstream), Arc::downgrade(router));
            Arc::new(ApiService { jetstream, router, waiting: Arc::new(Budget::new(MAX_WAITING_BYTES)) })
        }
        None => Arc::new(NotEnabled::of(engine, router)),
    };
    let connection = Arc::new(Connection::service(&**engine.clock(), service));
    let mut filters = vec!["$JS.API.>".to_owned()];
    filters.extend(domain.map(|domain| format!("$JS.{domain}.API.>")));
    for filter in filters {
        let sid = Sid::from(&b"0"[..]);
        let filter = Arc::from(filter.as_bytes());
        let subscription = Subscription::new(sid, filter, None, Arc::clone(&connection), None);
        router.subscribe(Arc::new(subscription));
    }
}

/// Answers requests on `$JS.API.>`.
#[derive(Debug)]
struct ApiService {
    jetstream: Weak<JetStream>,
    router: Weak<Router>,
    /// The account's part of what may wait.
    waiting: Arc<Budget>,
}

/// A request in the queue; its bytes count until its turn comes, or the queue ends.
struct Waiting {
    request: OwnedRequest,
    /// The account's, and that of all.
    budgets: [Arc<Budget>; 2],
}

impl Waiting {
    fn take(mut self) -> OwnedRequest {
        self.refund();
        std::mem::take(&mut self.request)
    }

    fn refund(&self) {
        self.budgets.iter().for_each(|budget| budget.refund(self.request.len()));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.refund();
    }
}

fn is_for_api(subject: &[u8]) -> bool {
    let Some(endpoint) = memchr::memmem::find(subject, b".API.").and_then(|at| subject.get(at + 5..)) else {
        return false;
    };
    !OTHERS.iter().any(|other| endpoint.starts_with(other))
}

/// What only a stream or consumer answers, if it is there: without one there are no responders. [reference §3.0]
const OTHERS: [&[u8]; 2] = [b"DIRECT.GET", b"CONSUMER.MSG.NEXT."];

impl Service for ApiService {
    fn takes(&self, subject: &[u8]) -> bool {
        is_for_api(subject)
    }

    fn call(&self, engine: &Arc<Engine>, request: &Request<'_>, _: &mut Worker) {
        let (Some(jetstream), Some(router)) = (self.jetstream.upgrade(), self.router.upgrade()) else { return };
        let budgets = [&self.waiting, &jetstream.shared().waiting];
        let has_room = budgets.iter().all(|budget| budget.free() >= request.len());
        if jetstream.serial().waiting() >= MAX_WAITING || !has_room {
            tracing::warn!(account = router.account(), "too many API requests wait; one was dropped");
            return api::advisory::publish_limit_reached(engine, &router, jetstream.domain(), 1);
        }
        for budget in budgets {
            budget.charge(request.len());
        }
        let waiting = Waiting { request: request.to_owned(), budgets: budgets.map(Arc::clone) };
        let engine = Arc::clone(engine);
        let queue = Arc::clone(jetstream.serial());
        queue.spawn(Box::new(move || {
            let request = waiting.take();
            let reply = request.as_request().reply.map(<[u8]>::to_vec);
            let respond = Box::new(move |response: Response| {
                if let (Response::Json(json), Some(reply)) = (response, reply) {
                    let message = Request { subject: &reply, reply: None, headers: b"", payload: json.as_bytes() };
                    engine.publish_internal(&router, &message);
                }
            });
            api::handle(&jetstream, request, respond);
        }));
    }
}

/// Answers for an account that has no streams.
#[derive(Debug)]
struct NotEnabled {
    router: Weak<Router>,
    is_system: bool,
}

impl NotEnabled {
    fn of(engine: &Engine, router: &Arc<Router>) -> Self {
        Self { router: Arc::downgrade(router), is_system: router.id() == engine.system_account().id() }
    }
}

impl Service for NotEnabled {
    /// Of the system account, whatever is asked for. [reference §3.0]
    fn takes(&self, subject: &[u8]) -> bool {
        self.is_system || is_for_api(subject)
    }

    fn call(&self, _: &Arc<Engine>, request: &Request<'_>, worker: &mut Worker) {
        let (Some(router), Some(reply)) = (self.router.upgrade(), request.reply) else { return };
        if let Response::Json(json) = api::refuse(request, self.is_system) {
            worker.deliver_internal(&router, &Request::answer(reply, json.as_bytes()), 0);
        }
    }
}
