//! HTTP: an API that takes JSON, and a page that uses the same addresses with forms.

use axum::extract::{FromRequest, Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use example_support::live::{self, Patch};
use example_support::page::{notice, page};
use example_support::{Fields, Problem};
use futures_util::TryStreamExt;
use maud::{Markup, html};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::domain::{Stored, Tweet, Tweets};

/// All routes.
pub fn router(tweets: Tweets) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/timeline", get(timeline))
        .route("/log", get(log))
        .route("/tweets", post(tweet))
        .route("/tweets/{id}/likes", post(like))
        .with_state(tweets)
}

/// What was sent: by a program, as JSON, or by the page.
struct Sent<T> {
    value: T,
    is_json: bool,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json") {
            let Json(value) = Json::from_request(request, state).await.map_err(IntoResponse::into_response)?;
            return Ok(Self { value, is_json: true });
        }
        let Fields(value) = Fields::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        Ok(Self { value, is_json: false })
    }
}

impl<T> Sent<T> {
    fn refuse(&self, problem: &Problem) -> Response {
        if self.is_json {
            return (problem.status(), Json(json!({ "error": problem.text() }))).into_response();
        }
        live::answer(Some(problem.text()))
    }

    fn accept(&self, answer: serde_json::Value) -> Response {
        if self.is_json { (StatusCode::CREATED, Json(answer)).into_response() } else { live::answer(None) }
    }
}

#[derive(Debug, Deserialize)]
struct NewTweet {
    author: String,
    message: String,
}

impl NewTweet {
    fn problem(&self) -> Option<Problem> {
        let limits = [("name", &self.author, MAX_NAME_CHARS), ("tweet", &self.message, MAX_TWEET_CHARS)];
        limits.into_iter().find_map(|(what, text, max)| match text.trim().chars().count() {
            0 => Some(Problem::bad_request(format!("A {what} needs at least one character."))),
            count if count > max => Some(Problem::bad_request(format!("A {what} has at most {max} characters."))),
            _ => None,
        })
    }
}

/// `POST /tweets`: the answer is the id of the tweet and the sequence of the event.
async fn tweet(State(tweets): State<Tweets>, sent: Sent<NewTweet>) -> Result<Response, Problem> {
    if let Some(problem) = sent.value.problem() {
        return Ok(sent.refuse(&problem));
    }
    let (id, sequence) = tweets.tweet(sent.value.author.trim(), sent.value.message.trim()).await?;
    Ok(sent.accept(json!({ "id": id, "sequence": sequence })))
}

#[derive(Debug, Deserialize)]
struct Like {
    #[serde(default)]
    author: String,
}

/// `POST /tweets/ID/likes`: the answer is the sequence of the event.
async fn like(State(tweets): State<Tweets>, Path(id): Path<String>, sent: Sent<Like>) -> Result<Response, Problem> {
    let author = sent.value.author.trim();
    if author.chars().count() > MAX_NAME_CHARS {
        return Ok(sent.refuse(&Problem::bad_request(format!("A name has at most {MAX_NAME_CHARS} characters."))));
    }
    match tweets.like(&id, author).await? {
        Some(sequence) => Ok(sent.accept(json!({ "sequence": sequence }))),
        None => Ok(sent.refuse(&Problem::not_found("There is no such tweet."))),
    }
}

async fn index() -> Markup {
    let content = html! {
        h1 { "Timeline" }
        form .card method="post" action="/tweets" data-live-form {
            label for="author" { "Your name" }
            input #author name="author" maxlength=(MAX_NAME_CHARS) autocomplete="nickname" data-keep;
            label for="message" { "What happens?" }
            input #message name="message" maxlength=(MAX_TWEET_CHARS) autocomplete="off";
            (notice("problem", None))
            p { button { "Tweet" } }
        }
        section .card data-live="/timeline" { ul #timeline .list {} }
        section .card.table data-live="/log" {
            h2 { "Events" }
            table {
                thead { tr { th .number { "Sequence" } th { "Subject" } th { "Data" } } }
                tbody #log {}
            }
            p .empty { "No events yet." }
        }
    };
    page("Timeline", &content)
}

async fn timeline(State(tweets): State<Tweets>) -> Result<Response, Problem> {
    let states = tweets.timeline().await?;
    Ok(live::until_error(states.map_ok(|tweets| Patch::replace(list(&tweets)))))
}

fn list(tweets: &[Tweet]) -> Markup {
    html! {
        ul #timeline .list {
            @if tweets.is_empty() { li { p .empty { "No tweets yet. Write the first one." } } }
            @for tweet in tweets { (entry(tweet)) }
        }
    }
}

fn entry(tweet: &Tweet) -> Markup {
    let Tweet { created, likes, .. } = tweet;
    let label = format!("Like the tweet of {}; {likes} so far", created.author);
    html! {
        li id=(format!("tweet-{}", created.id)) {
            span { strong { (created.author) } " " (created.message) }
            form method="post" action=(format!("/tweets/{}/likes", created.id)) data-live-form {
                button .quiet aria-label=(label) { "♥ " (likes) }
            }
        }
    }
}

/// A browser that comes back says which event it saw last.
async fn log(State(tweets): State<Tweets>, headers: HeaderMap) -> Result<Response, Problem> {
    let events = tweets.log(live::last_seen(&headers).unwrap_or(0)).await?;
    Ok(live::until_error(events.map_ok(|event| Patch::append("#log", row(&event)).id(event.sequence))))
}

fn row(event: &Stored) -> Markup {
    html! {
        tr { td .number { (event.sequence) } td { (event.subject) } td { code { (event.data) } } }
    }
}

const MAX_NAME_CHARS: usize = 32;
const MAX_TWEET_CHARS: usize = 280;
