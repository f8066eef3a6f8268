//! `STREAM.PURGE`. [reference §6.3]

use crate::api::error::ApiError;
use crate::api::json;
use crate::api::request::Call;
use crate::api::response::{Object, Outcome};
use crate::api::stream::find;
use crate::jetstream::JetStream;
use crate::stream::core::Purge;
use crate::sync::Arc;

#[derive(Debug, Default)]
struct PurgeRequest {
    filter: String,
    sequence: u64,
    keep: u64,
}
json::fields!(PurgeRequest, "server.JSApiStreamPurgeRequest", {
    "seq" => sequence,
    "filter" => filter,
    "keep" => keep,
});

pub(super) fn purge(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let request: PurgeRequest = call.optional()?;
    if request.sequence > 0 && request.keep > 0 {
        return Err(ApiError::bad_request());
    }
    let stream = find(jetstream, call)?;
    let purge = request.into_purge();
    let purged = stream.purge(&purge);
    let answer = purged.map(|purged| Object::new().with("success", &true).with("purged", &purged));
    Ok(Outcome::of_stream(stream, answer))
}

impl PurgeRequest {
    /// 0 and nothing are the same.
    fn into_purge(self) -> Purge {
        Purge {
            filter: (!self.filter.is_empty()).then(|| self.filter.into_bytes()),
            sequence: (self.sequence > 0).then_some(self.sequence),
            keep: (self.keep > 0).then_some(self.keep),
        }
    }
}
