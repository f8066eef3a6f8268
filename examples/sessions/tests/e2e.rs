//! Log in, be sent back, write notes to each other, come back after a restart, log out.
#![allow(clippy::unwrap_used)] // In what tests share, as in tests.

use std::path::Path;

use example_support::browser::{
    DESK, Driver, PHONE, Program, assert_fits, click, find, screenshot, type_into, wait_for_text, wait_until_gone,
};
use thirtyfour::WebDriver;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

async fn start(dir: &Path, more: &[&str]) -> Program {
    Program::start(env!("CARGO_BIN_EXE_sessions"), dir, more).await
}

async fn log_in(browser: &WebDriver, program: &Program, name: &str, password: &str) {
    browser.goto(&program.page("/login")).await.unwrap();
    type_into(browser, "#username", name).await;
    type_into(browser, "#password", password).await;
    click(browser, "form button").await;
}

async fn secret(browser: &WebDriver) -> String {
    browser.get_named_cookie("session").await.map(|cookie| cookie.value).unwrap_or_default()
}

async fn write(browser: &WebDriver, text: &str) {
    type_into(browser, "#text", text).await;
    click(browser, "form[action='/notes'] button").await;
}

#[tokio::test]
async fn only_who_logs_in_gets_further_and_a_restart_changes_nothing() {
    let Some(driver) = Driver::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path(), &[]).await;
    let ada = driver.browser(DESK).await;
    ada.goto(&program.page("/dashboard")).await.unwrap();
    wait_for_text(&ada, "#problem", "Please log in first.").await;
    ada.refresh().await.unwrap();
    wait_for_text(&ada, "h1", "Log in").await;
    wait_until_gone(&ada, "#problem:not(:empty)").await;
    let before = secret(&ada).await;
    assert_ne!(before, "");

    log_in(&ada, &program, "ada", "wrong").await;
    wait_for_text(&ada, "#problem", "User name or password is wrong.").await;
    screenshot(&ada, CRATE, "login").await;
    log_in(&ada, &program, "ada", "engine").await;
    wait_for_text(&ada, "#visits", "You have been here once.").await;
    let after = secret(&ada).await;
    assert_ne!(before, after, "the secret is another one after the login");
    ada.refresh().await.unwrap();
    wait_for_text(&ada, "#visits", "2 times").await;
    write(&ada, "<i>kept</i>").await;
    wait_for_text(&ada, "#notes", "ada <i>kept</i>").await;

    let program = program.kill().await.start().await;
    ada.goto(&program.page("/dashboard")).await.unwrap();
    wait_for_text(&ada, "#visits", "3 times").await;
    wait_for_text(&ada, "#notes", "ada <i>kept</i>").await;

    click(&ada, "form[action='/logout'] button").await;
    wait_for_text(&ada, "h1", "Log in").await;
    assert_eq!(secret(&ada).await, "");
    ada.add_cookie(thirtyfour::Cookie::new("session", after)).await.unwrap();
    ada.goto(&program.page("/dashboard")).await.unwrap();
    wait_for_text(&ada, "h1", "Log in").await;
    ada.quit().await.unwrap();
}

#[tokio::test]
async fn notes_reach_all_who_are_logged_in() {
    let Some(driver) = Driver::start().await else { return };
    for more in [&[][..], &["--memory"][..]] {
        let dir = tempfile::tempdir().unwrap();
        let program = start(dir.path(), more).await;
        let (ada, grace) = (driver.browser(DESK).await, driver.browser(PHONE).await);
        log_in(&ada, &program, "ada", "engine").await;
        log_in(&grace, &program, "grace", "compiler").await;
        wait_for_text(&ada, ".empty", "No notes yet.").await;
        wait_for_text(&grace, ".empty", "No notes yet.").await;
        for browser in [&ada, &grace] {
            find(browser, "[data-live-state=open]").await;
        }
        write(&ada, " ").await;
        wait_for_text(&ada, "#problem", "Write something first.").await;
        write(&ada, "good morning").await;
        wait_for_text(&grace, "#notes", "ada good morning").await;
        write(&grace, "good evening").await;
        wait_for_text(&ada, "#notes", "grace good evening").await;
        assert_fits(&grace).await;
        screenshot(&ada, CRATE, "notes").await;
        screenshot(&grace, CRATE, "phone").await;
        for browser in [ada, grace] {
            browser.quit().await.unwrap();
        }
    }
}
