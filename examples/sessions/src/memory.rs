//! Backends without a broker: for tests, and for programs that may forget everything.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use parking_lot::Mutex;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::pubsub::{Error, PubSub, Subscription};
use crate::session::{Change, Data, Store, apply};

/// Publish and subscribe within the process; keeps nothing.
#[derive(Debug)]
pub struct MemoryPubSub(Mutex<Option<broadcast::Sender<(String, Bytes)>>>);

/// Sessions that end with the process.
#[derive(Debug)]
pub struct MemoryStore {
    lifetime: Duration,
    sessions: Mutex<HashMap<String, (Instant, Data)>>,
}

impl Default for MemoryPubSub {
    fn default() -> Self {
        Self(Mutex::new(Some(broadcast::Sender::new(CAPACITY))))
    }
}

impl MemoryPubSub {
    fn sender(&self) -> Result<broadcast::Sender<(String, Bytes)>, Error> {
        self.0.lock().clone().ok_or_else(|| "it is closed".into())
    }
}

impl PubSub for MemoryPubSub {
    fn publish<'a>(&'a self, subject: &'a str, data: Bytes) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            // An error says only that nobody listens.
            drop(self.sender()?.send((subject.to_owned(), data)));
            Ok(())
        })
    }

    fn subscribe<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Subscription, Error>> {
        Box::pin(async move {
            let (filter, receiver) = (subject.to_owned(), self.sender()?.subscribe());
            let messages = stream::unfold(receiver, async |mut receiver| {
                loop {
                    match receiver.recv().await {
                        Ok(message) => return Some((message, receiver)),
                        // Who is that slow misses the oldest ones.
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return None,
                    }
                }
            });
            let wanted = messages
                .filter_map(move |(subject, data)| std::future::ready(matches(&filter, &subject).then_some(data)));
            Ok(wanted.boxed())
        })
    }

    fn replay<'a>(&'a self, _: &'a str, _: usize) -> BoxFuture<'a, Result<Vec<Bytes>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.0.lock().take();
        Box::pin(async { Ok(()) })
    }
}

fn matches(filter: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for wanted in filter.split('.') {
        match (wanted, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

impl MemoryStore {
    /// Sessions that are forgotten when nothing changed them for `lifetime`.
    pub fn new(lifetime: Duration) -> Self {
        Self { lifetime, sessions: Mutex::default() }
    }
}

impl Store for MemoryStore {
    fn load<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<Data>, Error>> {
        let sessions = self.sessions.lock();
        let alive = sessions.get(token).filter(|(touched, _)| touched.elapsed() < self.lifetime);
        let data = alive.map(|(_, data)| data.clone());
        Box::pin(async { Ok(data) })
    }

    fn change<'a>(&'a self, token: &'a str, changes: Vec<Change>) -> BoxFuture<'a, Result<(), Error>> {
        let mut sessions = self.sessions.lock();
        sessions.retain(|_, (touched, _)| touched.elapsed() < self.lifetime);
        let (touched, data) = sessions.entry(token.to_owned()).or_insert_with(|| (Instant::now(), Data::new()));
        *touched = Instant::now();
        apply(data, changes);
        Box::pin(async { Ok(()) })
    }

    fn remove<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.sessions.lock().remove(token);
        Box::pin(async { Ok(()) })
    }
}

/// Messages that wait for a slow listener.
const CAPACITY: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_those_of_nats() {
        for (filter, subject) in [("a.b", "a.b"), ("a.*", "a.b"), ("a.>", "a.b.c"), ("*.b", "a.b")] {
            assert!(matches(filter, subject), "{filter} {subject}");
        }
        for (filter, subject) in [("a.b", "a"), ("a", "a.b"), ("a.*", "a.b.c"), ("a.>", "a"), ("b.*", "a.b")] {
            assert!(!matches(filter, subject), "{filter} {subject}");
        }
    }

    #[tokio::test]
    async fn listeners_get_what_is_theirs_until_it_is_closed() {
        let pubsub = MemoryPubSub::default();
        let mut messages = pubsub.subscribe("chat.*").await.unwrap();
        pubsub.publish("other", "no".into()).await.unwrap();
        pubsub.publish("chat.lobby", "yes".into()).await.unwrap();
        pubsub.close().await.unwrap();
        assert_eq!(messages.next().await.unwrap(), "yes");
        assert!(messages.next().await.is_none());
        assert!(pubsub.publish("chat.lobby", "late".into()).await.is_err());
    }
}
