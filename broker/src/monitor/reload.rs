//! Requests of the system account to read the configuration anew: the program knows where that comes from.

use std::fmt;
use std::sync::Arc;

use embus_engine::Engine;
use embus_engine::service::Request;
use serde_json::json;

/// A request to read the configuration anew. Dropped without an answer, it leaves whoever asked waiting.
#[must_use = "somebody waits for the answer"]
pub struct ReloadRequest {
    engine: Arc<Engine>,
    reply: Vec<u8>,
}

impl fmt::Debug for ReloadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadRequest").finish_non_exhaustive()
    }
}

impl ReloadRequest {
    pub(super) fn new(engine: &Arc<Engine>, reply: &[u8]) -> Self {
        Self { engine: Arc::clone(engine), reply: reply.to_vec() }
    }

    /// Says whether it went well, or why not. [nats-server: `reloadConfig`]
    pub fn answer(self, outcome: Result<(), impl fmt::Display>) {
        let mut answer = json!({ "server": self.engine.server_block() });
        if let Err(error) = outcome {
            answer["error"] = json!({ "code": 500, "description": error.to_string() });
        }
        let payload = answer.to_string();
        let message = Request { subject: &self.reply, reply: None, headers: b"", payload: payload.as_bytes() };
        self.engine.publish_internal(self.engine.system_account(), &message);
    }
}

/// Who takes them.
#[derive(Clone)]
pub(crate) struct ReloadRequests(Arc<dyn Fn(ReloadRequest) + Send + Sync>);

impl fmt::Debug for ReloadRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReloadRequests")
    }
}

impl ReloadRequests {
    pub(crate) fn new(take: impl Fn(ReloadRequest) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    pub(super) fn take(&self, request: ReloadRequest) {
        (self.0)(request);
    }
}
