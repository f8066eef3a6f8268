//! What does one call on a bucket cost inside the process: getting a key that was written lately, putting one, and hearing
//! of it?
//!
//! Once with the bucket in memory, once on the disk without waiting for syncs. The disk's files are in the directory for
//! temporary files.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use embus::jetstream::{self, kv};
use embus::{Broker, SyncPolicy};
use futures_util::StreamExt as _;
use tokio::runtime::{Builder, Runtime};

const KEYS: usize = 1000;

async fn bucket(builder: embus::Builder) -> (Broker, kv::Store) {
    let config = kv::Config { bucket: "bench".into(), ..Default::default() };
    let broker = builder.sync(SyncPolicy::Os).bucket(config).start().await.expect("the directory is free");
    let store = jetstream::new(broker.client()).get_key_value("bench").await.expect("it was declared");
    for key in 0..KEYS {
        store.put(format!("key.{key}"), Bytes::from_static(&[b'x'; 128])).await.expect("there is room");
    }
    (broker, store)
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, name: &str, builder: embus::Builder) {
    let (_broker, store) = runtime.block_on(bucket(builder));
    let mut group = criterion.benchmark_group(format!("bucket {name}"));
    group.throughput(Throughput::Elements(1));
    let value = Bytes::from_static(&[b'y'; 128]);
    group.bench_function("get", |bencher| {
        bencher.iter_custom(|times| {
            runtime.block_on(async {
                let began = std::time::Instant::now();
                for _ in 0..times {
                    store.get("key.500").await.expect("the broker runs").expect("it was put");
                }
                began.elapsed()
            })
        });
    });
    group.bench_function("put", |bencher| {
        bencher.iter(|| runtime.block_on(store.put("key.500", value.clone())).expect("there is room"));
    });
    let mut watch = runtime.block_on(store.watch("key.500")).expect("the pattern is one");
    group.bench_function("put and hear of it", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                store.put("key.500", value.clone()).await.expect("there is room");
                watch.next().await.expect("it goes on").expect("it is an entry")
            })
        });
    });
    group.finish();
}

fn bench(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    measure(criterion, &runtime, "in memory", Broker::builder());
    let dir = std::env::temp_dir().join(format!("embus-bench-bucket-{}", std::process::id()));
    measure(criterion, &runtime, "on the disk", Broker::builder().store_dir(&dir));
    std::fs::remove_dir_all(&dir).expect("the bench made it");
}

criterion_group!(benches, bench);
criterion_main!(benches);
