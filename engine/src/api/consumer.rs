//! The endpoints of consumers: `CONSUMER.NAMES`, `LIST`, `INFO` and `DELETE` here, the others below. [reference §3.1]

mod control;
mod create;
mod state;

use crate::api::error::ApiError;
use crate::api::json;
use crate::api::names::{LIST_LIMIT, NAMES_LIMIT, Page};
use crate::api::request::Call;
use crate::api::response::{Object, Outcome};
use crate::api::stream::find;
use crate::jetstream::JetStream;
use crate::stream::Stream;
use crate::sync::Arc;

pub(super) use control::{pause, reset, unpin};
pub(super) use create::{create, create_durable};

#[derive(Debug, Default)]
struct ListRequest {
    offset: i64,
}
json::fields!(ListRequest, "server.JSApiConsumersRequest", { "offset" => offset via json::int });

pub(super) fn names(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let request: ListRequest = call.optional()?;
    let stream = find(jetstream, call)?;
    let names = listed(&stream);
    let page = Page::new(names.len(), request.offset, NAMES_LIMIT);
    let object = page.object().with("consumers", &names[page.range()]);
    Ok(Outcome::of_stream(stream, Ok(object)))
}

pub(super) fn list(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let request: ListRequest = call.optional()?;
    let stream = find(jetstream, call)?;
    let names = listed(&stream);
    let page = Page::new(names.len(), request.offset, LIST_LIMIT);
    let infos = names[page.range()].iter().filter_map(|name| stream.consumer_info(name));
    let entries: Vec<_> = infos.map(|info| state::object(&info, false).to_json()).collect();
    let object = page.object().with_raw("consumers", &format!("[{}]", entries.join(",")));
    Ok(Outcome::of_stream(stream, Ok(object)))
}

/// The names of the consumers that are shown: those that streams copy through are not. [nats-server: direct consumers]
fn listed(stream: &Stream) -> Vec<String> {
    let mut names = stream.consumer_names();
    names.retain(|name| stream.consumer_config(name).is_some_and(|config| !config.direct));
    names
}

pub(super) fn info(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    call.check_empty()?;
    let stream = find(jetstream, call)?;
    let info = stream.consumer_info(&call.consumer).ok_or_else(ApiError::consumer_not_found)?;
    Ok(Outcome::of_stream(stream, Ok(state::object(&info, true))))
}

pub(super) fn delete(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    call.check_empty()?;
    let stream = find(jetstream, call)?;
    if !stream.delete_consumer(&call.consumer) {
        return Err(ApiError::consumer_not_found());
    }
    Ok(Outcome::of_stream(stream, Ok(Object::new().with("success", &true))))
}
