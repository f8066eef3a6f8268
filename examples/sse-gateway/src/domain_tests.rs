//! The same against a broker inside, async-nats beside embus, and nats-server where there is one.

use std::pin::pin;

use super::super::stages;
use super::*;

async fn next(events: &mut (impl Stream<Item = Result<Event, nats::Error>> + Unpin)) -> Event {
    events.next().await.expect("it goes on").expect("the stream is there")
}

#[tokio::test]
async fn every_start_begins_where_it_says() {
    for stage in stages().await {
        let events = Events::open(stage.client.clone()).await.unwrap();
        for text in ["one", "two", "three"] {
            events.publish("ada", text.to_owned()).await.unwrap();
        }
        let mut new = pin!(events.follow("ada", Start::New).await.unwrap());
        let mut all = pin!(events.follow("ada", Start::All).await.unwrap());
        let mut last = pin!(events.follow("ada", Start::Last).await.unwrap());
        let mut after = pin!(events.follow("ada", Start::After(1)).await.unwrap());
        assert_eq!(next(&mut all).await.text, "one");
        assert_eq!(next(&mut last).await.text, "three");
        assert_eq!(next(&mut after).await.sequence, 2);
        events.publish("ada", "four".to_owned()).await.unwrap();
        assert_eq!(next(&mut new).await.text, "four");
        assert_eq!(next(&mut last).await.text, "four");
    }
}

#[tokio::test]
async fn nobody_sees_events_of_others() {
    for stage in stages().await {
        let events = Events::open(stage.client.clone()).await.unwrap();
        events.publish("bob", "not for ada".to_owned()).await.unwrap();
        let sequence = events.publish("ada", "for ada".to_owned()).await.unwrap();
        let mut all = pin!(events.follow("ada", Start::All).await.unwrap());
        assert_eq!(next(&mut all).await.sequence, sequence);
    }
}

#[tokio::test]
async fn a_consumer_goes_with_its_reader() {
    for stage in stages().await {
        let events = Events::open(stage.client.clone()).await.unwrap();
        let mut counts = pin!(events.consumers().await.unwrap());
        assert_eq!(counts.next().await, Some(0));
        let reader = events.follow("ada", Start::New).await.unwrap();
        assert_eq!(counts.next().await, Some(1));
        drop(reader);
        while counts.next().await != Some(0) {}
    }
}

#[test]
fn users_are_plain_words() {
    for good in ["ada", "Ada-7_x"] {
        assert!(is_user(good), "{good}");
    }
    for bad in ["", "a.b", "*", ">", "a b", "ä", "../x", &"a".repeat(65)] {
        assert!(!is_user(bad), "{bad}");
    }
}
