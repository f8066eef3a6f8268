//! The pages: rooms, and what is said in one.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use data_encoding::BASE64URL_NOPAD;
use example_support::live::{self, Patch};
use example_support::page::{notice, page};
use example_support::{Fields, Problem};
use futures_util::TryStreamExt;
use maud::{Markup, html};
use serde::Deserialize;

use super::domain::{Chat, Line, Room, Start, is_room};

/// All routes.
pub fn router(chat: Chat) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/rooms", post(enter))
        .route("/rooms/{room}", get(room).post(say))
        .route("/rooms/{room}/live", get(lines))
        .with_state(chat)
}

/// `GET /`: who are you, and which rooms there are.
async fn index(State(chat): State<Chat>, cookies: CookieJar) -> Result<Markup, Problem> {
    let name = name_of(&cookies).unwrap_or_default();
    Ok(page("Chat", &entrance(&name, "lobby", &chat.rooms().await?, None)))
}

fn entrance(name: &str, room: &str, rooms: &[Room], problem: Option<&str>) -> Markup {
    html! {
        h1 { "Chat" }
        form .card method="post" action="/rooms" {
            label for="name" { "Your name" }
            input #name name="name" value=(name) required maxlength=(MAX_NAME_CHARS) autocomplete="nickname" autofocus;
            label for="room" { "Room" }
            input #room name="room" value=(room) required autocapitalize="none" autocomplete="off";
            (notice("problem", problem))
            p { button { "Enter" } }
        }
        section .card {
            h2 { "Rooms" }
            @if rooms.is_empty() { p .empty { "Nobody has said anything yet. Enter a room and begin." } }
            ul .list {
                @for room in rooms {
                    li {
                        a href=(format!("/rooms/{}", room.name)) { (room.name) }
                        span .muted { (room.messages) @if room.messages == 1 { " message" } @else { " messages" } }
                    }
                }
            }
        }
    }
}

#[derive(Debug, Deserialize)]
struct Entry {
    name: String,
    room: String,
}

/// `POST /rooms`: the name goes into a cookie, the browser into the room.
async fn enter(
    State(chat): State<Chat>,
    cookies: CookieJar,
    Fields(Entry { name, room }): Fields<Entry>,
) -> Result<Response, Problem> {
    let (name, room) = (name.trim(), room.trim());
    let problem = if !is_name(name) {
        "A name has 2 to 32 characters."
    } else if !is_room(room) {
        "A room has 1 to 32 small letters, digits or -."
    } else {
        return Ok((cookies.add(cookie(name)), Redirect::to(&format!("/rooms/{room}"))).into_response());
    };
    Ok(page("Chat", &entrance(name, room, &chat.rooms().await?, Some(problem))).into_response())
}

fn is_name(name: &str) -> bool {
    (2..=MAX_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

fn cookie(name: &str) -> Cookie<'static> {
    let value = BASE64URL_NOPAD.encode(name.as_bytes());
    Cookie::build((NAME_COOKIE, value)).path("/").http_only(true).same_site(SameSite::Lax).permanent().build()
}

/// The name in the cookie, unless somebody made it up.
fn name_of(cookies: &CookieJar) -> Option<String> {
    let bytes = BASE64URL_NOPAD.decode(cookies.get(NAME_COOKIE)?.value().as_bytes()).ok()?;
    String::from_utf8(bytes).ok().filter(|name| is_name(name))
}

fn checked(room: String) -> Result<String, Problem> {
    if is_room(&room) { Ok(room) } else { Err(Problem::not_found("There is no room of that name.")) }
}

/// `GET /rooms/ROOM`: a page that fills itself.
async fn room(Path(room): Path<String>, cookies: CookieJar) -> Result<Response, Problem> {
    let room = checked(room)?;
    let Some(name) = name_of(&cookies) else { return Ok(Redirect::to("/").into_response()) };
    let path = format!("/rooms/{room}");
    let content = html! {
        div .bar { h1 { (room) } a href="/" { "Other rooms" } }
        div .card data-live=(format!("{path}/live")) {
            ol #lines .lines.scroll data-follow aria-live="polite" aria-label=(format!("Said in {room}")) {}
            p .empty { "Nobody has said anything here." }
        }
        form .card method="post" action=(path) data-live-form {
            div .row {
                div {
                    label for="text" { "Say something, " (name) }
                    input #text name="text" maxlength=(MAX_TEXT_CHARS) autocomplete="off" autofocus;
                }
                button { "Send" }
            }
            (notice("problem", None))
        }
    };
    Ok(page(&room, &content).into_response())
}

/// The page's own consumer. A browser that lost the connection says which line it saw last.
async fn lines(State(chat): State<Chat>, Path(room): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let room = checked(room)?;
    let lines = chat.listen(&room, live::last_seen(&headers).map_or(Start::Recent, Start::After)).await?;
    let patches = lines.map_ok(|line| Patch::append("#lines", said(&line)).id(line.sequence));
    Ok(live::until_error(patches))
}

fn said(line: &Line) -> Markup {
    let (hour, minute, _) = line.time.to_hms();
    html! {
        li {
            span .muted { time { (format!("{hour:02}:{minute:02}")) } " " }
            strong { (line.author.as_deref().unwrap_or("somebody")) } " "
            span { (line.text) }
        }
    }
}

#[derive(Debug, Deserialize)]
struct Said {
    text: String,
}

/// `POST /rooms/ROOM`: what was said comes back over the page's own stream, as to everybody.
async fn say(
    State(chat): State<Chat>,
    Path(room): Path<String>,
    cookies: CookieJar,
    Fields(Said { text }): Fields<Said>,
) -> Result<Response, Problem> {
    let room = checked(room)?;
    let Some(name) = name_of(&cookies) else { return Ok(Redirect::to("/").into_response()) };
    let problem = match text.trim() {
        "" => Some("Type something first."),
        text if text.chars().count() > MAX_TEXT_CHARS => Some("A message has at most 2,000 characters."),
        text => {
            chat.say(&room, &name, text.to_owned()).await?;
            None
        }
    };
    Ok(live::answer(problem))
}

const NAME_COOKIE: &str = "name";
const MAX_NAME_CHARS: usize = 32;
const MAX_TEXT_CHARS: usize = 2000;
