//! The thread that writes lines to where they go.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use super::{
    LogError, SharedForm,
    queue::Queue,
    syslog::{Daemon, Syslog},
};

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sink {
    Stderr,
    File(PathBuf),
    Syslog(Daemon),
}

impl Sink {
    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// A sink that is open.
pub(super) struct Target {
    pub(super) sink: Sink,
    out: Box<dyn Write + Send>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("sink", &self.sink).finish_non_exhaustive()
    }
}

impl Target {
    /// Opens the sink.
    pub(super) fn open(sink: Sink) -> Result<Self, LogError> {
        let out: Box<dyn Write + Send> = match &sink {
            Sink::Stderr => Box::new(io::stderr()),
            Sink::Syslog(daemon) => Box::new(Syslog::open(daemon.clone()).map_err(LogError::Syslog)?),
            Sink::File(path) => {
                Box::new(append_to(path).map_err(|error| LogError::Open { path: path.clone(), error })?)
            }
        };
        Ok(Self { sink, out })
    }
}

/// Takes batches from the queue as long as the process lives.
pub(super) struct Writer {
    target: Target,
    form: SharedForm,
    queue: Arc<Queue>,
}

impl Writer {
    pub(super) fn new(target: Target, form: SharedForm, queue: Arc<Queue>) -> Self {
        Self { target, form, queue }
    }

    /// Writes until the process ends.
    pub(super) fn run(&mut self) {
        loop {
            self.write_batch();
        }
    }

    fn write_batch(&mut self) {
        let mut batch = self.queue.take();
        let reopened = if batch.reopen { self.reopen() } else { Ok(()) };
        if let Err(error) = reopened {
            batch.lines += &self.line("ERR", &format!("The log file cannot be opened again: {error}"));
        }
        if batch.dropped > 0 {
            let text = format!("{} log lines were dropped: the log was not taken fast enough", batch.dropped);
            batch.lines += &self.line("WRN", &text);
        }
        // A log that cannot be written (a closed pipe, a full disk) is no reason to stop serving.
        let _ = self.target.out.write_all(batch.lines.as_bytes());
    }

    fn line(&self, level: &str, text: &str) -> String {
        self.form.read().unwrap_or_else(PoisonError::into_inner).line(level, text)
    }

    /// The file under the old name stays in use if there can be no new one.
    fn reopen(&mut self) -> io::Result<()> {
        if let Some(target) = self.queue.take_redirect() {
            self.target = target;
        } else if let Sink::File(path) = &self.target.sink {
            self.target.out = Box::new(append_to(path)?);
        }
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::RwLock};

    use super::super::line::Form;
    use super::*;

    fn writer(path: PathBuf) -> (Writer, Arc<Queue>) {
        let (queue, form) = (Arc::new(Queue::default()), Arc::new(RwLock::new(Form::new(false, true))));
        let target = Target::open(Sink::File(path)).expect("the file can be opened");
        (Writer::new(target, form, Arc::clone(&queue)), queue)
    }

    #[test]
    fn a_file_is_appended_to_and_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let (path, moved) = (directory.path().join("log"), directory.path().join("log.1"));
        fs::write(&path, "before\n").unwrap();
        let (mut writer, queue) = writer(path.clone());
        queue.push("one\n");
        writer.write_batch();
        fs::rename(&path, &moved).unwrap();
        queue.push("two\n");
        queue.reopen();
        writer.write_batch();
        assert_eq!(fs::read_to_string(&moved).unwrap(), "before\none\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    }

    #[test]
    fn lines_go_to_another_file_once_it_is_open() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (directory.path().join("one"), directory.path().join("other"));
        let (mut writer, queue) = writer(one.clone());
        queue.push("one\n");
        writer.write_batch();
        queue.redirect(Target::open(Sink::File(other.clone())).unwrap());
        queue.push("two\n");
        writer.write_batch();
        assert_eq!(fs::read_to_string(&one).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(&other).unwrap(), "two\n");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let sink = Sink::File(directory.path().to_owned());
        assert!(matches!(Target::open(sink), Err(LogError::Open { .. })));
    }
}
