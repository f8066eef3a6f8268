//! What can be asked for on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use embus_benches::scenario::Settings;

/// Drives embus, and the nats-server that `NATS_SERVER` names, and compares what they take.
#[derive(Debug, Parser)]
#[command(name = "load")]
pub(crate) struct Arguments {
    /// Run only scenarios whose name contains one of these.
    filters: Vec<String>,
    /// Rounds of each scenario, in which the servers take turns; the report shows medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of the measured phase of each run.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// One short round with small counts, to see that everything works.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Threads of the load client for scenarios with several publishers.
    #[arg(long, default_value_t = 1)]
    client_threads: usize,
    /// Directory in which servers keep their streams; it should be on a disk.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    store: PathBuf,
    /// List the scenarios and stop.
    #[arg(long)]
    pub(crate) list: bool,
    /// Passed by `cargo bench`; without it or any other argument nothing runs, so `cargo test --benches` stays quick.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    /// Whether the scenario called `name` is asked for.
    pub(crate) fn selects(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter))
    }

    /// How many rounds to run.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    /// How long and how large the runs are.
    pub(crate) fn settings(&self) -> Settings {
        let measured = Duration::from_secs_f64(if self.quick { 0.2 } else { self.seconds });
        Settings {
            measured,
            warm_up: (measured / 4).max(Duration::from_millis(100)),
            client_threads: self.client_threads,
            idle_runtime: env!("CARGO_BIN_EXE_idle-runtime").into(),
            store: self.store.clone(),
        }
    }
}
