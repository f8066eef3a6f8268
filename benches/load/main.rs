//! End-to-end load bench: how much processor time, time and memory does embus take beside nats-server?
//!
//! Run it with `cargo bench -p embus-benches --bench load -- [filters] [options]`; `benches/README.md` has the method.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
mod arguments;
#[cfg(target_os = "linux")]
mod rounds;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    use clap::Parser as _;

    if std::env::args_os().len() == 1 {
        println!("load: not started by `cargo bench`, nothing measured");
        return ExitCode::SUCCESS;
    }
    match rounds::run(&arguments::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    println!("load: reads processor time and memory where Linux keeps them, nothing measured");
    ExitCode::SUCCESS
}
