//! The same questions without a socket: an embedding program talks to its own broker.
//!
//! Everything runs in this process on a tokio runtime as an embedding program has it; the processor time is that of the
//! whole process, publisher and subscriber included.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use embus::{Broker, Client, Subject};
use futures_util::StreamExt as _;
use tokio::runtime::{Builder, Runtime};

pub mod bucket;
mod replay;

use crate::lane::Phase;
use crate::latency::Latencies;
use crate::process::CpuClock;
use crate::sample::{Metric, Sample, float};
use crate::scenario::Settings;

/// Payload of every message in bytes.
const PAYLOAD_BYTES: usize = 128;

/// Messages between two looks at the clock.
const MESSAGES_PER_LOOK: u64 = 256;

/// How long a broker may take to stop.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// One publisher and one subscriber, each in a task of its own.
    OneToOne,
    /// Two tasks that answer each other, one message in flight.
    RoundTrip,
    /// A publisher that nobody listens to.
    NoSubscriber,
    /// A stream of so many messages, read from its beginning.
    Replay {
        /// Messages in the stream, which is in files.
        messages: u64,
    },
    /// A bucket.
    Bucket(bucket::Question),
}

/// Answers `question` with a broker of its own.
pub fn run(question: Question, settings: &Settings) -> io::Result<Sample> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    if let Question::Replay { messages } = question {
        return replay::run(&runtime, messages, settings);
    }
    if let Question::Bucket(question) = question {
        return bucket::run(&runtime, question, settings);
    }
    let broker = runtime.block_on(Broker::builder().start()).map_err(io::Error::other)?;
    measure(&runtime, &broker, question, settings.warm_up)?;
    let sample = measure(&runtime, &broker, question, settings.measured);
    runtime.block_on(broker.shutdown(SHUTDOWN));
    sample
}

fn measure(runtime: &Runtime, broker: &Broker, question: Question, duration: Duration) -> io::Result<Sample> {
    let cpu = CpuClock::own();
    let before = cpu.now()?;
    let (sample, messages) = match question {
        Question::OneToOne => rates(runtime.block_on(one_to_one(broker, duration))?),
        Question::NoSubscriber => rates(runtime.block_on(no_subscriber(broker, duration))?),
        Question::Replay { .. } | Question::Bucket(_) => {
            return Err(io::Error::other("what needs a stream has a broker of its own"));
        }
        Question::RoundTrip => {
            let (latencies, round_trips) = runtime.block_on(round_trips(broker, duration))?;
            (latencies.add_to(Sample::default()), round_trips)
        }
    };
    let micros = cpu.since(before)?.as_secs_f64() * 1e6;
    Ok(sample.with(Metric::ServerCpuMicros, micros / float(messages)))
}

fn rates(phase: Phase) -> (Sample, u64) {
    let rate = float(phase.published) / phase.elapsed.as_secs_f64();
    (Sample::default().with(Metric::MessagesPerSecond, rate), phase.published)
}

async fn one_to_one(broker: &Broker, duration: Duration) -> io::Result<Phase> {
    let subject = Subject::from_static("load.relay");
    let mut subscriber = broker.client().subscribe(subject.clone()).await.map_err(io::Error::other)?;
    let receiving = tokio::spawn(async move {
        let mut received = 0;
        // An empty message is the last.
        while subscriber.next().await.is_some_and(|message| !message.payload.is_empty()) {
            received += 1;
        }
        received
    });
    let start = Instant::now();
    let client = broker.client();
    let published = tokio::spawn(publish_until(client.clone(), subject.clone(), start, duration)).await??;
    client.publish(subject, Bytes::new()).await.map_err(io::Error::other)?;
    let delivered: u64 = receiving.await?;
    let elapsed = start.elapsed();
    if delivered != published {
        return Err(io::Error::other(format!("{delivered} of {published} messages were delivered")));
    }
    Ok(Phase { published, delivered, elapsed })
}

async fn no_subscriber(broker: &Broker, duration: Duration) -> io::Result<Phase> {
    let start = Instant::now();
    let subject = Subject::from_static("load.nobody");
    let published = tokio::spawn(publish_until(broker.client(), subject, start, duration)).await??;
    Ok(Phase { published, delivered: 0, elapsed: start.elapsed() })
}

async fn publish_until(client: Client, subject: Subject, start: Instant, duration: Duration) -> io::Result<u64> {
    let payload = Bytes::from_static(&[b'x'; PAYLOAD_BYTES]);
    let mut published = 0;
    while start.elapsed() < duration {
        for _ in 0..MESSAGES_PER_LOOK {
            client.publish(subject.clone(), payload.clone()).await.map_err(io::Error::other)?;
        }
        published += MESSAGES_PER_LOOK;
    }
    Ok(published)
}

async fn round_trips(broker: &Broker, duration: Duration) -> io::Result<(Latencies, u64)> {
    let (ask, answer) = (Subject::from_static("load.ask"), Subject::from_static("load.answer"));
    let mut asked = broker.client().subscribe(ask.clone()).await.map_err(io::Error::other)?;
    let responder = broker.client();
    let back = answer.clone();
    let responding = tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            if responder.publish(back.clone(), message.payload).await.is_err() {
                break;
            }
        }
    });
    let asking = tokio::spawn(ask_until(broker.client(), ask, answer, duration));
    let result = asking.await?;
    responding.abort();
    result
}

async fn ask_until(client: Client, ask: Subject, answer: Subject, duration: Duration) -> io::Result<(Latencies, u64)> {
    let mut answers = client.subscribe(answer).await.map_err(io::Error::other)?;
    let payload = Bytes::from_static(&[b'x'; PAYLOAD_BYTES]);
    let (mut latencies, mut round_trips) = (Latencies::new()?, 0);
    let start = Instant::now();
    let mut now = start;
    while now - start < duration {
        client.publish(ask.clone(), payload.clone()).await.map_err(io::Error::other)?;
        answers.next().await.ok_or_else(|| io::Error::other("the answers ended"))?;
        let answered = Instant::now();
        latencies.record(answered - now);
        round_trips += 1;
        now = answered;
    }
    Ok((latencies, round_trips))
}
