//! A client that lives as long as its server, and whose requests may be many at once.

use std::{
    fmt::Display,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::Value;

use crate::server::DEADLINE;

/// A connection that may break at any moment.
pub(super) struct Peer {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    /// It hears this subject and all below it.
    pub(super) inbox: String,
}

/// A message, without what is of no interest here.
pub(super) struct Received {
    /// What its subject has behind the inbox.
    pub(super) tag: String,
    /// Where it is answered.
    pub(super) reply: Option<String>,
    /// What follows `NATS/1.0` in the first line of its headers, if it has some.
    pub(super) status: Option<String>,
    pub(super) payload: String,
}

impl Peer {
    /// Connects, and hears what is sent to its inbox.
    pub(super) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let inbox = format!("inbox.{}", CONNECTED.fetch_add(1, Ordering::Relaxed));
        let mut peer = Self { reader: BufReader::new(stream.try_clone()?), stream, inbox };
        peer.line()?;
        let connect = "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n";
        peer.send(&format!("{connect}SUB {}.> 1\r\n", peer.inbox))?;
        Ok(peer)
    }

    pub(super) fn send(&self, text: &str) -> io::Result<()> {
        (&self.stream).write_all(text.as_bytes())
    }

    /// A message as it is sent; its answer comes to the inbox, with this tag.
    pub(super) fn with_reply(&self, tag: impl Display, subject: &str, payload: &str) -> String {
        format!("PUB {subject} {}.{tag} {}\r\n{payload}\r\n", self.inbox, payload.len())
    }

    /// The next line, which is whole.
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let whole = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(whole.to_owned())
    }

    /// The next message; nobody here sends line breaks in one.
    pub(super) fn receive(&mut self) -> io::Result<Received> {
        loop {
            let line = self.line()?;
            let subject = line.split(' ').nth(1).unwrap_or_default();
            let tag = subject.rsplit('.').next().unwrap_or_default().to_owned();
            let words: Vec<_> = line.split(' ').collect();
            let reply = |without: usize| (words.len() > without).then(|| words[3].to_owned());
            if line.starts_with("MSG ") {
                return Ok(Received { tag, reply: reply(4), status: None, payload: self.line()? });
            }
            if line.starts_with("HMSG ") {
                let reply = reply(5);
                let status = self.line()?.trim_start_matches("NATS/1.0").trim().to_owned();
                while !self.line()?.is_empty() {}
                return Ok(Received { tag, reply, status: Some(status), payload: self.line()? });
            }
        }
    }

    /// A request, and its answer.
    #[track_caller]
    pub(super) fn request(&mut self, subject: &str, body: &str) -> Value {
        self.send(&self.with_reply(0, subject, body)).expect("the server reads");
        let answer = self.receive().expect("the server answers");
        assert_eq!(answer.status, None, "{subject}");
        serde_json::from_str(&answer.payload).expect("answers are JSON")
    }

    /// Direct gets with these bodies, and the payloads that were found.
    #[track_caller]
    pub(super) fn direct_gets(&mut self, stream: &str, bodies: &[String]) -> Vec<Option<String>> {
        let mut found = Vec::new();
        let subject = format!("$JS.API.DIRECT.GET.{stream}");
        for some in bodies.chunks(AT_ONCE) {
            let requests: String = some.iter().map(|body| self.with_reply(0, &subject, body)).collect();
            self.send(&requests).expect("the server reads");
            for _ in some {
                let answer = self.receive().expect("the server answers");
                let is_message = answer.status.is_some_and(|status| status.is_empty());
                found.push(is_message.then_some(answer.payload));
            }
        }
        found
    }

    /// Makes a stream unless it is there.
    #[track_caller]
    pub(super) fn create(&mut self, name: &str, config: &str) {
        let reply = self.request(&format!("$JS.API.STREAM.CREATE.{name}"), config);
        assert!(reply["error"].is_null(), "{reply}");
    }
}

/// Requests in flight.
const AT_ONCE: usize = 100;
/// Connections so far, for inboxes of their own.
static CONNECTED: AtomicU64 = AtomicU64::new(0);
