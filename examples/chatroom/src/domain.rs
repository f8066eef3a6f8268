//! Rooms are subjects, history is a stream, and who looks at a room reads both as one: the last messages, then those to
//! come.
//!
//! A message is its text; who wrote it stands in a header. So other clients write along with no more than
//! `nats pub chat.lobby 'hello' -H 'Author: Ada'`, and read along with `nats sub 'chat.>'`.

use std::time::Duration;

use futures_util::stream::{Stream, StreamExt, TryStreamExt};
use time::OffsetDateTime;

use super::nats;
use nats::HeaderMap;
use nats::jetstream::{self, consumer, stream};

/// All rooms.
#[derive(Debug, Clone)]
pub struct Chat {
    context: jetstream::Context,
    stream: stream::Stream,
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place in the stream of all rooms.
    pub sequence: u64,
    /// Who said it; nobody knows, if a client did not say.
    pub author: Option<String>,
    /// What it was.
    pub text: String,
    /// When it was stored.
    pub time: OffsetDateTime,
}

/// Where somebody who looks at a room begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the last messages.
    Recent,
    /// Behind this one.
    After(u64),
}

/// A room that has messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its name.
    pub name: String,
    /// Its messages.
    pub messages: usize,
}

impl Chat {
    /// The stream is made if it is not there.
    pub async fn open(client: nats::Client) -> Result<Self, nats::Error> {
        let context = jetstream::new(client);
        let config = stream::Config {
            name: "CHAT".to_owned(),
            subjects: vec!["chat.>".to_owned()],
            max_messages: 1000,
            max_age: Duration::from_secs(24 * 3600),
            ..Default::default()
        };
        let stream = context.get_or_create_stream(config).await?;
        Ok(Self { context, stream })
    }

    /// Says `text` in a room; it is on the disk when this returns.
    pub async fn say(&self, room: &str, author: &str, text: String) -> Result<u64, nats::Error> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHOR, author);
        let ack = self.context.publish_with_headers(subject(room), headers, text.into()).await?.await?;
        Ok(ack.sequence)
    }

    /// What is said in a room, without gap, without end, and nothing twice: one consumer reads history and what follows.
    pub async fn listen(
        &self,
        room: &str,
        start: Start,
    ) -> Result<impl Stream<Item = Result<Line, nats::Error>> + Send + use<>, nats::Error> {
        let deliver_policy = match start {
            Start::Recent => consumer::DeliverPolicy::All,
            Start::After(sequence) => {
                consumer::DeliverPolicy::ByStartSequence { start_sequence: sequence.saturating_add(1) }
            }
        };
        let config =
            consumer::pull::OrderedConfig { filter_subject: subject(room), deliver_policy, ..Default::default() };
        let messages = self.stream.create_consumer(config).await?.messages().await?;
        let lines = messages.map(|message| read(&message?));
        let recent = lines.try_skip_while(move |(_, behind)| {
            std::future::ready(Ok(start == Start::Recent && *behind >= RECENT_MESSAGES))
        });
        Ok(recent.map_ok(|(line, _)| line))
    }

    /// The rooms that have messages, by name.
    pub async fn rooms(&self) -> Result<Vec<Room>, nats::Error> {
        let mut subjects = self.stream.info_with_subjects("chat.*").await?;
        let mut rooms = Vec::new();
        while let Some((subject, messages)) = subjects.try_next().await? {
            if let Some(name) = subject.strip_prefix("chat.") {
                rooms.push(Room { name: name.to_owned(), messages });
            }
        }
        rooms.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rooms)
    }
}

/// A message, and how many lie behind it in its room.
fn read(message: &jetstream::Message) -> Result<(Line, u64), nats::Error> {
    let info = message.info()?;
    let author = message.headers.as_ref().and_then(|headers| headers.get(AUTHOR));
    let line = Line {
        sequence: info.stream_sequence,
        author: author.map(|author| author.as_str().to_owned()),
        text: String::from_utf8_lossy(&message.payload).into_owned(),
        time: info.published,
    };
    Ok((line, info.pending))
}

/// Whether `name` can be one token of a subject, and is easy to type.
pub fn is_room(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= MAX_ROOM_BYTES && name.bytes().all(is_plain)
}

fn subject(room: &str) -> String {
    format!("chat.{room}")
}

const AUTHOR: &str = "Author";
/// How much of a room's history is shown.
const RECENT_MESSAGES: u64 = 50;
const MAX_ROOM_BYTES: usize = 32;

#[cfg(test)]
#[path = "domain_tests.rs"]
mod tests;
