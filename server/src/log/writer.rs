//! The thread that writes lines to where they go.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{LogError, line::Form, queue::Queue};

/// Where lines go.
#[derive(Debug)]
pub(super) enum Sink {
    Stderr,
    File(PathBuf),
}

impl Sink {
    pub(super) fn of(file: Option<PathBuf>) -> Self {
        file.map_or(Self::Stderr, Self::File)
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// Takes batches from the queue as long as the process lives.
pub(super) struct Writer {
    sink: Sink,
    out: Box<dyn Write + Send>,
    form: Form,
    queue: Arc<Queue>,
}

impl Writer {
    /// Opens the sink.
    pub(super) fn open(sink: Sink, form: Form, queue: Arc<Queue>) -> Result<Self, LogError> {
        let out: Box<dyn Write + Send> = match &sink {
            Sink::Stderr => Box::new(io::stderr()),
            Sink::File(path) => {
                Box::new(append_to(path).map_err(|error| LogError::Open { path: path.clone(), error })?)
            }
        };
        Ok(Self { sink, out, form, queue })
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
            batch.lines += &self.form.line("ERR", &format!("The log file cannot be opened again: {error}"));
        }
        if batch.dropped > 0 {
            let text = format!("{} log lines were dropped: the log was not taken fast enough", batch.dropped);
            batch.lines += &self.form.line("WRN", &text);
        }
        // A log that cannot be written (a closed pipe, a full disk) is no reason to stop serving.
        let _ = self.out.write_all(batch.lines.as_bytes());
    }

    /// The file under the old name stays in use if there can be no new one.
    fn reopen(&mut self) -> io::Result<()> {
        if let Sink::File(path) = &self.sink {
            self.out = Box::new(append_to(path)?);
        }
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_appended_to_and_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let (path, moved) = (directory.path().join("log"), directory.path().join("log.1"));
        fs::write(&path, "before\n").unwrap();
        let queue = Arc::new(Queue::default());
        let form = Form::new(false, true);
        let mut writer = Writer::open(Sink::File(path.clone()), form, Arc::clone(&queue)).unwrap();
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
    fn a_file_that_cannot_be_opened_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let sink = Sink::File(directory.path().to_owned());
        assert!(matches!(
            Writer::open(sink, Form::new(false, true), Arc::new(Queue::default())),
            Err(LogError::Open { .. })
        ));
    }
}
