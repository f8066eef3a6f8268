//! Tweets and likes by hand and by program, in two browsers, with a program that is killed in between.
#![allow(clippy::unwrap_used)] // In what tests share, as in tests.

use std::path::Path;

use example_support::browser::{
    DESK, Driver, PHONE, Program, assert_fits, click, screenshot, type_into, wait_for_text,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

async fn start(dir: &Path) -> Program {
    Program::start(env!("CARGO_BIN_EXE_tweets"), dir, &[]).await
}

/// What a program posts, and is answered.
async fn post(program: &Program, path: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let mut socket = TcpStream::connect(program.url.strip_prefix("http://").unwrap()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn new_tweet(program: &Program, message: &str) -> String {
    let answer = post(program, "/tweets", &format!(r#"{{"author":"Ada","message":"{message}"}}"#)).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let id = answer.split_once(r#""id":""#).unwrap().1;
    id.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn programs_are_told_the_sequence_or_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path()).await;
    let id = new_tweet(&program, "hello world").await;
    let answer = post(&program, &format!("/tweets/{id}/likes"), "{}").await;
    assert!(answer.ends_with(r#"{"sequence":2}"#), "{answer}");
    for (path, body, status) in [
        ("/tweets", r#"{"author":"Ada","message":" "}"#.to_owned(), "400"),
        ("/tweets", format!(r#"{{"author":"Ada","message":"{}"}}"#, "x".repeat(281)), "400"),
        ("/tweets", "{}".to_owned(), "422"),
        ("/tweets", "x".repeat(1 << 22), "413"),
        ("/tweets/unknown/likes", "{}".to_owned(), "404"),
    ] {
        let answer = post(&program, path, &body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[tokio::test]
async fn likes_are_counted_once_each_though_the_program_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = start(dir.path()).await;
    let id = new_tweet(&program, "counted").await;
    for _ in 0..3 {
        for _ in 0..5 {
            let answer = post(&program, &format!("/tweets/{id}/likes"), "{}").await;
            assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        }
        program = program.kill().await.start().await;
    }
    let Some(driver) = Driver::start().await else { return };
    let browser = driver.browser(DESK).await;
    browser.goto(&program.url).await.unwrap();
    wait_for_text(&browser, "#timeline", "♥ 15").await;
    browser.quit().await.unwrap();
}

#[tokio::test]
async fn the_page_shows_tweets_likes_and_events() {
    let Some(driver) = Driver::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path()).await;
    let (ada, bob) = (driver.browser(DESK).await, driver.browser(PHONE).await);
    ada.goto(&program.url).await.unwrap();
    bob.goto(&program.url).await.unwrap();
    wait_for_text(&ada, "#timeline", "No tweets yet.").await;
    click(&ada, "form[action='/tweets'] button").await;
    wait_for_text(&ada, "#problem", "A name needs at least one character.").await;
    type_into(&ada, "#author", "Ada").await;
    type_into(&ada, "#message", "<b>hello</b>").await;
    click(&ada, "form[action='/tweets'] button").await;
    wait_for_text(&bob, "#timeline", "Ada <b>hello</b>").await;
    for likes in 1..=2 {
        click(&bob, "#timeline li:first-child button").await;
        wait_for_text(&ada, "#timeline", &format!("♥ {likes}")).await;
        wait_for_text(&bob, "#timeline", &format!("♥ {likes}")).await;
    }
    wait_for_text(&ada, "#log", "TWITTERCLONE.tweet_liked").await;
    new_tweet(&program, "from a program").await;
    wait_for_text(&ada, "#timeline li:first-child", "from a program").await;
    assert_fits(&bob).await;
    screenshot(&ada, CRATE, "timeline").await;
    screenshot(&bob, CRATE, "phone").await;
    for browser in [ada, bob] {
        browser.quit().await.unwrap();
    }
}
