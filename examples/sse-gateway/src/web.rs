//! HTTP: the API of the gateway, and a page that shows what it does.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use example_support::live::{self, Patch};
use example_support::page::{notice, page};
use example_support::{Fields, Problem};
use futures_util::{StreamExt, TryStreamExt};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::domain::{Event, Events, Start, is_user};

/// All routes.
pub fn router(events: Events) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/live", get(table))
        .route("/consumers", get(consumers))
        .route("/publish", axum::routing::post(publish_form))
        .route("/api/v1/events", get(follow).post(publish))
        .layer(DefaultBodyLimit::max(MAX_EVENT_BYTES))
        .with_state(events)
}

/// What a request says of whose events it wants, and which.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    deliver: Option<String>,
    /// For browsers, which cannot set the header.
    user_id: Option<String>,
}

impl Wanted {
    fn user(&self, headers: &HeaderMap) -> Result<String, Problem> {
        let header = headers.get("user_id").and_then(|value| value.to_str().ok());
        match header.or(self.user_id.as_deref()) {
            Some(user) if is_user(user) => Ok(user.to_owned()),
            Some(_) => Err(Problem::bad_request("user_id must be 1 to 64 letters, digits, - or _")),
            None => Err(Problem::bad_request("the header user_id is missing")),
        }
    }

    /// A browser that comes back says what it saw last.
    fn start(&self, headers: &HeaderMap) -> Result<Start, Problem> {
        if let Some(sequence) = live::last_seen(headers) {
            return Ok(Start::After(sequence));
        }
        match self.deliver.as_deref().unwrap_or("new") {
            "new" => Ok(Start::New),
            "all" => Ok(Start::All),
            "last" => Ok(Start::Last),
            _ => Err(Problem::bad_request("deliver must be new, all, or last")),
        }
    }
}

/// `GET /api/v1/events`: server-sent events with the sequence as id.
async fn follow(State(events): State<Events>, Query(wanted): Query<Wanted>, headers: HeaderMap) -> Response {
    let answer = async || {
        let (user, start) = (wanted.user(&headers)?, wanted.start(&headers)?);
        let events = events.follow(&user, start).await?;
        let events = events.map_ok(|event| sse::Event::default().id(event.sequence.to_string()).data(event.text));
        Ok::<_, Problem>(live::good(events))
    };
    match answer().await {
        Ok(events) => Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(ping()).into_response(),
        Err(problem) => plain(problem),
    }
}

/// `POST /api/v1/events`: the body is the event.
async fn publish(State(events): State<Events>, headers: HeaderMap, text: String) -> Response {
    let answer = async || {
        let user = Wanted::default().user(&headers)?;
        Ok::<_, Problem>(events.publish(&user, not_empty(text)?).await?)
    };
    match answer().await {
        Ok(sequence) => (StatusCode::CREATED, Json::<Value>(json!({ "sequence": sequence }))).into_response(),
        Err(problem) => plain(problem),
    }
}

/// Programs want a line, not a page.
fn plain(problem: Problem) -> Response {
    let text = format!("{}\n", problem.text());
    (problem.into_response().status(), text).into_response()
}

fn not_empty(text: String) -> Result<String, Problem> {
    if text.trim().is_empty() { Err(Problem::bad_request("an event needs a text")) } else { Ok(text) }
}

fn ping() -> KeepAlive {
    let ping = sse::Event::default().event("ping").data(r#"{"system":"ping"}"#);
    KeepAlive::new().interval(PING_INTERVAL).event(ping)
}

/// `GET /`: who is looked at stands in the query.
async fn index(Query(wanted): Query<Wanted>, headers: HeaderMap) -> Result<Markup, Problem> {
    let Some(user) = &wanted.user_id else { return Ok(page("Events", &welcome("", None))) };
    if !is_user(user) {
        return Ok(page("Events", &welcome(user, Some("A name has 1 to 64 letters, digits, - or _."))));
    }
    wanted.start(&headers)?;
    let deliver = wanted.deliver.as_deref().unwrap_or("new");
    Ok(page(&format!("Events of {user}"), &events_of(user, deliver)))
}

fn header(title: &str) -> Markup {
    html! {
        div .bar {
            h1 { (title) }
            span data-live="/consumers" { (count(None)) }
        }
    }
}

fn count(consumers: Option<usize>) -> Markup {
    html! {
        span #consumers .muted { @if let Some(consumers) = consumers { "Consumers: " strong { (consumers) } } }
    }
}

fn welcome(user: &str, problem: Option<&str>) -> Markup {
    html! {
        (header("Whose events?"))
        form .card action="/" {
            label for="user" { "Name" }
            input #user name="user_id" value=(user) required autocomplete="off" autofocus;
            label for="deliver" { "Events to show" }
            select #deliver name="deliver" {
                option value="all" { "All" }
                option value="last" { "The last one, and new ones" }
                option value="new" { "New ones only" }
            }
            (notice("problem", problem))
            p { button { "Show" } }
        }
    }
}

fn events_of(user: &str, deliver: &str) -> Markup {
    let live = format!("/live?user_id={user}&deliver={deliver}");
    html! {
        (header(&format!("Events of {user}")))
        form .card method="post" action="/publish" data-live-form {
            input type="hidden" name="user_id" value=(user);
            div .row {
                div { label for="text" { "New event" } input #text name="text" autocomplete="off" autofocus; }
                button { "Publish" }
            }
            (notice("problem", None))
        }
        div .card.table data-live=(live) {
            table {
                thead { tr { th .number { "Sequence" } th { "Time" } th { "Event" } } }
                tbody #events {}
            }
            p #empty .empty { "Nothing yet. What is published appears here at once." }
        }
        p { a href="/" { "Somebody else" } }
    }
}

/// The page's own consumer: rows as they come.
async fn table(
    State(events): State<Events>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (user, start) = (wanted.user(&headers)?, wanted.start(&headers)?);
    let events = events.follow(&user, start).await?;
    let rows = events.map_ok(|event| Patch::append("#events", row(&event)).id(event.sequence));
    Ok(live::until_error(rows))
}

fn row(event: &Event) -> Markup {
    let (hour, minute, second) = event.time.to_hms();
    html! {
        tr {
            td .number { (event.sequence) }
            td { time { (format!("{hour:02}:{minute:02}:{second:02}")) } }
            td { (event.text) }
        }
    }
}

async fn consumers(State(events): State<Events>) -> Result<Response, Problem> {
    let counts = events.consumers().await?;
    Ok(live::stream(counts.map(|consumers| Patch::replace(count(Some(consumers))))))
}

#[derive(Debug, Deserialize)]
struct NewEvent {
    user_id: String,
    text: String,
}

async fn publish_form(State(events): State<Events>, Fields(new): Fields<NewEvent>) -> Result<Response, Problem> {
    let problem = match not_empty(new.text) {
        Ok(_) if !is_user(&new.user_id) => return Err(Problem::bad_request("There is no such user.")),
        Ok(text) => {
            events.publish(&new.user_id, text).await?;
            None
        }
        Err(problem) => Some(problem.text().to_owned()),
    };
    Ok(live::answer(problem.as_deref()))
}

/// Less than a broker takes by default, headers included.
const MAX_EVENT_BYTES: usize = 512 * 1024;
/// So that proxies see life, and clients notice when there is none.
const PING_INTERVAL: Duration = Duration::from_secs(30);
