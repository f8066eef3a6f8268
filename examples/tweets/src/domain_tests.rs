//! The same against a broker inside, async-nats beside embus, and nats-server where there is one.

use std::pin::pin;

use super::super::stages;
use super::*;

/// The timeline once it has what is wanted.
async fn wait_for(tweets: &Tweets, is_wanted: impl Fn(&[Tweet]) -> bool) -> Vec<Tweet> {
    let mut states = pin!(tweets.timeline().await.unwrap());
    loop {
        let state = states.try_next().await.unwrap().expect("it goes on");
        if is_wanted(&state) {
            return state;
        }
    }
}

#[tokio::test]
async fn a_timeline_is_made_of_events() {
    for stage in stages().await {
        let tweets = Tweets::open(stage.client.clone()).await.unwrap();
        let subscriber = tokio::spawn(subscribe(tweets.clone()));
        let (id, sequence) = tweets.tweet("Ada", "hello world").await.unwrap();
        assert_eq!(sequence, 1);
        assert_eq!(tweets.like(&id, "Bob").await.unwrap(), Some(2));
        assert_eq!(tweets.like(&id, "Eve").await.unwrap(), Some(3));
        assert_eq!(tweets.like(&token(), "Eve").await.unwrap(), None);
        assert_eq!(tweets.like("*", "Eve").await.unwrap(), None);
        let timeline = wait_for(&tweets, |tweets| tweets.iter().any(|tweet| tweet.likes == 2)).await;
        assert_eq!(timeline[0].created.message, "hello world");

        let mut log = pin!(tweets.log(1).await.unwrap());
        let liked = log.try_next().await.unwrap().unwrap();
        assert_eq!((liked.sequence, liked.subject.as_str()), (2, LIKED));
        subscriber.abort();
    }
}

#[tokio::test]
async fn who_ends_between_delivery_and_acknowledgement_gets_the_event_again_and_counts_it_once() {
    for stage in stages().await {
        let tweets = Tweets::open(stage.client.clone()).await.unwrap();
        let (id, _) = tweets.tweet("Ada", "hello").await.unwrap();
        let mut deliveries = tweets.deliveries().await.unwrap();
        let created = deliveries.next().await.unwrap().unwrap();
        tweets.apply(&created).await.unwrap();
        created.double_ack().await.unwrap();
        tweets.like(&id, "Bob").await.unwrap();
        let liked = deliveries.next().await.unwrap().unwrap();
        tweets.apply(&liked).await.unwrap();
        drop(deliveries);

        let mut deliveries = tweets.deliveries().await.unwrap();
        let again = deliveries.next().await.unwrap().unwrap();
        assert_eq!(again.info().unwrap().stream_sequence, 2);
        assert!(again.info().unwrap().delivered > 1);
        tweets.apply(&again).await.unwrap();
        again.double_ack().await.unwrap();
        let timeline = wait_for(&tweets, |tweets| !tweets.is_empty()).await;
        assert_eq!((timeline[0].likes, timeline[0].seen), (1, 2));
    }
}

#[tokio::test]
async fn what_is_no_event_is_passed_over() {
    for stage in stages().await {
        let tweets = Tweets::open(stage.client.clone()).await.unwrap();
        let subscriber = tokio::spawn(subscribe(tweets.clone()));
        for nonsense in ["", "{}", r#"{"id":"a.*","message":"","date":"2026-01-01T00:00:00Z","author":""}"#] {
            stage.client.publish(CREATED, nonsense.into()).await.unwrap();
        }
        tweets.tweet("Ada", "an event").await.unwrap();
        let timeline = wait_for(&tweets, |tweets| !tweets.is_empty()).await;
        assert_eq!(timeline.len(), 1);
        subscriber.abort();
    }
}
