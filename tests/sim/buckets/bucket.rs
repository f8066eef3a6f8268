//! A bucket as programs see it, over the messages of a client in the broker's process: a call is published with a reply, and
//! done when the simulation has taken in its answer.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use embus_engine::{Headers, LocalClient, LocalSubscription, Message, QueueBounds};
use embus_kv::backend::{self, Append, Backend, BackendError, Begun, Failure, From, Messages, Stored, Watched};
use embus_kv::{Operation, Refusal};
use embus_protocol::headers::{HeaderMap, block};
use embus_protocol::subject::Subject;
use futures_util::Stream;
use serde_json::{Value, json};
use time::OffsetDateTime;

pub(super) const STREAM: &str = "KV_b";
pub(super) const PREFIX: &str = "$KV.b.";

/// A handle; clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct SimBucket {
    client: Arc<LocalClient>,
    post: Arc<Mutex<Post>>,
}

/// Answers that came, and the number of the last call.
#[derive(Debug, Default)]
struct Post {
    last: u64,
    answers: BTreeMap<u64, Answer>,
}

#[derive(Debug)]
pub(super) struct Answer {
    headers: Bytes,
    pub(super) payload: Bytes,
}

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub(super) struct Refused {
    failure: Failure,
    text: String,
}

impl BackendError for Refused {
    fn failure(&self) -> Failure {
        self.failure
    }
}

impl SimBucket {
    pub(super) fn new(client: Arc<LocalClient>) -> Self {
        Self { client, post: Arc::default() }
    }

    /// Takes in an answer.
    pub(super) fn deliver(&self, message: &Message) {
        let number = message.subject.rsplit('.').next().and_then(|number| number.parse().ok());
        let number = number.expect("answers come to reply subjects");
        let answer = Answer { headers: message.headers().to_block(), payload: message.payload.clone() };
        let before = self.post().answers.insert(number, answer);
        assert!(before.is_none(), "a second answer to call {number}");
    }

    /// Publishes a call at once.
    pub(super) fn ask(&self, subject: &str, headers: HeaderMap, payload: Bytes) -> Call {
        let number = {
            let mut post = self.post();
            post.last += 1;
            post.last
        };
        let reply = Subject::from(format!("{INBOX}.{number}"));
        let headers = if headers.is_empty() { Headers::None } else { Headers::Map(headers) };
        let message = Message::new(Subject::from(subject), Some(reply), headers, payload);
        let _ = self.client.publish(message).expect("nothing is wrong with the message");
        Call { post: Arc::clone(&self.post), number }
    }

    async fn ask_json(&self, subject: &str, payload: String) -> Result<Value, Refused> {
        let answer = self.ask(subject, HeaderMap::new(), payload.into()).await;
        parsed(&answer.payload)
    }

    async fn get(&self, subject: &str, payload: String) -> Option<(String, Stored)> {
        let answer = self.ask(subject, HeaderMap::new(), payload.into()).await;
        if answer.headers.starts_with(b"NATS/1.0 404") {
            return None;
        }
        let text =
            |name: &str| String::from_utf8_lossy(block::value(&answer.headers, name).unwrap_or_default()).into_owned();
        let revision = text("Nats-Sequence").parse().expect("an answer with a sequence");
        let operation = Operation::of(|name| block::value(&answer.headers, name.as_str()));
        let created = OffsetDateTime::UNIX_EPOCH;
        Some((text("Nats-Subject"), Stored { revision, created, operation, value: answer.payload }))
    }

    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was published.
#[derive(Debug)]
pub(super) struct Call {
    post: Arc<Mutex<Post>>,
    number: u64,
}

impl Future for Call {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Answer> {
        let answer = self.post.lock().unwrap_or_else(PoisonError::into_inner).answers.remove(&self.number);
        answer.map_or(Poll::Pending, Poll::Ready)
    }
}

fn parsed(payload: &[u8]) -> Result<Value, Refused> {
    let answer: Value = serde_json::from_slice(payload).expect("answers are JSON");
    let error = &answer["error"];
    if error.is_null() {
        return Ok(answer);
    }
    let (code, text) = (error["err_code"].as_u64().unwrap_or(0), error["description"].as_str().unwrap_or_default());
    let refusal = Refusal::of(code, text).map_or(Failure::Other, Failure::Refused);
    let failure = if matches!(code, 10_071 | 10_164) { Failure::WrongRevision } else { refusal };
    Err(Refused { failure, text: text.to_owned() })
}

impl Backend for SimBucket {
    type Error = Refused;
    type Messages = SimMessages;

    fn bucket(&self) -> &'static str {
        "b"
    }

    fn prefix(&self) -> &'static str {
        PREFIX
    }

    async fn append(&self, append: Append) -> Result<u64, Refused> {
        let Append { subject, headers, value } = append;
        let answer = self.ask(&subject, headers, value).await;
        Ok(parsed(&answer.payload)?["seq"].as_u64().expect("an acknowledgement has a sequence"))
    }

    async fn last(&self, subject: &str) -> Result<Option<Stored>, Refused> {
        let found = self.get(&format!("$JS.API.DIRECT.GET.{STREAM}.{subject}"), String::new()).await;
        Ok(found.map(|(_, stored)| stored))
    }

    async fn at(&self, subject: &str, revision: u64) -> Result<Option<Stored>, Refused> {
        let body = json!({ "seq": revision }).to_string();
        let found = self.get(&format!("$JS.API.DIRECT.GET.{STREAM}"), body).await;
        Ok(found.filter(|(of, _)| of == subject).map(|(_, stored)| stored))
    }

    async fn watch(&self, watched: Watched) -> Result<Begun<SimMessages>, Refused> {
        let inbox = {
            let mut post = self.post();
            post.last += 1;
            format!("_INBOX.watch.{}", post.last)
        };
        let bounds = QueueBounds { messages: 1 << 20, bytes: 1 << 30 };
        let subscription =
            self.client.subscribe(&Subject::from(inbox.as_str()), None, bounds).expect("the client is new");
        let info = self.ask_json(&format!("$JS.API.STREAM.INFO.{STREAM}"), String::new()).await?;
        let last_revision = info["state"]["last_seq"].as_u64().expect("a stream has a last sequence");
        let body = consumer(&inbox, &watched).to_string();
        let made = self.ask_json(&format!("$JS.API.CONSUMER.CREATE.{STREAM}"), body).await?;
        let pending = made["num_pending"].as_u64().expect("a consumer says what is pending");
        let name = made["name"].as_str().expect("a consumer has a name").to_owned();
        let messages = SimMessages { bucket: self.clone(), subscription, name, read: 0, check: None };
        Ok(Begun { messages, pending, last_revision })
    }
}

fn consumer(inbox: &str, watched: &Watched) -> Value {
    let Watched { filters, from, keys_only } = watched;
    let (policy, start) = match from {
        From::Now => ("new", None),
        From::Last => ("last_per_subject", None),
        From::First => ("all", None),
        From::Revision(revision) => ("by_start_sequence", Some(*revision)),
    };
    json!({ "stream_name": STREAM, "config": {
        "deliver_subject": inbox, "deliver_policy": policy, "opt_start_seq": start, "ack_policy": "none",
        "filter_subjects": filters, "headers_only": keys_only, "max_deliver": 1, "mem_storage": true, "num_replicas": 1,
        "replay_policy": "instant",
    }})
}

/// What a consumer delivers.
pub(super) struct SimMessages {
    bucket: SimBucket,
    subscription: LocalSubscription,
    /// The consumer.
    name: String,
    /// How many messages of it were read.
    read: u64,
    /// Whether it has anything left.
    check: Option<Call>,
}

impl Stream for SimMessages {
    type Item = Result<backend::Message, Refused>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.subscription.poll_next(cx).map(|message| {
            let message = message?;
            this.read += 1;
            this.check = None;
            Some(Ok(entry(&message)))
        })
    }
}

/// The reply says it: `$JS.ACK.stream.consumer.deliveries.sequence.number.time.pending`.
fn entry(message: &Message) -> backend::Message {
    let reply = message.reply().expect("a consumer delivers with a reply");
    let number = |place: usize| reply.split('.').nth(place).and_then(|token| token.parse().ok());
    let (revision, pending) = (number(5).expect("a sequence"), number(8).expect("what is pending"));
    let headers = message.headers().to_block();
    let operation = Operation::of(|name| block::value(&headers, name.as_str()));
    let stored = Stored { revision, created: OffsetDateTime::UNIX_EPOCH, operation, value: message.payload.clone() };
    backend::Message { subject: message.subject.clone(), stored, pending }
}

impl Messages for SimMessages {
    type Error = Refused;

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { bucket, name, check, read, .. } = self;
        let call = check.get_or_insert_with(|| {
            bucket.ask(&format!("$JS.API.CONSUMER.INFO.{STREAM}.{name}"), HeaderMap::new(), Bytes::new())
        });
        let Poll::Ready(answer) = Pin::new(call).poll(cx) else { return Poll::Pending };
        *check = None;
        let is_idle = parsed(&answer.payload)
            .is_ok_and(|info| info["num_pending"] == 0 && info["delivered"]["consumer_seq"] == *read);
        if is_idle { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Where answers come to.
pub(super) const INBOX: &str = "_INBOX.sim";
