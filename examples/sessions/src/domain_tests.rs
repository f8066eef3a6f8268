//! The same against a broker inside, async-nats beside embus, and nats-server where there is one.

use super::super::stages;
use super::*;
use crate::pubsub::{publish, replay_history, subscribe};

fn chat() -> StreamConfig {
    let (name, subjects) = ("CHAT".to_owned(), vec!["chat.>".to_owned()]);
    StreamConfig { name, subjects, max_messages: 1000, max_age: Duration::from_secs(3600) }
}

#[tokio::test]
async fn listeners_get_values_and_who_comes_later_the_last_ones() {
    for stage in stages().await {
        let nats = Nats::open(stage.client.clone(), &[chat()]).await.unwrap();
        let mut numbers = subscribe::<u32>(&nats, "chat.*").await.unwrap().boxed();
        nats.publish("chat.lobby", "no number".into()).await.unwrap();
        for number in 0..60 {
            publish(&nats, "chat.lobby", &number).await.unwrap();
            assert_eq!(numbers.next().await, Some(number));
        }
        let context = nats.jetstream();
        while context.get_stream("CHAT").await.unwrap().cached_info().state.messages < 61 {}
        let last = replay_history::<u32>(&nats, "chat.lobby", 3).await.unwrap();
        assert_eq!(last, [57, 58, 59]);
        assert!(replay_history::<u32>(&nats, "chat.elsewhere", 3).await.unwrap().is_empty());
        assert!(replay_history::<u32>(&nats, "in.no.stream", 3).await.unwrap().is_empty());
        assert!(nats.client().publish("chat.lobby", "raw".into()).await.is_ok());
    }
}

#[tokio::test]
async fn a_stream_is_what_was_declared_last() {
    for stage in stages().await {
        let nats = Nats::open(stage.client.clone(), &[chat()]).await.unwrap();
        nats.ensure_stream(&StreamConfig { max_messages: 5, ..chat() }).await.unwrap();
        nats.ensure_stream(&StreamConfig { max_messages: 5, ..chat() }).await.unwrap();
        let stream = nats.jetstream().get_stream("CHAT").await.unwrap();
        assert_eq!(stream.cached_info().config.max_messages, 5);
    }
}

#[tokio::test]
async fn sessions_are_in_the_bucket_and_keep_changes_of_others() {
    for stage in stages().await {
        let nats = Nats::open(stage.client.clone(), &[]).await.unwrap();
        let sessions = nats.sessions(Duration::from_secs(3600)).await.unwrap();
        assert_eq!(sessions.load("0123").await.unwrap(), None);
        let set = |key: &str| vec![Change::Set(key.to_owned(), 1.into())];
        let (one, other) = tokio::join!(sessions.change("0123", set("a")), sessions.change("0123", set("b")));
        assert!(one.is_ok() && other.is_ok());
        let again = nats.sessions(Duration::from_secs(3600)).await.unwrap();
        assert_eq!(again.load("0123").await.unwrap().unwrap().into_keys().collect::<Vec<_>>(), ["a", "b"]);
        sessions.remove("0123").await.unwrap();
        assert_eq!(sessions.load("0123").await.unwrap(), None);
    }
}
