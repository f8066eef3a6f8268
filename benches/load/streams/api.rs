//! Requests to the JetStream API, one at a time.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::connection::Connection;
use crate::streams::frames::Inbox;
use crate::streams::replies::Replies;

/// No pipeline has this one.
const INBOX: Inbox = Inbox(999);

/// A connection that asks and waits.
#[derive(Debug)]
pub(crate) struct Api {
    stream: TcpStream,
    replies: Replies,
}

impl Api {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let mut stream = Connection::open(address)?.into_stream();
        stream.write_all(&INBOX.subscribe())?;
        Ok(Self { stream, replies: Replies::default() })
    }

    /// Creates a stream; `config` holds further fields, each behind a comma.
    pub(crate) fn create(&mut self, name: &str, subjects: &str, config: &str) -> io::Result<()> {
        let body = create_body(name, subjects, config);
        self.ask(&format!("$JS.API.STREAM.CREATE.{name}"), &body).map(drop)
    }

    /// The last sequence of a stream and the number of messages in it.
    pub(crate) fn state(&mut self, name: &str) -> io::Result<(u64, u64)> {
        let info = self.ask(&format!("$JS.API.STREAM.INFO.{name}"), "")?;
        let number =
            |field| info["state"][field].as_u64().ok_or_else(|| io::Error::other(format!("no {field} in {info}")));
        Ok((number("last_seq")?, number("messages")?))
    }

    /// Creates a consumer of this name.
    pub(crate) fn create_consumer(&mut self, stream: &str, name: &str, config: &str) -> io::Result<()> {
        let body = format!(r#"{{"stream_name":"{stream}","config":{config}}}"#);
        self.ask(&format!("$JS.API.CONSUMER.CREATE.{stream}.{name}"), &body).map(drop)
    }

    /// What is known of a consumer.
    pub(crate) fn consumer(&mut self, stream: &str, name: &str) -> io::Result<Value> {
        self.ask(&format!("$JS.API.CONSUMER.INFO.{stream}.{name}"), "")
    }

    /// How many streams there are.
    pub(super) fn streams(&mut self) -> io::Result<u64> {
        let info = self.ask("$JS.API.INFO", "")?;
        info["streams"].as_u64().ok_or_else(|| io::Error::other(format!("no number of streams in {info}")))
    }

    fn ask(&mut self, subject: &str, body: &str) -> io::Result<Value> {
        self.stream.write_all(&INBOX.request(subject, body.as_bytes()))?;
        loop {
            if let Some(reply) = self.replies.take()? {
                let failed = || io::Error::other(format!("{subject}: {}", reply.payload.escape_ascii()));
                let answer: Value = serde_json::from_slice(reply.payload).map_err(|_| failed())?;
                return if answer["error"].is_null() { Ok(answer) } else { Err(failed()) };
            }
            self.replies.read(&self.stream)?;
        }
    }
}

/// The body of a request that creates a stream.
pub(super) fn create_body(name: &str, subjects: &str, config: &str) -> String {
    format!(r#"{{"name":"{name}","subjects":["{subjects}"]{config}}}"#)
}
