//! The log: lines of the form `[pid] 2026/11/20 16:06:35.597700 [INF] text`.
//!
//! Everything the library and this executable tell through `tracing` becomes a line. Lines are written by a thread of
//! its own from a bounded queue: whoever logs never waits for the terminal, pipe or disk at the other end.

mod layer;
mod line;
mod queue;
mod syslog;
mod writer;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tracing_subscriber::{Registry, filter::Targets, layer::SubscriberExt, reload, util::SubscriberInitExt};

use layer::LogLayer;
use line::Form;
use queue::Queue;
use writer::{Sink, Target, Writer};

pub(crate) use layer::FATAL;
pub(crate) use syslog::{Daemon, InvalidDaemon};

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "options are independent")]
pub(crate) struct Options {
    /// Appended to; standard error without it.
    pub(crate) file: Option<PathBuf>,
    /// Lines have the time.
    pub(crate) time: bool,
    /// In UTC, not local time.
    pub(crate) utc: bool,
    /// `[DBG]` lines too.
    pub(crate) debug: bool,
    /// What clients say and hear.
    pub(crate) trace: bool,
    /// Instead of standard error, unless there is a file.
    pub(crate) syslog: Option<Daemon>,
}

impl Options {
    fn sink(&self) -> Sink {
        match (&self.file, &self.syslog) {
            (Some(path), _) => Sink::File(path.clone()),
            (None, Some(daemon)) => Sink::Syslog(daemon.clone()),
            (None, None) => Sink::Stderr,
        }
    }

    fn form(&self) -> Form {
        match self.sink() {
            Sink::Syslog(daemon) => Form::of_syslog(daemon != Daemon::Local),
            Sink::Stderr | Sink::File(_) => Form::new(self.time, self.utc),
        }
    }

    /// Everything of ours has this prefix; of the libraries below only what went wrong is of interest.
    fn targets(&self) -> Targets {
        let level = if self.debug { tracing::Level::DEBUG } else { tracing::Level::INFO };
        let targets = Targets::new().with_target("embus", level).with_default(tracing::Level::ERROR);
        if self.trace { targets.with_target(PROTOCOL, tracing::Level::TRACE) } else { targets }
    }

    /// What differs from other options, as nats-server's log has it.
    pub(crate) fn changes(&self, before: &Self) -> Vec<String> {
        let file = |options: &Self| options.file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let all = [
            (self.trace != before.trace).then(|| format!("trace = {}", self.trace)),
            (self.debug != before.debug).then(|| format!("debug = {}", self.debug)),
            (self.time != before.time).then(|| format!("logtime = {}", self.time)),
            (self.utc != before.utc).then(|| format!("logtime_utc = {}", self.utc)),
            (self.syslog != before.syslog).then(|| format!("syslog = {}", self.syslog.is_some())),
            (self.file != before.file).then(|| format!("log_file = {}", file(self))),
        ];
        all.into_iter().flatten().collect()
    }
}

/// A handle to the log of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    queue: Arc<Queue>,
    form: SharedForm,
    is_file: Arc<AtomicBool>,
    level: Option<reload::Handle<Targets, Registry>>,
}

/// What all lines have in common, as it is now.
type SharedForm = Arc<RwLock<Form>>;

/// Other options, with all that can fail done.
#[derive(Debug)]
pub(crate) struct Prepared {
    options: Options,
    /// Only if lines go elsewhere.
    target: Option<Target>,
}

/// There is no log to write to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// Choose another file, or make its directory.
    #[error("error opening log file {}: {error}", path.display())]
    Open { path: PathBuf, error: io::Error },
    /// Start the daemon, or correct its address.
    #[error("error connecting to syslog: {0}")]
    Syslog(#[source] io::Error),
    /// The system has no thread left.
    #[error("the log cannot be written: {0}")]
    Thread(#[from] io::Error),
}

impl Log {
    /// Opens the log and makes it the one `tracing` writes to.
    pub(crate) fn start(options: &Options) -> Result<Self, LogError> {
        let mut log = Self::open(Target::open(options.sink())?, options.form())?;
        let (filter, level) = reload::Layer::new(options.targets());
        let layer = LogLayer::new(Arc::clone(&log.form), Arc::clone(&log.queue));
        // A second log in one process would be a test's; the first one stays.
        let _ = tracing_subscriber::registry().with(filter).with(layer).try_init();
        log.level = Some(level);
        Ok(log)
    }

    fn open(target: Target, form: Form) -> Result<Self, LogError> {
        let (queue, is_file, form) = (Arc::new(Queue::default()), target.sink.is_file(), Arc::new(RwLock::new(form)));
        let mut writer = Writer::new(target, Arc::clone(&form), Arc::clone(&queue));
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.run())?;
        Ok(Self { queue, form, is_file: Arc::new(AtomicBool::new(is_file)), level: None })
    }

    /// Does what can fail of other options; nothing has changed yet.
    pub(crate) fn prepare(present: &Options, options: Options) -> Result<Prepared, LogError> {
        let is_elsewhere = present.sink() != options.sink();
        let target = if is_elsewhere { Some(Target::open(options.sink())?) } else { None };
        Ok(Prepared { options, target })
    }

    /// Has other options hold from the next line on.
    pub(crate) fn apply(&self, Prepared { options, target }: Prepared) {
        *self.form.write().unwrap_or_else(PoisonError::into_inner) = options.form();
        if let Some(level) = &self.level {
            // It lives as long as the process does.
            let _ = level.modify(|targets| *targets = options.targets());
        }
        if let Some(target) = target {
            self.is_file.store(target.sink.is_file(), Ordering::Relaxed);
            self.queue.redirect(target);
        }
    }

    /// Opens the file again before the next line, because somebody moved it away. False if there is no file.
    pub(crate) fn reopen(&self) -> bool {
        let is_file = self.is_file.load(Ordering::Relaxed);
        if is_file {
            self.queue.reopen();
        }
        is_file
    }

    /// Waits until everything is written, but never longer than a stuck reader is worth.
    pub(crate) fn flush(&self) {
        self.queue.flush(FLUSH_TIME);
    }
}

/// The target of what clients say and hear.
const PROTOCOL: &str = "embus::protocol";

/// Time for the last lines to be written when the process ends.
const FLUSH_TIME: Duration = Duration::from_secs(1);
