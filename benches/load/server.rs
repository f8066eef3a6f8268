//! A server process under test: found, started on a free port, measured, stopped.

use std::env;
use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::connection::Connection;
use crate::process::{CpuClock, resident_bytes};

/// How long a server may take to start or to stop before the run fails.
const DEADLINE: Duration = Duration::from_secs(60);

/// Pause between two looks at a server that is starting or stopping.
const POLL_EVERY: Duration = Duration::from_micros(50);

/// A server program that takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contender {
    /// Its name in the report.
    pub name: &'static str,
    /// Its executable, which takes `-a HOST -p PORT`.
    pub program: PathBuf,
    /// Whether the executable is a nats-server, whatever its name in the report: it takes a configuration file.
    pub is_nats_server: bool,
}

impl Contender {
    /// The reference server, where `NATS_SERVER` names its executable.
    pub fn reference() -> Option<Self> {
        env::var_os("NATS_SERVER").map(|program| Self::new("nats-server", program.into()))
    }

    /// embus: the executable that `EMBUS_SERVER` names, or else the one that cargo builds now.
    pub fn embus() -> io::Result<Self> {
        let program = match env::var_os("EMBUS_SERVER") {
            Some(program) => program.into(),
            None => build_embus()?,
        };
        Ok(Self::new("embus", program))
    }

    fn new(name: &'static str, program: PathBuf) -> Self {
        let is_nats_server = program.file_stem().is_some_and(|stem| stem.to_string_lossy().contains("nats-server"));
        Self { name, program, is_nats_server }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    pid: Pid,
    began: Instant,
    started_in: Duration,
}

impl Server {
    /// Starts `contender` on a free port; returns once it has answered a first PING.
    pub fn start(contender: &Contender) -> io::Result<Self> {
        Self::start_with(contender, &[])
    }

    /// The same with more arguments.
    pub fn start_with(contender: &Contender, arguments: &[OsString]) -> io::Result<Self> {
        let address = free_address()?;
        let began = Instant::now();
        let child = spawn(contender, address, arguments)?;
        let raw_pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        let mut server = Self { child, address, pid: Pid::from_raw(raw_pid), began, started_in: Duration::ZERO };
        server.await_first_pong(began)?;
        server.started_in = began.elapsed();
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From starting the process to the first PONG on a first connection.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// When its process was started.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Its processor clock.
    pub fn cpu_clock(&self) -> io::Result<CpuClock> {
        CpuClock::of(self.pid)
    }

    /// Its resident memory in bytes.
    pub fn resident_bytes(&self) -> io::Result<u64> {
        resident_bytes(self.pid)
    }

    /// Sends `signal` and waits for the process to end; returns how long that took.
    pub fn stop(mut self, signal: Signal) -> io::Result<Duration> {
        let began = Instant::now();
        kill(self.pid, signal)?;
        while self.exit_status()?.is_none() {
            if began.elapsed() > DEADLINE {
                return Err(io::Error::other(format!("the server ignored {signal} for {DEADLINE:?}")));
            }
            thread::sleep(POLL_EVERY);
        }
        Ok(began.elapsed())
    }

    fn await_first_pong(&mut self, began: Instant) -> io::Result<()> {
        loop {
            match Connection::greet(self.address) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() != io::ErrorKind::ConnectionRefused => return Err(error),
                Err(_) => {}
            }
            if let Some(status) = self.exit_status()? {
                return Err(io::Error::other(format!("the server ended at once: {status}")));
            }
            if began.elapsed() > DEADLINE {
                return Err(io::Error::other(format!("the server does not listen after {DEADLINE:?}")));
            }
            thread::sleep(POLL_EVERY);
        }
    }

    fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for Server {
    /// Ends a server that a failed run left behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn spawn(contender: &Contender, address: SocketAddr, arguments: &[OsString]) -> io::Result<Child> {
    Command::new(&contender.program)
        .args(["-a", &address.ip().to_string(), "-p", &address.port().to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| io::Error::other(format!("{}: {error}", contender.program.display())))
}

/// A port that was free a moment ago; both servers are started the same way, on a port given to them.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Builds the server in release mode and returns the executable that cargo names.
fn build_embus() -> io::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--package", "embus-server", "--bin", "embus"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()?;
    let messages = String::from_utf8_lossy(&output.stdout);
    messages.lines().rev().find_map(executable).ok_or_else(|| io::Error::other("cargo built no embus executable"))
}

/// The executable in one line of cargo's messages.
fn executable(message: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    message.get("executable")?.as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_in_cargos_messages() {
        let artifact = r#"{"reason":"compiler-artifact","executable":"/t/release/embus"}"#;
        assert_eq!(executable(artifact), Some("/t/release/embus".into()));
        assert_eq!(executable(r#"{"reason":"compiler-artifact","executable":null}"#), None);
        assert_eq!(executable("nonsense"), None);
    }
}
