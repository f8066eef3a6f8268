//! What somebody does in a browser, and what `curl -N` does.
#![allow(clippy::unwrap_used)] // In what tests share, as in tests.

use std::path::Path;

use example_support::browser::{
    DESK, Driver, PHONE, Program, assert_fits, click, find, screenshot, type_into, wait_for_text,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

async fn start(dir: &Path) -> Program {
    Program::start(env!("CARGO_BIN_EXE_sse-gateway"), dir, &[]).await
}

/// Sends a request as it stands and leaves the answer open.
async fn send(program: &Program, request: &str) -> BufReader<TcpStream> {
    let address = program.url.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    BufReader::new(socket)
}

/// The first line that begins so.
async fn line(answer: &mut BufReader<TcpStream>, start: &str) -> String {
    let mut line = String::new();
    while !line.starts_with(start) {
        line.clear();
        assert_ne!(answer.read_line(&mut line).await.unwrap(), 0, "the answer ends before {start:?}");
    }
    line.trim_end().to_owned()
}

async fn post(program: &Program, user: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "POST /api/v1/events HTTP/1.1\r\nhost: x\r\nuser_id: {user}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let mut answer = String::new();
    send(program, &request).await.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(program: &Program, path: &str, headers: &str) -> BufReader<TcpStream> {
    send(program, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await
}

#[tokio::test]
async fn events_come_as_curl_shows_them_and_go_on_where_they_ended() {
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path()).await;
    assert!(post(&program, "ada", "one").await.ends_with(r#"{"sequence":1}"#));
    post(&program, "ada", "two\nlines").await;

    let mut answer = get(&program, "/api/v1/events?deliver=all", "user_id: ada\r\n").await;
    assert!(line(&mut answer, "content-type").await.contains("text/event-stream"));
    assert_eq!(line(&mut answer, "id").await, "id: 1");
    assert_eq!(line(&mut answer, "data").await, "data: one");
    assert_eq!(line(&mut answer, "data").await, "data: two");
    assert_eq!(line(&mut answer, "data").await, "data: lines");
    drop(answer);
    post(&program, "ada", "three").await;

    let program = program.kill().await.start().await;
    let mut answer = get(&program, "/api/v1/events", "user_id: ada\r\nlast-event-id: 2\r\n").await;
    assert_eq!(line(&mut answer, "data").await, "data: three");
    post(&program, "bob", "not for ada").await;
    post(&program, "ada", "four").await;
    assert_eq!(line(&mut answer, "data").await, "data: four");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path()).await;
    for (path, headers, sentence) in [
        ("/api/v1/events?deliver=some", "user_id: ada\r\n", "deliver must be new, all, or last"),
        ("/api/v1/events", "", "the header user_id is missing"),
        ("/api/v1/events", "user_id: a.*\r\n", "user_id must be 1 to 64 letters, digits, - or _"),
    ] {
        let mut answer = get(&program, path, &format!("{headers}connection: close\r\n")).await;
        let mut text = String::new();
        answer.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 400 ") && text.contains(sentence), "{text}");
    }
    assert!(post(&program, "ada", " ").await.starts_with("HTTP/1.1 400 "));
    assert!(post(&program, "ada", &"x".repeat(1 << 20)).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn the_page_shows_events_as_they_come_and_consumers_go_with_it() {
    let Some(driver) = Driver::start().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = start(dir.path()).await;
    let (ada, other) = (driver.browser(DESK).await, driver.browser(PHONE).await);

    other.goto(&program.url).await.unwrap();
    wait_for_text(&other, "#consumers", "Consumers: 0").await;
    ada.goto(&program.url).await.unwrap();
    type_into(&ada, "#user", "a.b").await;
    click(&ada, "form button").await;
    wait_for_text(&ada, "#problem", "A name has").await;
    type_into(&ada, "#user", "ada").await;
    click(&ada, "form button").await;
    wait_for_text(&ada, "h1", "Events of ada").await;
    wait_for_text(&ada, "#empty", "Nothing yet").await;
    wait_for_text(&other, "#consumers", "Consumers: 1").await;

    click(&ada, "form button").await;
    wait_for_text(&ada, "#problem", "an event needs a text").await;
    for text in ["hello", "<b>as typed</b>"] {
        type_into(&ada, "#text", text).await;
        click(&ada, "form button").await;
        wait_for_text(&ada, "#events", text).await;
    }
    post(&program, "ada", "from another program").await;
    wait_for_text(&ada, "#events", "from another program").await;
    assert_eq!(find(&ada, "#problem").await.text().await.unwrap(), "");
    screenshot(&ada, CRATE, "events").await;

    other.goto(&program.page("/?user_id=ada&deliver=all")).await.unwrap();
    wait_for_text(&other, "#events", "<b>as typed</b>").await;
    wait_for_text(&ada, "#consumers", "Consumers: 2").await;
    assert_fits(&other).await;
    screenshot(&other, CRATE, "phone").await;
    other.goto(&program.url).await.unwrap();
    wait_for_text(&other, "#consumers", "Consumers: 1").await;
    ada.quit().await.unwrap();
    wait_for_text(&other, "#consumers", "Consumers: 0").await;
    other.quit().await.unwrap();
}
