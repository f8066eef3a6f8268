//! `--signal`: this executable as a tool that sends a signal to a server and ends.

use std::{ffi::OsStr, fs, io, os::unix::ffi::OsStrExt, path::Path, str::FromStr};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{OWN_NAME, Program};

/// A signal and whom to send it to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    signal: Signal,
    target: Option<String>,
}

/// A value of `--signal` that cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// Write `ldm`, `stop`, `quit`, `term`, `reopen` or `reload`.
    #[error("unknown signal {0:?}")]
    Unknown(String),
}

/// The signal was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// Write a number, or the path of a file that holds one.
    #[error("invalid pid: {0}")]
    Target(String),
    /// Start one, or name its process id.
    #[error("no {0} processes running")]
    Nobody(String),
    /// Name one of them: `--signal CMD=PID`.
    #[error("multiple {name} processes running: {pids}")]
    Many { name: String, pids: String },
    /// The process is gone, or belongs to somebody else.
    #[error("signal to process {pid}: {error}")]
    Refused { pid: i32, error: io::Error },
}

impl FromStr for Request {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Self, RequestError> {
        let (name, target) = text.split_once('=').map_or((text, None), |(name, target)| (name, Some(target)));
        let signal = match name {
            "ldm" => Signal::USR2,
            // The names are nats-server's: its stop cannot be caught, its quit is the gentle one.
            "stop" => Signal::KILL,
            "quit" => Signal::INT,
            "term" => Signal::TERM,
            "reopen" => Signal::USR1,
            "reload" => Signal::HUP,
            _ => return Err(RequestError::Unknown(name.to_owned())),
        };
        Ok(Self { signal, target: target.filter(|target| !target.is_empty()).map(str::to_owned) })
    }
}

/// Sends the signal; without a target to the one server that runs.
pub(crate) fn send(request: &Request, program: &Program) -> Result<(), SendError> {
    let pid = match &request.target {
        Some(target) => named(target)?,
        None => only(program, &running(Path::new("/proc"), program))?,
    };
    let refused = |error: io::Error| SendError::Refused { pid: pid.as_raw_nonzero().get(), error };
    kill_process(pid, request.signal).map_err(|error| refused(error.into()))
}

/// The process a number or a pid file names. Never a process group: those are the negative numbers.
fn named(target: &str) -> Result<Pid, SendError> {
    let invalid = || SendError::Target(target.to_owned());
    let number = match target.parse() {
        Ok(number) => number,
        Err(_) => fs::read_to_string(target).map_err(|_| invalid())?.trim().parse().map_err(|_| invalid())?,
    };
    Some(number).filter(|number| *number > 0).and_then(Pid::from_raw).ok_or_else(invalid)
}

fn only(program: &Program, pids: &[i32]) -> Result<Pid, SendError> {
    let name = program.name().to_owned();
    match pids {
        [] => Err(SendError::Nobody(name)),
        [pid] => Pid::from_raw(*pid).ok_or(SendError::Nobody(name)),
        many => {
            let pids = many.iter().map(i32::to_string).collect::<Vec<_>>().join(" ");
            Err(SendError::Many { name, pids })
        }
    }
}

/// Other processes that were started under the name this one was called by, or under its own, in the order of their ids.
fn running(proc: &Path, program: &Program) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let own = std::process::id().cast_signed();
    let mut pids: Vec<i32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own)
        .filter(|pid| {
            let line = fs::read(proc.join(format!("{pid}/cmdline"))).unwrap_or_default();
            let first = line.split(|byte| *byte == 0).next().unwrap_or_default();
            let name = Program::of(Some(OsStr::from_bytes(first)));
            !first.is_empty() && (name == *program || name.name() == OWN_NAME)
        })
        .collect();
    pids.sort_unstable();
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_a_signal_and_maybe_a_target() {
        let request = |text: &str| text.parse::<Request>().unwrap();
        assert_eq!(request("ldm=7"), Request { signal: Signal::USR2, target: Some("7".into()) });
        assert_eq!(request("stop"), Request { signal: Signal::KILL, target: None });
        assert_eq!(request("quit="), Request { signal: Signal::INT, target: None });
        assert_eq!(request("term=/run/x=y.pid"), Request { signal: Signal::TERM, target: Some("/run/x=y.pid".into()) });
        assert_eq!("foo=1".parse::<Request>().unwrap_err().to_string(), "unknown signal \"foo\"");
        assert_eq!(request("reload=7").signal, Signal::HUP);
    }

    #[test]
    fn targets_are_single_processes() {
        for bad in ["abc", "0", "-1", "-7", "99999999999", "1 2", "/none/file"] {
            assert!(matches!(named(bad), Err(SendError::Target(_))), "{bad}");
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        fs::write(&file, "42\n").unwrap();
        assert_eq!(named(file.to_str().unwrap()).unwrap(), Pid::from_raw(42).unwrap());
        assert_eq!(named("42").unwrap(), Pid::from_raw(42).unwrap());
    }

    #[test]
    fn running_servers_are_found_by_name() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, line) in [("30", "/x/embus\0-p\0-1\0"), ("7", "nats-server\0"), ("8", "sh\0-c\0embus\0"), ("9", "")] {
            fs::create_dir(proc.path().join(pid)).unwrap();
            fs::write(proc.path().join(pid).join("cmdline"), line).unwrap();
        }
        fs::create_dir(proc.path().join("sys")).unwrap();
        let (own, nats) = (Program::of(Some("embus".as_ref())), Program::of(Some("/bin/nats-server".as_ref())));
        assert_eq!(running(proc.path(), &own), [30]);
        assert_eq!(running(proc.path(), &nats), [7, 30]);
        assert!(matches!(only(&own, &[]), Err(SendError::Nobody(_))));
        let many = only(&nats, &[7, 30]).unwrap_err().to_string();
        assert_eq!(many, "multiple nats-server processes running: 7 30");
    }
}
