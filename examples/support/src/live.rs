//! Pages that change while they are open: elements sent over server-sent events, in the format of Datastar.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use datastar::consts::ElementPatchMode;
use datastar::prelude::PatchElements;
use futures_util::{Stream, StreamExt};
use maud::Markup;

use crate::page::notice;

/// One change of a page.
#[derive(Debug, Clone)]
pub struct Patch(PatchElements);

impl Patch {
    /// Puts an element in place of the one with the same id.
    pub fn replace(element: Markup) -> Self {
        Self(PatchElements::new(element))
    }

    /// Puts elements behind the last child of what `selector` finds.
    pub fn append(selector: &str, elements: Markup) -> Self {
        Self(PatchElements::new(elements).selector(selector).mode(ElementPatchMode::Append))
    }

    /// Says which event this is: a browser that lost the connection asks for what comes after it (`Last-Event-ID`).
    pub fn id(self, id: impl std::fmt::Display) -> Self {
        Self(self.0.id(id.to_string()))
    }
}

/// Which event a browser saw last, if it comes back after the connection was lost.
pub fn last_seen(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

/// Sends changes for as long as the page is open and there are any.
pub fn stream(patches: impl Stream<Item = Patch> + Send + 'static) -> Response {
    events(patches.map(|patch| Event::from(patch.0)))
}

/// The same for changes that may fail: the page is told to come back, and says then what it has.
pub fn until_error<E: std::fmt::Display + 'static>(
    patches: impl Stream<Item = Result<Patch, E>> + Send + 'static,
) -> Response {
    stream(good(patches))
}

/// Ends where it fails.
pub fn good<T, E: std::fmt::Display>(items: impl Stream<Item = Result<T, E>>) -> impl Stream<Item = T> {
    items.scan((), |(), item| {
        std::future::ready(item.inspect_err(|error| eprintln!("a page is sent away: {error}")).ok())
    })
}

/// Answers a form: what is wrong with it, or nothing. What was typed stays in the fields as long as something is wrong.
pub fn answer(problem: Option<&str>) -> Response {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    (status, once(Patch::replace(notice("problem", problem)))).into_response()
}

/// Sends one change.
pub fn once(patch: Patch) -> Response {
    events(futures_util::stream::iter([Event::from(patch.0)]))
}

/// Sends events, and a comment now and then that keeps the connection open.
fn events(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let keep_alive = KeepAlive::new().interval(PING_INTERVAL);
    Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(keep_alive).into_response()
}

/// Proxies close connections that are silent for a minute.
const PING_INTERVAL: Duration = Duration::from_secs(15);
