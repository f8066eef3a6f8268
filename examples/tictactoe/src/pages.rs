//! What the pages look like.

use std::collections::BTreeMap;

use example_support::page::{notice, page};
use maud::{Markup, html};

use super::domain::{Game, Lobby, Player};
use crate::board::{Board, CELLS, Standing};

/// The login, whole.
pub(super) fn login() -> Markup {
    page("Tic-tac-toe", &html! { h1 { "Ready to play?" } (login_form("", false)) })
}

/// The form, as it is while somebody types.
pub(super) fn login_form(name: &str, is_touched: bool) -> Markup {
    let is_good = is_name(name);
    let problem = (is_touched && !is_good).then_some("The name must have 2 to 32 characters.");
    html! {
        form #login .card method="post" action="/login" data-live-form data-live-check="/login/check" {
            label for="name" { "Your name" }
            input #name name="name" value=(name) required maxlength="32" autocomplete="nickname" autofocus
                aria-describedby="problem" aria-invalid=(problem.is_some());
            (notice("problem", problem))
            p { button disabled[!is_good] { "Log in" } }
        }
    }
}

/// Whether somebody can be called so.
pub(super) fn is_name(name: &str) -> bool {
    (2..=32).contains(&name.trim().chars().count()) && !name.chars().any(char::is_control)
}

/// The list of games, whole.
pub(super) fn dashboard(player: &Player) -> Markup {
    let content = html! {
        div .bar {
            h1 { "Hello, " (player.name) }
            form method="post" action="/logout" { button .quiet { "Log out" } }
        }
        form .card method="post" action="/games" data-live-form { button { "New game" } }
        (notice("problem", None))
        section .card data-live="/dashboard/live" {
            h2 { "Games" }
            ul #lobbies .list {}
        }
    };
    page("Games", &content)
}

/// The games there are, as one player sees them.
pub(super) fn lobbies(lobbies: &BTreeMap<String, Lobby>, player: &Player) -> Markup {
    html! {
        ul #lobbies .list {
            @if lobbies.is_empty() { li { p .empty { "No games yet. Make one, and wait for somebody." } } }
            @for (id, lobby) in lobbies { (lobby_row(id, lobby, player)) }
        }
    }
}

fn lobby_row(id: &str, lobby: &Lobby, player: &Player) -> Markup {
    let path = format!("/games/{id}");
    html! {
        li id=(format!("lobby-{id}")) {
            span {
                strong { (lobby.host.name) } " against "
                @match &lobby.guest { Some(guest) => strong { (guest.name) }, None => span .muted { "whoever comes" } }
            }
            @if lobby.mark_of(player).is_some() { a .button href=(path) { "Open" } }
            @else if lobby.guest.is_none() {
                form method="post" action=(format!("{path}/join")) data-live-form { button { "Join" } }
            } @else { a .button.quiet href=(path) { "Look on" } }
            @if lobby.host.id == player.id {
                form method="post" action=(format!("{path}/delete")) data-live-form { button .quiet { "Delete" } }
            }
        }
    }
}

/// A game, whole.
pub(super) fn game_page(id: &str) -> Markup {
    let content = html! {
        div .bar { h1 { "Tic-tac-toe" } a href="/dashboard" { "All games" } }
        div .card data-live=(format!("/games/{id}/live")) { section #game {} }
        (notice("problem", None))
    };
    page("Tic-tac-toe", &content)
}

/// A game as one player sees it.
pub(super) fn game(id: &str, game: Option<&Game>, player: &Player) -> Markup {
    html! {
        section #game {
            @match game {
                Some(game) => (board(id, game, player)),
                None => p .empty { "This game is gone. " a href="/dashboard" { "All games" } },
            }
        }
    }
}

fn board(id: &str, game: &Game, player: &Player) -> Markup {
    let Game { lobby, board } = game;
    let mine = lobby.mark_of(player);
    let is_my_turn = lobby.guest.is_some() && mine.is_some_and(|mark| board.standing() == Standing::Turn(mark));
    html! {
        p {
            strong { (lobby.host.name) } " (X) against "
            @match &lobby.guest { Some(guest) => { strong { (guest.name) } " (O)" }, None => "nobody yet" }
        }
        p #standing role="status" .good[is_my_turn] { (standing(game, player)) }
        form .board method="post" action=(format!("/games/{id}/play")) data-live-form aria-label="Board" {
            @for cell in 0..CELLS { (cell_button(board, cell, is_my_turn)) }
        }
        @if board.is_over() && mine.is_some() {
            form method="post" action=(format!("/games/{id}/again")) data-live-form { button { "Play again" } }
        }
    }
}

fn cell_button(board: &Board, cell: u8, is_my_turn: bool) -> Markup {
    let mark = board.mark_at(cell).map(crate::board::Mark::letter);
    let label = format!("Row {}, column {}: {}", cell / 3 + 1, cell % 3 + 1, mark.unwrap_or("empty"));
    html! {
        button id=(format!("cell-{cell}")) name="cell" value=(cell) aria-label=(label)
            disabled[!is_my_turn || mark.is_some()] { (mark.unwrap_or_default()) }
    }
}

fn standing(game: &Game, player: &Player) -> String {
    let Game { lobby, board } = game;
    let mine = lobby.mark_of(player);
    let name = |mark| match (mark, &lobby.guest) {
        (crate::board::Mark::O, Some(guest)) => &guest.name,
        _ => &lobby.host.name,
    };
    match board.standing() {
        _ if lobby.guest.is_none() => "Waiting for somebody to join.".to_owned(),
        Standing::Turn(mark) if Some(mark) == mine => "Your turn.".to_owned(),
        Standing::Turn(mark) => format!("{}'s turn.", name(mark)),
        Standing::Won(mark) if Some(mark) == mine => "You have won!".to_owned(),
        Standing::Won(mark) => format!("{} has won.", name(mark)),
        Standing::Draw => "A draw.".to_owned(),
    }
}
