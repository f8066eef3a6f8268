//! Tests that do what a person does: a program as it is shipped, and a headless browser that looks at it.
//!
//! Needs `chromium` and `chromedriver`. Where they are not installed, tests say so and pass, unless `E2E=required`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// A driver that makes browsers; none shares cookies with another one.
#[derive(Debug)]
pub struct Driver {
    url: String,
    _process: Child,
}

/// A program that is running.
#[derive(Debug)]
pub struct Program {
    /// Where its pages are.
    pub url: String,
    process: Child,
    /// What it was started as, but for its port.
    path: String,
    arguments: Vec<OsString>,
}

impl Driver {
    /// Starts it, or says why the test is skipped.
    ///
    /// # Panics
    /// If there is none although `E2E=required`.
    pub async fn start() -> Option<Self> {
        let started = Command::new("chromedriver")
            .args(["--port=0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) => {
                let is_required = std::env::var_os("E2E").is_some_and(|value| value == "required");
                assert!(!is_required, "E2E=required, but chromedriver does not start: {error}");
                eprintln!("skipped: chromedriver does not start: {error}");
                return None;
            }
        };
        let output = process.stdout.take().expect("its output is piped");
        let line = line_with(output, "started successfully on port ").await;
        let port = line.trim_end_matches('.');
        Some(Self { url: format!("http://127.0.0.1:{port}"), _process: process })
    }

    /// A browser with a window of a phone's or a desk's size and no cookies.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn browser(&self, (width, height): (u32, u32)) -> WebDriver {
        let mut wishes = DesiredCapabilities::chrome();
        for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] {
            wishes.add_arg(argument).expect("an argument is text");
        }
        let browser = WebDriver::new(&self.url, wishes).await.expect("chromium starts");
        browser.set_window_rect(0, 0, width, height).await.expect("the window has a size");
        browser
    }
}

impl Program {
    /// Starts the program at `path` on any free port, with its data in `dir`, and waits until it serves.
    ///
    /// # Panics
    /// If it does not.
    pub async fn start(path: &str, dir: &Path, more: &[&str]) -> Self {
        let mut arguments = vec![OsString::from("--dir"), dir.into()];
        arguments.extend(more.iter().map(OsString::from));
        Self::start_at("0", path.to_owned(), arguments).await
    }

    async fn start_at(port: &str, path: String, arguments: Vec<OsString>) -> Self {
        let mut process = Command::new(&path)
            .args(["--port", port])
            .args(&arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program was built");
        let output = process.stdout.take().expect("its output is piped");
        let url = line_with(output, "open ").await;
        Self { url, process, path, arguments }
    }

    /// The address of a page.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Ends it as `kill -9` does; the result starts it again at the same address.
    ///
    /// # Panics
    /// If it had ended by itself.
    pub async fn kill(mut self) -> Killed {
        assert!(self.process.try_wait().is_ok_and(|status| status.is_none()), "the program has ended by itself");
        self.process.kill().await.expect("it can be killed");
        Killed(self)
    }
}

/// A program that was killed.
#[derive(Debug)]
pub struct Killed(Program);

impl Killed {
    /// The program with the same data at the same address.
    ///
    /// # Panics
    /// If it does not serve.
    pub async fn start(self) -> Program {
        let Program { url, path, arguments, .. } = self.0;
        let port = url.rsplit_once(':').map_or("0", |(_, port)| port);
        Program::start_at(port, path, arguments).await
    }
}

/// What follows `mark` in the first line that has it. The rest of the output is read and forgotten.
async fn line_with(output: impl AsyncRead + Unpin + Send + 'static, mark: &str) -> String {
    let mut lines = BufReader::new(output).lines();
    let rest = loop {
        let line = lines.next_line().await.expect("output is text").expect("the program serves before it ends");
        if let Some((_, rest)) = line.split_once(mark) {
            break rest.to_owned();
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    rest
}

/// Waits until the element is there.
///
/// # Panics
/// If it does not come.
pub async fn find(browser: &WebDriver, css: &str) -> WebElement {
    let found = browser.query(By::Css(css)).wait(PATIENCE, POLL_INTERVAL).first().await;
    found.unwrap_or_else(|error| panic!("{css} does not appear: {error}"))
}

/// Waits until an element that `css` finds shows `text`.
///
/// # Panics
/// If it does not; says what the page shows instead.
pub async fn wait_for_text(browser: &WebDriver, css: &str, text: &str) {
    let wanted = text.to_owned();
    let query = browser.query(By::Css(css)).with_filter(move |element: WebElement| {
        let wanted = wanted.clone();
        async move { Ok(element.text().await.is_ok_and(|shown| shown.contains(&wanted))) }
    });
    if query.wait(PATIENCE, POLL_INTERVAL).first().await.is_err() {
        let page = text_of(browser, "body").await;
        panic!("{css} does not show {text:?}; the page shows:\n{page}");
    }
}

/// Waits until nothing matches `css`.
///
/// # Panics
/// If something stays.
pub async fn wait_until_gone(browser: &WebDriver, css: &str) {
    let gone = browser.query(By::Css(css)).wait(PATIENCE, POLL_INTERVAL).not_exists().await;
    assert!(gone.unwrap_or(false), "{css} stays");
}

/// What the first element shows, or nothing.
pub async fn text_of(browser: &WebDriver, css: &str) -> String {
    match browser.find(By::Css(css)).await {
        Ok(element) => element.text().await.unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// Types into a field, in place of what is there.
///
/// # Panics
/// If there is no such field.
pub async fn type_into(browser: &WebDriver, css: &str, text: &str) {
    let field = find(browser, css).await;
    field.clear().await.expect("a field can be emptied");
    field.send_keys(text).await.expect("a field takes keys");
}

/// Clicks what is there, or will be.
///
/// # Panics
/// If it does not come, or something lies over it.
pub async fn click(browser: &WebDriver, css: &str) {
    find(browser, css).await.click().await.unwrap_or_else(|error| panic!("{css} cannot be clicked: {error}"));
}

/// Keeps what the browser shows as `screenshots/NAME.png` beside the manifest at `crate_dir`, if `SCREENSHOTS` is set: for
/// the README, and to be looked at.
///
/// # Panics
/// If the picture cannot be taken or written.
pub async fn screenshot(browser: &WebDriver, crate_dir: &str, name: &str) {
    let picture = browser.screenshot_as_png().await.expect("the browser shows something");
    if std::env::var_os("SCREENSHOTS").is_some() {
        let folder = PathBuf::from(crate_dir).join("screenshots");
        std::fs::create_dir_all(&folder).expect("there is room for a folder");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("there is room for a picture");
    }
}

/// That nothing is wider than the window, as on a phone.
///
/// # Panics
/// If the page scrolls sideways.
pub async fn assert_fits(browser: &WebDriver) {
    let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let over = browser.execute(script, vec![]).await.expect("scripts run");
    assert_eq!(over.json().as_i64(), Some(0), "the page is wider than the window");
}

/// Windows of a desk and of a phone.
pub const DESK: (u32, u32) = (1024, 768);
/// A small phone.
pub const PHONE: (u32, u32) = (390, 780);

const PATIENCE: Duration = Duration::from_secs(15);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
