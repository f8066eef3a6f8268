//! How long does a message take from a publisher to a subscriber of the same process, waking and threads left aside?
//!
//! Each iteration publishes 100 messages and then receives them, in one task; so few never hold the publisher up.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use embus::{Broker, Client, Subject, Subscriber};
use futures_util::StreamExt as _;
use tokio::runtime::Builder;

const MESSAGES: u64 = 100;

async fn publish_and_receive(client: &Client, subject: &Subject, payload: &Bytes, subscribers: &mut [Subscriber]) {
    for _ in 0..MESSAGES {
        client.publish(subject.clone(), payload.clone()).await.expect("the broker runs");
    }
    for subscriber in subscribers {
        for _ in 0..MESSAGES {
            subscriber.next().await.expect("every message is delivered");
        }
    }
}

fn bench(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let broker = runtime.block_on(Broker::builder().start()).expect("a broker without listeners starts");
    let (client, payload) = (broker.client(), Bytes::from_static(&[b'x'; 128]));
    let mut group = criterion.benchmark_group("in-process");
    group.throughput(Throughput::Elements(MESSAGES));
    for count in [0, 1, 8] {
        let subject = Subject::from(format!("bench.{count}"));
        let subscribe = || runtime.block_on(client.subscribe(subject.clone())).expect("the subject is valid");
        let mut subscribers: Vec<_> = (0..count).map(|_| subscribe()).collect();
        group.bench_function(format!("1 to {count}, 128 B"), |bencher| {
            bencher.iter(|| runtime.block_on(publish_and_receive(&client, &subject, &payload, &mut subscribers)));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
