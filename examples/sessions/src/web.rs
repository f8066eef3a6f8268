//! The pages: a login, and what only those see who are logged in.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use example_support::live::{self, Patch};
use example_support::page::{notice, page};
use example_support::{Fields, Problem, token};
use futures_util::stream::{self, StreamExt};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use crate::pubsub::{PubSub, publish, replay_history, subscribe};
use crate::session::{Session, Store, layer};

type Broker = Arc<dyn PubSub>;

/// All routes.
pub fn router(pubsub: Broker, sessions: Arc<dyn Store>) -> Router {
    Router::new()
        .route("/", get(async || Redirect::to("/dashboard")))
        .route("/login", get(login_page).post(login))
        .route("/logout", post(logout))
        .route("/dashboard", get(dashboard))
        .route("/notes", post(say))
        .route("/notes/live", get(notes))
        .with_state(pubsub)
        .layer(middleware::from_fn_with_state(sessions, layer))
}

/// What one tells all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    id: String,
    author: String,
    text: String,
}

/// Who is logged in; everybody else is sent to the login and told why.
struct User(String);

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Redirect;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Redirect> {
        let Ok(session) = Session::from_request_parts(parts, state).await;
        session.get("username").map(Self).ok_or_else(|| {
            session.set("flash", "Please log in first.");
            Redirect::to("/login")
        })
    }
}

async fn login_page(session: Session) -> Response {
    if session.exists("username") {
        return Redirect::to("/dashboard").into_response();
    }
    login_form(session.pop::<String>("flash").as_deref()).into_response()
}

fn login_form(problem: Option<&str>) -> Markup {
    let content = html! {
        h1 { "Log in" }
        form .card method="post" action="/login" {
            label for="username" { "User name" }
            input #username name="username" required autocomplete="username" autocapitalize="none" autofocus;
            label for="password" { "Password" }
            input #password name="password" type="password" required autocomplete="current-password";
            (notice("problem", problem))
            p { button { "Log in" } }
        }
        p .muted { "Try " code { "ada" } " with " code { "engine" } ", or " code { "grace" } " with " code { "compiler" } "." }
    };
    page("Log in", &content)
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

async fn login(session: Session, Fields(Login { username, password }): Fields<Login>) -> Response {
    if !USERS.contains(&(username.trim(), &*password)) {
        return login_form(Some("User name or password is wrong.")).into_response();
    }
    session.renew_token();
    session.set("username", username.trim());
    Redirect::to("/dashboard").into_response()
}

async fn logout(session: Session) -> Redirect {
    session.destroy();
    Redirect::to("/login")
}

async fn dashboard(session: Session, User(name): User) -> Markup {
    let visits = session.get::<u64>("visits").unwrap_or(0) + 1;
    session.set("visits", visits);
    let content = html! {
        div .bar {
            h1 { "Hello, " (name) }
            form method="post" action="/logout" { button .quiet { "Log out" } }
        }
        p .muted #visits { "You have been here " @if visits == 1 { "once." } @else { (visits) " times." } }
        form .card method="post" action="/notes" data-live-form {
            div .row {
                div { label for="text" { "A note to all" } input #text name="text" maxlength="500" autocomplete="off" autofocus; }
                button { "Post" }
            }
            (notice("problem", None))
        }
        div .card data-live="/notes/live" {
            ol #notes .lines.scroll data-follow aria-live="polite" aria-label="Notes" {}
            p .empty { "No notes yet." }
        }
    };
    page("Notes", &content)
}

#[derive(Deserialize)]
struct NewNote {
    text: String,
}

async fn say(
    State(pubsub): State<Broker>,
    User(author): User,
    Fields(NewNote { text }): Fields<NewNote>,
) -> Result<Response, Problem> {
    let problem = match text.trim() {
        "" => Some("Write something first."),
        text if text.chars().count() > 500 => Some("A note has at most 500 characters."),
        text => {
            let note = Note { id: token(), author, text: text.to_owned() };
            publish(&*pubsub, SUBJECT, &note).await?;
            None
        }
    };
    Ok(live::answer(problem))
}

/// History, then what comes; the subscription ends with the page. What came between both is shown once.
async fn notes(State(pubsub): State<Broker>, User(_): User) -> Result<Response, Problem> {
    let fresh = subscribe::<Note>(&*pubsub, SUBJECT).await?;
    let history = replay_history::<Note>(&*pubsub, SUBJECT, 50).await?;
    let mut shown: HashSet<_> = history.iter().map(|note| note.id.clone()).collect();
    let all = Patch::replace(html! {
        ol #notes .lines.scroll data-follow aria-live="polite" aria-label="Notes" {
            @for note in &history { (line(note)) }
        }
    });
    let fresh = fresh.filter(move |note| std::future::ready(!shown.remove(&note.id)));
    let patches = fresh.map(|note| Patch::append("#notes", line(&note)));
    Ok(live::stream(stream::iter([all]).chain(patches)))
}

fn line(note: &Note) -> Markup {
    html! { li { strong { (note.author) } " " span { (note.text) } } }
}

const SUBJECT: &str = "notes.all";
/// Whoever builds on this asks a database, for hashes.
const USERS: [(&str, &str); 2] = [("ada", "engine"), ("grace", "compiler")];
