//! A stream's place in the interest of its account: its subjects, and those of its direct gets.

use std::fmt;
use std::sync::{OnceLock, Weak};

use parking_lot::Mutex;

use super::Stream;
use crate::api;
use crate::connection::Connection;
use crate::engine::Engine;
use crate::router::Router;
use crate::service::{Request, Requests, Service};
use crate::stream::config::StreamConfig;
use crate::subscription::{Sid, Subscription};
use crate::sync::Arc;
use crate::worker::Worker;

/// The subscriptions of one stream.
pub(super) struct StreamInterest {
    /// The stream's own end of its subscriptions to subjects.
    capture: Arc<Connection>,
    /// The end of its subscriptions to direct gets, once it had some.
    direct: OnceLock<Arc<Connection>>,
    held: Mutex<Vec<Arc<Subscription>>>,
}

impl fmt::Debug for StreamInterest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamInterest").finish_non_exhaustive()
    }
}

impl StreamInterest {
    pub(super) fn new(engine: &Engine, stream: &Weak<Stream>) -> Self {
        let capture = Arc::new(Connection::stream(&**engine.clock(), Weak::clone(stream)));
        Self { capture, direct: OnceLock::new(), held: Mutex::default() }
    }

    /// Takes what `config` asks for and gives up what was held before: there is no moment without either.
    pub(super) fn refresh(&self, stream: &Arc<Stream>, engine: &Engine, router: &Router, config: &StreamConfig) {
        let mut wanted: Vec<_> =
            config.subjects.iter().map(|subject| subscription(&self.capture, subject.as_bytes())).collect();
        if config.allow_direct {
            let direct = self.direct.get_or_init(|| {
                let service = Arc::new(DirectGets(Arc::downgrade(stream)));
                Arc::new(Connection::service(&**engine.clock(), service))
            });
            let domain = stream.domain.as_deref().map(|domain| format!("$JS.{domain}.API"));
            let prefixes = std::iter::once("$JS.API".to_owned()).chain(domain);
            for prefix in prefixes {
                for tail in ["", ".>"] {
                    let subject = format!("{prefix}.DIRECT.GET.{}{tail}", config.name);
                    wanted.push(subscription(direct, subject.as_bytes()));
                }
            }
        }
        let mut held = self.held.lock();
        // Both at once would capture a message twice.
        let old = std::mem::replace(&mut *held, wanted);
        router.replace(&old, &held);
    }

    pub(super) fn give_up(&self, router: &Router) {
        let held = std::mem::take(&mut *self.held.lock());
        router.unsubscribe_all(&held);
    }
}

fn subscription(connection: &Arc<Connection>, filter: &[u8]) -> Arc<Subscription> {
    Arc::new(Subscription::new(Sid::from(&b"0"[..]), Arc::from(filter), None, Arc::clone(connection), None))
}

/// Answers `$JS.API.DIRECT.GET.<stream>`.
#[derive(Debug)]
struct DirectGets(Weak<Stream>);

impl Service for DirectGets {
    fn call(&self, engine: &Arc<Engine>, request: &Request<'_>, worker: &mut Worker) {
        if let Some(stream) = self.0.upgrade() {
            api::direct::call(engine, &stream, request, worker);
        }
    }

    fn call_all(&self, engine: &Arc<Engine>, requests: Requests<'_>, worker: &mut Worker) {
        if let Some(stream) = self.0.upgrade() {
            api::direct::call_all(engine, &stream, requests, worker);
        }
    }
}
