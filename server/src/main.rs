//! The executable `embus`: a broker as a process, called, watched and stopped the way `nats-server` is.
//!
//! Here and nowhere else are the command line, signals, log lines, pid and ports files, and exit codes; the broker
//! itself is the library `embus`. A link named `nats-server` that points at this executable serves the scripts and
//! test harnesses that look for that name.

mod account;
mod args;
mod broker;
mod configuration;
mod directives;
mod exit;
mod file_limit;
mod flags;
mod listen;
mod log;
mod login;
mod operators;
mod origin;
mod pid_file;
mod places;
mod ports_file;
mod program;
mod reload;
mod run;
mod settings;
mod signal_tool;
mod signals;
mod tls;
mod transports;
mod websocket;

use std::{env, io::Write, process::ExitCode};

use args::{Command, Flags};
use origin::Origin;
use program::Program;

fn main() -> ExitCode {
    let mut words = env::args_os();
    let program = Program::of(words.next().as_deref());
    match args::parse(words) {
        Ok(Command::Help(text)) => print(&text),
        Ok(Command::Version) => print(&program.version()),
        Ok(Command::Signal(request)) => match signal_tool::send(&request, &program) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => program.fail(&error),
        },
        Ok(Command::Serve(flags)) => serve(*flags, &program),
        Err(error) => program.fail(&error),
    }
}

/// Is a server, or looks only whether the configuration file could be followed.
fn serve(flags: Flags, program: &Program) -> ExitCode {
    let (check, origin) = (flags.check, Origin::new(flags));
    let settings = match origin.read() {
        Ok(settings) => settings,
        Err(error) => return program.fail(&error),
    };
    let file = origin.file().map(|path| path.display().to_string()).unwrap_or_default();
    if check {
        return program.tell(&format!("configuration file {file} is valid ({})", settings.digest));
    }
    run::run(settings, &origin, program)
}

/// Writes to standard output. A reader that is gone is no failure of ours.
fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
    ExitCode::SUCCESS
}
