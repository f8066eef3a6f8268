//! Configurations and what becomes of them, here and, when `NATS_SERVER` names a binary, there as well: its `-t` and, for
//! what it finds out later, its start.
//!
//! The tables are in `verdicts/`; cases are separated by lines of three dashes. A case that is refused says in a first
//! line `# expect: …` what the message has.

use std::{
    fs,
    io::Read,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use embus_conf::Config;

/// Accepted by both.
const ACCEPTED: &str = include_str!("verdicts/accepted.txt");
/// Refused by both, when the file is read.
const REFUSED: &str = include_str!("verdicts/refused.txt");
/// Refused by both, there only when the server starts.
const AT_START: &str = include_str!("verdicts/at_start.txt");
/// Refused here only.
const STRICTER: &str = include_str!("verdicts/stricter.txt");
/// Refused there only.
const LENIENT: &str = include_str!("verdicts/lenient.txt");

fn cases(table: &'static str) -> Vec<&'static str> {
    let cases: Vec<_> = table.split("\n---\n").map(|case| case.trim_matches('\n')).collect();
    assert!(cases.iter().all(|case| !case.is_empty()));
    cases
}

fn verdict(case: &str) -> Result<(), String> {
    Config::parse("c.conf", case, &embus_conf::System).map(drop).map_err(|error| error.to_string())
}

#[track_caller]
fn check_accepted(table: &'static str) {
    for case in cases(table) {
        if let Err(error) = verdict(case) {
            panic!("{case}\n-> {error}");
        }
    }
}

#[track_caller]
fn check_refused(table: &'static str) {
    let mut wrong = Vec::new();
    for case in cases(table) {
        let expected = case.lines().next().and_then(|line| line.strip_prefix("# expect: ")).expect(case);
        match verdict(case) {
            Err(error) if error.contains(expected) => {}
            other => wrong.push(format!("{case}\n-> {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_is_accepted() {
    check_accepted(ACCEPTED);
    check_accepted(LENIENT);
}

#[test]
fn what_is_refused() {
    check_refused(REFUSED);
    check_refused(AT_START);
    check_refused(STRICTER);
}

/// The reference, if there is one.
struct Reference {
    binary: String,
    directory: tempfile::TempDir,
}

impl Reference {
    fn find() -> Option<Self> {
        let binary = std::env::var("NATS_SERVER").ok()?;
        Some(Self { binary, directory: tempfile::tempdir().expect("a directory") })
    }

    fn command(&self, case: &str) -> Command {
        let path: &Path = self.directory.path();
        fs::write(path.join("c.conf"), case).expect("a file");
        let mut command = Command::new(&self.binary);
        command.current_dir(path).args(["-c", "c.conf"]).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Whether its `-t` accepts the case, and what it says.
    fn checks(&self, case: &str) -> (bool, String) {
        let output = self.command(case).arg("-t").output().expect("the reference runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Whether it ends by itself when it shall start.
    #[expect(clippy::disallowed_methods, reason = "the reference is a process with a time of its own")]
    fn refuses_to_start(&self, case: &str) -> (bool, String) {
        let mut child = self.command(case).args(["-a", "127.0.0.1", "-p", "-1"]).spawn().expect("the reference runs");
        let end = Instant::now() + Duration::from_secs(10);
        let mut text = String::new();
        // It says that it is ready, or ends, whichever comes first; both close or fill the pipe.
        let mut pipe = child.stderr.take().expect("a pipe");
        let mut bytes = [0; 4096];
        while Instant::now() < end && !text.contains("Server is ready") {
            match pipe.read(&mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(length) => text += &String::from_utf8_lossy(&bytes[..length]),
            }
        }
        let is_up = text.contains("Server is ready");
        let _ = child.kill();
        let _ = child.wait();
        (!is_up, text)
    }
}

#[test]
fn the_reference_says_the_same() {
    let Some(reference) = Reference::find() else {
        eprintln!("skipped: NATS_SERVER names no reference server");
        return;
    };
    let mut wrong = Vec::new();
    let mut note = |table: &str, case: &str, (right, text): (bool, String)| {
        if !right {
            wrong.push(format!("{table}:\n{case}\n-> {text}"));
        }
    };
    let not = |(accepted, text): (bool, String)| (!accepted, text);
    for case in cases(ACCEPTED) {
        note("accepted", case, reference.checks(case));
    }
    for case in cases(STRICTER) {
        note("stricter", case, reference.checks(case));
    }
    for case in cases(REFUSED) {
        note("refused", case, not(reference.checks(case)));
    }
    for case in cases(LENIENT) {
        note("lenient", case, not(reference.checks(case)));
    }
    for case in cases(AT_START) {
        note("at start", case, reference.checks(case));
        note("at start", case, reference.refuses_to_start(case));
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n\n"));
}
