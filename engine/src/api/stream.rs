//! `STREAM.CREATE`, `UPDATE`, `INFO` and `DELETE`. [reference §3.1]

use crate::api::error::ApiError;
use crate::api::json;
use crate::api::names::Page;
use crate::api::request::Call;
use crate::api::response::{Object, Outcome};
use crate::api::state::{Deleted, Details, Snapshot, Subjects};
use crate::jetstream::JetStream;
use crate::stream::Witness;
use crate::stream::config::{StreamConfig, StreamLimits};
use crate::stream::core::Core;
use crate::sync::Arc;

/// Subjects in one answer. [reference §3.1]
const SUBJECTS_LIMIT: usize = 100_000;

#[derive(Debug, Default)]
struct InfoRequest {
    offset: i64,
    deleted_details: bool,
    subjects_filter: String,
}
json::fields!(InfoRequest, "server.JSApiStreamInfoRequest", {
    "offset" => offset via json::int,
    "deleted_details" => deleted_details,
    "subjects_filter" => subjects_filter,
});

pub(super) fn create(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let (config, pedantic) = StreamConfig::from_request(call.body)?;
    if config.name != call.stream {
        return Err(ApiError::stream_name_mismatch());
    }
    if config.name.contains(['/', '\\']) {
        return Err(ApiError::stream_name_contains_separators());
    }
    let stream = jetstream.create(config, pedantic)?.stream.witness();
    let object = Snapshot::take(&stream).object(true).with_time("ts", stream.now()).with("did_create", &true);
    Ok(Outcome::of_stream(stream, Ok(object)))
}

pub(super) fn update(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let (config, pedantic) = StreamConfig::from_request(call.body)?;
    if config.name != call.stream {
        check_alone(&config, pedantic)?;
        return Err(ApiError::stream_name_mismatch());
    }
    if jetstream.get(&config.name).is_none() {
        check_alone(&config, pedantic)?;
    }
    let stream = jetstream.update(config, pedantic)?.witness();
    let object =
        Snapshot::take(&stream).object(true).with_some("domain", jetstream.domain()).with_time("ts", stream.now());
    Ok(Outcome::of_stream(stream, Ok(object)))
}

/// What is wrong with a configuration by itself is said before it is said that there is no such stream. Being sealed is
/// wrong only for new ones, and separators in a name are worth a text of their own only there. [nats-server: update]
fn check_alone(config: &StreamConfig, pedantic: bool) -> Result<(), ApiError> {
    let mut config = StreamConfig { sealed: false, ..config.clone() };
    if config.name.contains(['/', '\\']) {
        config.name.clear();
    }
    config.check_create(pedantic, &StreamLimits::default()).map(drop)
}

pub(super) fn delete(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    call.check_empty()?;
    jetstream.delete(&call.stream)?;
    Ok(Outcome::Ready(Object::new().with("success", &true)))
}

pub(super) fn info(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let request: InfoRequest = call.optional()?;
    let stream = find(jetstream, call)?;
    let mut snapshot = Snapshot::take_with(&stream, |core| details(core, &request));
    let page = snapshot.details_mut().subjects.as_mut().map(|subjects| cut(subjects, request.offset));
    let object = page
        .unwrap_or_else(|| paging(0, 0, 0))
        .with_all(&snapshot.object(true))
        .with_some("domain", jetstream.domain())
        .with_raw("cluster", &cluster(jetstream).to_json())
        .with_time("ts", stream.now());
    Ok(Outcome::of_stream(stream, Ok(object)))
}

/// The stream that the subject names.
pub(super) fn find(jetstream: &JetStream, call: &Call<'_>) -> Result<Witness, ApiError> {
    jetstream.get(&call.stream).map(|stream| stream.witness()).ok_or_else(ApiError::stream_not_found)
}

fn details(core: &Core, request: &InfoRequest) -> Details {
    let filter = request.subjects_filter.as_bytes();
    Details {
        subjects: (!filter.is_empty()).then(|| Subjects::collect(core.log(), filter)),
        deleted: request.deleted_details.then(|| Deleted::collect(core.log())),
    }
}

/// Here an offset beyond the end is told as it was asked for, and nothing found means no paging. [nats-server: info]
fn cut(subjects: &mut Subjects, offset: i64) -> Object {
    let total = subjects.len();
    if total == 0 {
        return paging(0, 0, 0);
    }
    subjects.keep(Page::new(total, offset, SUBJECTS_LIMIT).range());
    paging(total, offset.max(0), SUBJECTS_LIMIT)
}

fn paging(total: usize, offset: i64, limit: usize) -> Object {
    Object::new().with("total", &total).with("offset", &offset).with("limit", &limit)
}

/// Who leads the stream: even without a cluster, clients are told. [reference §3.1]
fn cluster(jetstream: &JetStream) -> Object {
    let name = jetstream.engine().map(|engine| engine.info().server_name);
    Object::new().with_some("leader", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_alone() {
        let config = |name: &str| StreamConfig { name: name.to_owned(), sealed: true, ..StreamConfig::default() };
        assert!(check_alone(&config("S"), false).is_ok());
        for name in ["", "a.b", "a b", "*", "a/b"] {
            assert_eq!(check_alone(&config(name), false).unwrap_err().err_code, 10052, "{name}");
        }
    }

    #[test]
    fn nothing_found_is_no_page() {
        assert_eq!(cut(&mut Subjects::default(), 7).to_json(), r#"{"total":0,"offset":0,"limit":0}"#);
    }
}
