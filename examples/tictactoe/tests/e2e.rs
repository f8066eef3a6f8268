//! Two people, two browsers: log in, meet, play, lose the server, be forgotten.
#![allow(clippy::unwrap_used)] // In what tests share, as in tests.

use std::path::Path;

use example_support::browser::{
    DESK, Driver, PHONE, Program, assert_fits, click, find, screenshot, type_into, wait_for_text, wait_until_gone,
};
use thirtyfour::WebDriver;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

async fn start(dir: &Path, more: &[&str]) -> Program {
    Program::start(env!("CARGO_BIN_EXE_tictactoe"), dir, more).await
}

async fn log_in(browser: &WebDriver, program: &Program, name: &str) {
    browser.goto(&program.url).await.unwrap();
    type_into(browser, "#name", name).await;
    click(browser, "#login button:not([disabled])").await;
    wait_for_text(browser, "h1", &format!("Hello, {name}")).await;
}

async fn mark(browser: &WebDriver, cell: u8) {
    click(browser, &format!("#cell-{cell}:not([disabled])")).await;
}

#[tokio::test]
async fn the_login_says_what_is_wrong_while_somebody_types() {
    let Some(driver) = Driver::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path(), &[]).await;
    let ada = driver.browser(PHONE).await;
    ada.goto(&program.page("/dashboard")).await.unwrap();
    wait_for_text(&ada, "h1", "Ready to play?").await;
    assert!(!find(&ada, "#login button").await.is_enabled().await.unwrap());
    type_into(&ada, "#name", "A").await;
    wait_for_text(&ada, "#problem", "The name must have 2 to 32 characters.").await;
    assert!(!find(&ada, "#login button").await.is_enabled().await.unwrap());
    screenshot(&ada, CRATE, "login").await;
    find(&ada, "#name").await.send_keys("da").await.unwrap();
    find(&ada, "#login button:not([disabled])").await;
    assert_eq!(find(&ada, "#name").await.prop("value").await.unwrap().unwrap(), "Ada");
    assert_fits(&ada).await;
    click(&ada, "#login button").await;
    wait_for_text(&ada, "h1", "Hello, Ada").await;
    ada.goto(&program.url).await.unwrap();
    wait_for_text(&ada, "h1", "Hello, Ada").await;
    click(&ada, "form[action='/logout'] button").await;
    wait_for_text(&ada, "h1", "Ready to play?").await;
    ada.quit().await.unwrap();
}

#[tokio::test]
async fn two_browsers_meet_and_play_and_a_restart_does_not_disturb_them() {
    let Some(driver) = Driver::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path(), &[]).await;
    let (ada, bob) = (driver.browser(DESK).await, driver.browser(PHONE).await);
    log_in(&ada, &program, "Ada").await;
    log_in(&bob, &program, "Bob").await;
    wait_for_text(&bob, "#lobbies", "No games yet.").await;

    click(&ada, "form[action='/games'] button").await;
    wait_for_text(&ada, "#standing", "Waiting for somebody to join.").await;
    wait_for_text(&bob, "#lobbies", "Ada against whoever comes").await;
    screenshot(&bob, CRATE, "lobby").await;
    click(&bob, "form[action$='/join'] button").await;
    wait_for_text(&bob, "#standing", "Ada's turn.").await;
    wait_for_text(&ada, "#standing", "Your turn.").await;

    mark(&ada, 0).await;
    wait_for_text(&bob, "#cell-0", "X").await;
    mark(&bob, 3).await;
    wait_for_text(&ada, "#cell-3", "O").await;

    let killed = program.kill().await;
    wait_for_text(&ada, "#connection", "The connection is lost.").await;
    let program = killed.start().await;
    wait_until_gone(&ada, "#connection:not([hidden])").await;
    wait_until_gone(&bob, "#connection:not([hidden])").await;
    wait_for_text(&ada, "#standing", "Your turn.").await;

    for (who, cell) in [(&ada, 1), (&bob, 4), (&ada, 2)] {
        mark(who, cell).await;
    }
    wait_for_text(&ada, "#standing", "You have won!").await;
    wait_for_text(&bob, "#standing", "Ada has won.").await;
    assert_fits(&bob).await;
    screenshot(&ada, CRATE, "board").await;

    click(&bob, "form[action$='/again'] button").await;
    wait_for_text(&ada, "#standing", "Your turn.").await;
    for (who, cell) in
        [(&ada, 0), (&bob, 1), (&ada, 2), (&bob, 4), (&ada, 3), (&bob, 5), (&ada, 7), (&bob, 6), (&ada, 8)]
    {
        mark(who, cell).await;
    }
    wait_for_text(&bob, "#standing", "A draw.").await;

    ada.goto(&program.page("/dashboard")).await.unwrap();
    click(&ada, "form[action$='/delete'] button").await;
    wait_for_text(&ada, "#lobbies", "No games yet.").await;
    wait_for_text(&bob, "#game", "This game is gone.").await;
    for browser in [ada, bob] {
        browser.quit().await.unwrap();
    }
}

#[tokio::test]
async fn an_abandoned_lobby_leaves_both_pages_and_what_is_made_up_opens_nothing() {
    let Some(driver) = Driver::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path(), &["--ttl", "8"]).await;
    let (ada, bob) = (driver.browser(DESK).await, driver.browser(DESK).await);
    log_in(&ada, &program, "Ada").await;
    log_in(&bob, &program, "Bob").await;
    click(&ada, "form[action='/games'] button").await;
    wait_for_text(&ada, "#standing", "Waiting").await;
    wait_for_text(&bob, "#lobbies", "Ada against").await;
    wait_for_text(&bob, "#lobbies", "No games yet.").await;
    wait_for_text(&ada, "#game", "This game is gone.").await;

    ada.goto(&program.page("/dashboard")).await.unwrap();
    wait_for_text(&ada, "h1", "Ready to play?").await;
    let forged = thirtyfour::Cookie::new("session", "0123456789abcdef0123456789abcdef");
    ada.add_cookie(forged).await.unwrap();
    ada.goto(&program.page("/dashboard")).await.unwrap();
    wait_for_text(&ada, "h1", "Ready to play?").await;
    log_in(&ada, &program, "Ada").await;
    log_in(&bob, &program, "<b>Bob</b>").await;
    ada.goto(&program.page("/games/nonsense")).await.unwrap();
    wait_for_text(&ada, "#game", "This game is gone.").await;
    for browser in [ada, bob] {
        browser.quit().await.unwrap();
    }
}
