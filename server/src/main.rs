//! The executable `embus`: a broker as a process, called, watched and stopped the way `nats-server` is.
//!
//! Here and nowhere else are the command line, signals, log lines, pid and ports files, and exit codes; the broker
//! itself is the library `embus`. A link named `nats-server` that points at this executable serves the scripts and
//! test harnesses that look for that name.

mod args;
mod exit;
mod file_limit;
mod flags;
mod listen;
mod log;
mod pid_file;
mod ports_file;
mod program;
mod run;
mod signal_tool;
mod signals;

use std::{env, io::Write, process::ExitCode};

use args::Command;
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
        Ok(Command::Serve(settings)) => run::run(&settings, &program),
        Err(error) => program.fail(&error),
    }
}

/// Writes to standard output. A reader that is gone is no failure of ours.
fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
    ExitCode::SUCCESS
}
