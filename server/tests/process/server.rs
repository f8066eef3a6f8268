//! One `embus` process, and its output line by line.
//!
//! Nothing here sleeps: lines arrive over pipes, files are looked at again and again, both until a deadline.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// Far beyond what anything here takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A running process; killed when the test is over.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    /// Closes when the process ends.
    ended: Receiver<()>,
}

/// The executable with `words` as its arguments.
pub(crate) fn embus(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_embus"));
    command.args(words);
    command
}

impl Server {
    /// Starts a server at a free port of this machine and waits until it is ready.
    pub(crate) fn ready(words: &[&str]) -> Self {
        let server = Self::start(&[&["-a", "127.0.0.1", "-p", "-1"], words].concat());
        server.wait_for("Server is ready");
        server
    }

    /// Starts the executable and reads its standard error.
    pub(crate) fn start(words: &[&str]) -> Self {
        let mut server = Self::spawn(embus(words).stderr(Stdio::piped()));
        let stderr = server.child.stderr.take().expect("standard error is a pipe");
        let (sender, lines) = channel();
        thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        server.lines = lines;
        server
    }

    /// Starts `command` and does not touch its standard error.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the executable starts");
        let mut stdout = child.stdout.take().expect("standard output is a pipe");
        let (sender, ended) = channel();
        thread::spawn(move || {
            let _ = stdout.read_to_end(&mut Vec::new());
            drop(sender);
        });
        Self { child, lines: channel().1, ended }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed()).expect("a process id is not 0");
        kill_process(pid, signal).expect("the process is there");
    }

    /// The next line that contains `part`.
    #[track_caller]
    pub(crate) fn wait_for(&self, part: &str) -> String {
        let mut seen = String::new();
        let end = Instant::now() + DEADLINE;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if line.contains(part) {
                return line;
            }
            seen += &line;
            seen.push('\n');
        }
        panic!("no line with {part:?} came, but\n{seen}");
    }

    /// The process's exit status, and the lines not looked at yet.
    #[track_caller]
    pub(crate) fn wait_exit(mut self) -> (ExitStatus, Vec<String>) {
        let _ = self.ended.recv_timeout(DEADLINE);
        let status = self.child.try_wait().expect("the process can be waited for");
        let status = status.or_else(|| {
            // Its pipes close an instant before it is gone.
            poll(|| self.child.try_wait().expect("the process can be waited for"))
        });
        (status.expect("the process ended"), self.lines.iter().collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer.
pub(crate) fn poll<T>(mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        if let Some(answer) = question() {
            return Some(answer);
        }
        thread::yield_now();
    }
    None
}

/// The content of a file as soon as it contains `part`.
#[track_caller]
pub(crate) fn wait_for_file(path: &Path, part: &str) -> String {
    let text = || std::fs::read_to_string(path).ok().filter(|text| text.contains(part));
    poll(text).unwrap_or_else(|| panic!("{} never had {part:?}", path.display()))
}

/// The address at the end of a line.
#[track_caller]
pub(crate) fn address_in(line: &str) -> SocketAddr {
    let address = line.rsplit([' ', '/']).next().expect("a split has a last part");
    address.parse().unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

/// A client with its bare hands.
pub(crate) struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    /// Connects and reads the INFO.
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> (Self, String) {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("the time is not 0");
        let reader = BufReader::new(stream.try_clone().expect("a socket can be cloned"));
        let mut client = Self { stream, reader };
        let info = client.line();
        (client, info)
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("the server reads");
    }

    /// The next line that contains `part`.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, part: &str) -> String {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "closed, or silent, without {part:?}");
            if line.contains(part) {
                return line;
            }
        }
    }

    /// The next line; empty when the server closed, or was silent until the deadline.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.reader.read_line(&mut line);
        line
    }
}

/// Runs the executable to its end.
pub(crate) fn output(words: &[&str]) -> (i32, String, String) {
    let output = embus(words).stdin(Stdio::null()).output().expect("the executable starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    (output.status.code().expect("no signal ended it"), text(output.stdout), text(output.stderr))
}

/// A pipe whose reader is stuck and whose buffer is full; it stays so as long as the reader lives.
pub(crate) fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().expect("there are pipes");
    let mut filler = writer.try_clone().expect("a pipe can be cloned");
    thread::spawn(move || while filler.write_all(&[b'x'; 4096]).is_ok() {});
    (reader, writer)
}

/// A file that is there and cannot be a directory.
pub(crate) fn plain_file(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("plain");
    File::create(&path).expect("the directory is ours");
    path
}
