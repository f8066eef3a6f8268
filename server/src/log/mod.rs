//! The log: lines of the form `[pid] 2026/11/20 16:06:35.597700 [INF] text`.
//!
//! Everything the library and this executable tell through `tracing` becomes a line. Lines are written by a thread of
//! its own from a bounded queue: whoever logs never waits for the terminal, pipe or disk at the other end.

mod layer;
mod line;
mod queue;
mod writer;

use std::{io, path::PathBuf, sync::Arc, thread, time::Duration};

use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use layer::LogLayer;
use line::Form;
use queue::Queue;
use writer::{Sink, Writer};

pub(crate) use layer::FATAL;

/// How to log.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Appended to; standard error without it.
    pub(crate) file: Option<PathBuf>,
    /// Lines have the time.
    pub(crate) time: bool,
    /// In UTC, not local time.
    pub(crate) utc: bool,
    /// `[DBG]` lines too.
    pub(crate) debug: bool,
}

/// A handle to the log of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    queue: Arc<Queue>,
    is_file: bool,
}

/// There is no log to write to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// Choose another file, or make its directory.
    #[error("error opening log file {}: {error}", path.display())]
    Open { path: PathBuf, error: io::Error },
    /// The system has no thread left.
    #[error("the log cannot be written: {0}")]
    Thread(#[from] io::Error),
}

impl Log {
    /// Opens the log and makes it the one `tracing` writes to.
    pub(crate) fn start(options: Options) -> Result<Self, LogError> {
        let (form, debug) = (Form::new(options.time, options.utc), options.debug);
        let log = Self::open(Sink::of(options.file), form.clone())?;
        let level = if debug { tracing::Level::DEBUG } else { tracing::Level::INFO };
        // Everything of ours has this prefix; of the libraries below only what went wrong is of interest.
        let targets = Targets::new().with_target("embus", level).with_default(tracing::Level::ERROR);
        let layer = LogLayer::new(form, Arc::clone(&log.queue));
        // A second log in one process would be a test's; the first one stays.
        let _ = tracing_subscriber::registry().with(targets).with(layer).try_init();
        Ok(log)
    }

    fn open(sink: Sink, form: Form) -> Result<Self, LogError> {
        let (queue, is_file) = (Arc::new(Queue::default()), sink.is_file());
        let mut writer = Writer::open(sink, form, Arc::clone(&queue))?;
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.run())?;
        Ok(Self { queue, is_file })
    }

    /// Opens the file again before the next line, because somebody moved it away. False if there is no file.
    pub(crate) fn reopen(&self) -> bool {
        if self.is_file {
            self.queue.reopen();
        }
        self.is_file
    }

    /// Waits until everything is written, but never longer than a stuck reader is worth.
    pub(crate) fn flush(&self) {
        self.queue.flush(FLUSH_TIME);
    }
}

/// Time for the last lines to be written when the process ends.
const FLUSH_TIME: Duration = Duration::from_secs(1);
