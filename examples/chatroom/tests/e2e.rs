//! What people do in a chat: enter, talk, look, lose the server, and find everything again.
#![allow(clippy::unwrap_used)] // In what tests share, as in tests.

use std::path::Path;

use example_support::browser::{
    DESK, Driver, PHONE, Program, assert_fits, click, screenshot, text_of, type_into, wait_for_text, wait_until_gone,
};
use thirtyfour::WebDriver;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

async fn start(dir: &Path) -> Program {
    Program::start(env!("CARGO_BIN_EXE_chatroom"), dir, &[]).await
}

async fn enter(browser: &WebDriver, program: &Program, name: &str, room: &str) {
    browser.goto(&program.url).await.unwrap();
    type_into(browser, "#name", name).await;
    type_into(browser, "#room", room).await;
    click(browser, "form button").await;
    wait_for_text(browser, "h1", room).await;
}

async fn say(browser: &WebDriver, text: &str) {
    type_into(browser, "#text", text).await;
    click(browser, "form button").await;
}

/// What was said, one line each, without times.
async fn said(browser: &WebDriver) -> Vec<String> {
    let lines = text_of(browser, "#lines").await;
    lines.lines().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect()
}

#[tokio::test]
async fn everybody_in_a_room_reads_what_is_said_there_and_nobody_else() {
    let Some(driver) = Driver::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path()).await;
    let (ada, bob, eve) = (driver.browser(DESK).await, driver.browser(PHONE).await, driver.browser(DESK).await);
    enter(&ada, &program, "Ada", "lobby").await;
    enter(&bob, &program, "<i>Bob</i>", "lobby").await;
    enter(&eve, &program, "Eve", "rust").await;
    wait_for_text(&bob, ".empty", "Nobody has said anything here.").await;

    say(&ada, "hello").await;
    wait_for_text(&bob, "#lines", "Ada hello").await;
    say(&bob, "<script>alert(1)</script>").await;
    wait_for_text(&ada, "#lines", "<i>Bob</i> <script>alert(1)</script>").await;
    screenshot(&ada, CRATE, "room").await;
    say(&ada, " ").await;
    wait_for_text(&ada, "#problem", "Type something first.").await;
    assert_fits(&bob).await;
    screenshot(&bob, CRATE, "phone").await;

    say(&eve, "among us").await;
    wait_for_text(&eve, "#lines", "among us").await;
    assert_eq!(said(&ada).await, ["Ada hello", "<i>Bob</i> <script>alert(1)</script>"]);
    ada.goto(&program.url).await.unwrap();
    wait_for_text(&ada, "ul.list", "lobby").await;
    screenshot(&ada, CRATE, "rooms").await;
    for browser in [ada, bob, eve] {
        browser.quit().await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_program_loses_nothing_and_shows_nothing_twice() {
    let Some(driver) = Driver::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path()).await;
    let ada = driver.browser(DESK).await;
    enter(&ada, &program, "Ada", "lobby").await;
    for text in ["one", "two", "three"] {
        say(&ada, text).await;
        wait_for_text(&ada, "#lines", text).await;
    }
    let killed = program.kill().await;
    wait_for_text(&ada, "#connection", "The connection is lost.").await;
    say(&ada, "four").await;

    let again = killed.start().await;
    wait_until_gone(&ada, "#connection:not([hidden])").await;
    click(&ada, "form button").await;
    wait_for_text(&ada, "#lines", "four").await;
    assert_eq!(said(&ada).await, ["Ada one", "Ada two", "Ada three", "Ada four"]);
    ada.goto(&again.page("/rooms/lobby")).await.unwrap();
    wait_for_text(&ada, "#lines", "four").await;
    assert_eq!(said(&ada).await, ["Ada one", "Ada two", "Ada three", "Ada four"]);
    ada.quit().await.unwrap();
}

#[tokio::test]
async fn who_makes_up_a_room_or_a_name_is_told_so() {
    let Some(driver) = Driver::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path()).await;
    let eve = driver.browser(PHONE).await;
    eve.goto(&program.page("/rooms/A.B")).await.unwrap();
    wait_for_text(&eve, ".notice", "There is no room of that name.").await;
    eve.goto(&program.page("/rooms/lobby")).await.unwrap();
    wait_for_text(&eve, "h1", "Chat").await;
    type_into(&eve, "#name", "E").await;
    click(&eve, "form button").await;
    wait_for_text(&eve, "#problem", "A name has 2 to 32 characters.").await;
    type_into(&eve, "#name", "Eve").await;
    type_into(&eve, "#room", "Up Stairs").await;
    click(&eve, "form button").await;
    wait_for_text(&eve, "#problem", "A room has 1 to 32").await;
    assert_fits(&eve).await;
    eve.quit().await.unwrap();
}
