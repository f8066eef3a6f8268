//! What a browser asks for, and who may.

use axum::Router;
use axum::extract::{FromRef, FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use example_support::live::{self, Patch};
use example_support::{Fields, Problem, token};
use futures_util::TryStreamExt;
use maud::Markup;
use serde::Deserialize;

use super::domain::{GameError, Games, Player};
use super::pages;

/// All routes.
pub fn router(games: Games) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/login", post(login))
        .route("/login/check", post(check_login))
        .route("/logout", post(logout))
        .route("/dashboard", get(dashboard))
        .route("/dashboard/live", get(lobbies))
        .route("/games", post(create))
        .route("/games/{id}", get(game_page))
        .route("/games/{id}/live", get(game))
        .route("/games/{id}/join", post(join))
        .route("/games/{id}/delete", post(delete))
        .route("/games/{id}/play", post(play))
        .route("/games/{id}/again", post(play_again))
        .with_state(games)
}

/// Only somebody who is logged in gets further.
struct LoggedIn(Player);

impl<S> FromRequestParts<S> for LoggedIn
where
    S: Send + Sync,
    Games: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let games = Games::from_ref(state);
        match games.player(&secret(&CookieJar::from_headers(&parts.headers))).await {
            Ok(Some(player)) => Ok(Self(player)),
            Ok(None) => Err(Redirect::to("/").into_response()),
            Err(error) => Err(Problem::from(error).into_response()),
        }
    }
}

fn secret(cookies: &CookieJar) -> String {
    cookies.get(SESSION).map(|cookie| cookie.value().to_owned()).unwrap_or_default()
}

async fn index(State(games): State<Games>, cookies: CookieJar) -> Result<Response, Problem> {
    Ok(match games.player(&secret(&cookies)).await? {
        Some(_) => Redirect::to("/dashboard").into_response(),
        None => pages::login().into_response(),
    })
}

#[derive(Debug, Deserialize)]
struct Login {
    name: String,
}

/// While somebody types.
async fn check_login(Fields(Login { name }): Fields<Login>) -> Response {
    live::once(Patch::replace(pages::login_form(&name, true)))
}

async fn login(
    State(games): State<Games>,
    cookies: CookieJar,
    Fields(Login { name }): Fields<Login>,
) -> Result<Response, Problem> {
    if !pages::is_name(&name) {
        return Ok(live::once(Patch::replace(pages::login_form(&name, true))));
    }
    let secret = games.login(name.trim()).await?;
    Ok((cookies.add(token::cookie(SESSION, secret)), Redirect::to("/dashboard")).into_response())
}

async fn logout(State(games): State<Games>, cookies: CookieJar) -> Result<Response, Problem> {
    games.logout(&secret(&cookies)).await?;
    Ok((cookies.remove(token::cookie(SESSION, String::new())), Redirect::to("/")).into_response())
}

async fn dashboard(LoggedIn(player): LoggedIn) -> Markup {
    pages::dashboard(&player)
}

async fn lobbies(State(games): State<Games>, LoggedIn(player): LoggedIn) -> Result<Response, Problem> {
    let lobbies = games.lobbies().await?;
    Ok(live::until_error(lobbies.map_ok(move |lobbies| Patch::replace(pages::lobbies(&lobbies, &player)))))
}

async fn create(State(games): State<Games>, LoggedIn(player): LoggedIn) -> Result<Redirect, Problem> {
    let id = games.create(&player).await?;
    Ok(Redirect::to(&format!("/games/{id}")))
}

async fn game_page(LoggedIn(_): LoggedIn, Path(id): Path<String>) -> Markup {
    pages::game_page(&id)
}

async fn game(
    State(games): State<Games>,
    LoggedIn(player): LoggedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    match games.game(&id).await {
        Ok(states) => {
            Ok(live::until_error(states.map_ok(move |game| Patch::replace(pages::game(&id, game.as_ref(), &player)))))
        }
        Err(GameError::Refused(_)) => Ok(live::once(Patch::replace(pages::game(&id, None, &player)))),
        Err(GameError::Failed(error)) => Err(error.into()),
    }
}

async fn join(
    State(games): State<Games>,
    LoggedIn(player): LoggedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    match games.join(&id, &player).await {
        Ok(()) => Ok(Redirect::to(&format!("/games/{id}")).into_response()),
        Err(error) => answer(Err(error)),
    }
}

async fn delete(
    State(games): State<Games>,
    LoggedIn(player): LoggedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    answer(games.delete(&id, &player).await)
}

#[derive(Debug, Deserialize)]
struct Play {
    cell: u8,
}

async fn play(
    State(games): State<Games>,
    LoggedIn(player): LoggedIn,
    Path(id): Path<String>,
    Fields(Play { cell }): Fields<Play>,
) -> Result<Response, Problem> {
    answer(games.play(&id, &player, cell).await)
}

async fn play_again(
    State(games): State<Games>,
    LoggedIn(player): LoggedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    answer(games.play_again(&id, &player).await)
}

/// What has changed comes over the page's own stream; here only what was refused.
fn answer(done: Result<(), GameError>) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(live::answer(None)),
        Err(GameError::Refused(words)) => Ok(live::answer(Some(words))),
        Err(GameError::Failed(error)) => Err(error.into()),
    }
}

const SESSION: &str = "session";
