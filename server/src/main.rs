//! The executable `embus`: a broker as a process, called, watched and stopped the way `nats-server` is.
//!
//! Here and nowhere else are the command line, signals, log lines, pid and ports files, and exit codes; the broker
//! itself is the library `embus`. A link named `nats-server` that points at this executable serves the scripts and
//! test harnesses that look for that name.

mod account;
mod args;
mod configuration;
mod directives;
mod exit;
mod file_limit;
mod flags;
mod listen;
mod log;
mod login;
mod operators;
mod pid_file;
mod places;
mod ports_file;
mod program;
mod run;
mod settings;
mod signal_tool;
mod signals;
mod tls;
mod transports;
mod websocket;

use std::{env, fmt::Display, io::Write, path::Path, process::ExitCode};

use args::{Command, Flags};
use configuration::Configuration;
use program::Program;
use settings::Settings;

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
    let configuration = match flags.config.as_deref().map(Configuration::open).transpose() {
        Ok(configuration) => configuration.unwrap_or_default(),
        Err(error) => return program.fail(&error),
    };
    if flags.check {
        return program.tell(&format!("configuration file {} is valid ({})", shown(&flags), configuration.digest));
    }
    let file = flags.config.as_ref().map(|_| format!("{} ({})", shown(&flags), configuration.digest));
    run::run(&Settings::new(flags, configuration.config), file.as_deref(), program)
}

fn shown(flags: &Flags) -> impl Display {
    flags.config.as_deref().unwrap_or(Path::new("")).display()
}

/// Writes to standard output. A reader that is gone is no failure of ours.
fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
    ExitCode::SUCCESS
}
