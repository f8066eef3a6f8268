//! Replays, and ordered consumers in the process: each message once and in order, whatever happens to the consumer, and no
//! silent end.

use embus::Broker;
use embus::jetstream::consumer::{pull, push};
use embus::jetstream::stream::{Config, Replay, ReplayErrorKind, ReplayFrom, Stream};
use embus::jetstream::{self, Context};
use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt};

use crate::support::{STOP_DEADLINE, next, run, within};

/// A stream `S` of `s.>` with these numbers as payloads, odd ones on `s.odd`, the others on `s.even`.
async fn filled(numbers: std::ops::RangeInclusive<u64>) -> (Broker, Context, Stream) {
    let config = Config { name: "S".to_owned(), subjects: vec!["s.>".to_owned()], ..Config::default() };
    let broker = Broker::builder().stream(config).start().await.unwrap();
    let jetstream = jetstream::new(broker.client());
    publish(&jetstream, numbers).await;
    let stream = jetstream.get_stream("S").await.unwrap();
    (broker, jetstream, stream)
}

async fn publish(jetstream: &Context, numbers: std::ops::RangeInclusive<u64>) {
    let mut acks = Vec::new();
    for number in numbers {
        let subject = if number % 2 == 1 { "s.odd" } else { "s.even" };
        acks.push(jetstream.publish(subject, number.to_string().into()).await.unwrap());
    }
    for ack in join_all(acks.into_iter().map(IntoFuture::into_future)).await {
        ack.unwrap();
    }
}

async fn sequences(replay: &mut Replay, count: usize) -> Vec<u64> {
    let messages = replay.take(count).map_ok(|message| message.sequence).try_collect();
    within("so many messages", messages).await.unwrap()
}

async fn delete_consumers(stream: &Stream) -> usize {
    let names: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
    for name in &names {
        stream.delete_consumer(name).await.unwrap();
    }
    names.len()
}

async fn count_consumers(stream: &Stream) -> usize {
    stream.consumer_names().count().await
}

#[test]
fn the_last_messages_and_those_to_come() {
    run(async {
        let (broker, jetstream, stream) = filled(1..=10).await;
        let mut replay = stream.replay_last("s.odd", 3).await.unwrap();
        assert_eq!(sequences(&mut replay, 3).await, [5, 7, 9]);
        publish(&jetstream, 11..=13).await;
        assert_eq!(sequences(&mut replay, 2).await, [11, 13]);
        let mut unfiltered = stream.replay_last("", 2).await.unwrap();
        assert_eq!(sequences(&mut unfiltered, 2).await, [12, 13]);
        let mut nothing = stream.replay_last("s.odd", 0).await.unwrap();
        let mut all = stream.replay_last("s.even", 1000).await.unwrap();
        assert_eq!(sequences(&mut all, 6).await, [2, 4, 6, 8, 10, 12]);
        publish(&jetstream, 14..=15).await;
        assert_eq!(sequences(&mut nothing, 1).await, [15]);
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn from_a_sequence_or_a_time() {
    run(async {
        let (broker, _, stream) = filled(1..=10).await;
        let mut replay = stream.replay_from(ReplayFrom::Sequence(8)).await.unwrap();
        let time = replay.next().await.unwrap().unwrap().time;
        assert_eq!(sequences(&mut replay, 2).await, [9, 10]);
        let mut replay = stream.replay_from(ReplayFrom::Time(time)).await.unwrap();
        let first = replay.next().await.unwrap().unwrap();
        assert!(first.sequence <= 8 && first.time == time, "{first:?}");
        let mut replay = stream.replay_subjects_from("s.even", ReplayFrom::Sequence(7)).await.unwrap();
        assert_eq!(sequences(&mut replay, 2).await, [8, 10]);
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn a_consumer_that_is_gone_is_made_anew_behind_what_was_read() {
    run(async {
        let (broker, _, stream) = filled(1..=2000).await;
        let mut replay = stream.replay_from(ReplayFrom::Sequence(1)).await.unwrap();
        assert_eq!(sequences(&mut replay, 10).await, (1..=10).collect::<Vec<_>>());
        assert_eq!(delete_consumers(&stream).await, 1);
        assert_eq!(sequences(&mut replay, 1990).await, (11..=2000).collect::<Vec<_>>());
        assert_eq!(count_consumers(&stream).await, 1, "the new one");
        drop(replay);
        within("the end of its consumer", async {
            while count_consumers(&stream).await > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn it_ends_with_an_error() {
    run(async {
        let (broker, jetstream, stream) = filled(1..=3).await;
        let mut replay = stream.replay_from(ReplayFrom::Sequence(3)).await.unwrap();
        assert_eq!(sequences(&mut replay, 1).await, [3]);
        jetstream.delete_stream("S").await.unwrap();
        let end = within("the end", replay.next()).await.unwrap().unwrap_err();
        assert_eq!(end.kind(), ReplayErrorKind::Ended);
        assert!(replay.next().await.is_none());

        let stream = jetstream.create_stream("T").await.unwrap();
        let mut replay = stream.replay_last(">", 1).await.unwrap();
        let stopped = tokio::spawn(async move { broker.shutdown(STOP_DEADLINE).await });
        let end = within("the end", replay.next()).await.unwrap().unwrap_err();
        assert_eq!(end.kind(), ReplayErrorKind::Ended);
        assert!(replay.next().await.is_none());
        stopped.await.unwrap();
    });
}

#[test]
fn one_that_is_read_when_the_broker_has_stopped_has_ended() {
    run(async {
        let (broker, _, stream) = filled(1..=3).await;
        let mut replay = stream.replay_from(ReplayFrom::Sequence(4)).await.unwrap();
        broker.shutdown(STOP_DEADLINE).await;
        assert_eq!(replay.next().await.unwrap().unwrap_err().kind(), ReplayErrorKind::Ended);
        assert!(replay.next().await.is_none());
    });
}

#[test]
fn push_and_ordered_consumers_end_with_an_error_when_the_broker_stops() {
    run(async {
        let (broker, _, stream) = filled(1..=1).await;
        let config = || push::Config { deliver_subject: "to".to_owned(), ..push::Config::default() };
        let mut pushed = stream.create_consumer(config()).await.unwrap().messages().await.unwrap();
        let ordered = push::OrderedConfig { deliver_subject: "too".to_owned(), ..push::OrderedConfig::default() };
        let mut ordered = stream.create_consumer(ordered).await.unwrap().messages().await.unwrap();
        let pulled = stream.create_consumer(pull::OrderedConfig::default()).await.unwrap();
        let mut pulled = pulled.messages().await.unwrap();
        assert!(pushed.next().await.unwrap().is_ok());
        assert!(ordered.next().await.unwrap().is_ok());
        assert!(pulled.next().await.unwrap().is_ok());
        broker.shutdown(STOP_DEADLINE).await;
        assert!(within("the end", pushed.next()).await.unwrap().is_err());
        assert!(within("the end", ordered.next()).await.unwrap().is_err());
        assert!(within("the end", pulled.next()).await.unwrap().is_err());
        assert!(pushed.next().await.is_none() && ordered.next().await.is_none() && pulled.next().await.is_none());
    });
}

#[test]
fn a_stream_that_is_made_anew_is_another_one() {
    run(async {
        let (broker, jetstream, stream) = filled(1..=5).await;
        let mut replay = stream.replay_from(ReplayFrom::Sequence(1)).await.unwrap();
        assert_eq!(sequences(&mut replay, 5).await, [1, 2, 3, 4, 5]);
        let config = stream.cached_info().config.clone();
        jetstream.delete_stream(&config.name).await.unwrap();
        jetstream.create_stream(config).await.unwrap();
        publish(&jetstream, 1..=9).await;
        let error = next(&mut replay).await.unwrap_err();
        assert_eq!(error.kind(), ReplayErrorKind::Ended);
        broker.shutdown(STOP_DEADLINE).await;
    });
}
