//! Starting and ending: at once, side by side, and without leaving anything behind.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use embus::TestBroker;
use embus::jetstream::{self, stream};
use futures_util::future::join_all;
use tokio::net::TcpStream;

use crate::support::{eventually, raise_file_limit, run, within};
use crate::test_broker::started;

/// A start takes a fifth of a millisecond, and is to take less than five; this is for the slowest machine with all other
/// tests beside.
const AT_ONCE: Duration = Duration::from_millis(50);

const BROKERS: usize = 200;

#[test]
fn a_start_takes_no_time() {
    run(async {
        let mut times = Vec::new();
        for _ in 0..21 {
            let before = Instant::now();
            let broker = started().await;
            times.push(before.elapsed());
            broker.shutdown().await;
        }
        times.sort_unstable();
        let median = times[times.len() / 2];
        println!("TestBroker::start: median {median:?}, {:?} to {:?}", times[0], times[times.len() - 1]);
        assert!(median < AT_ONCE, "{median:?}");
    });
}

#[test]
fn two_hundred_run_side_by_side() {
    raise_file_limit();
    run(async {
        let brokers = (0..BROKERS).map(|number| {
            tokio::spawn(async move {
                let config = stream::Config { name: "S".into(), subjects: vec!["s".into()], ..Default::default() };
                let broker = TestBroker::builder().stream(config).start().await.unwrap();
                let context = jetstream::new(broker.client());
                let ack = context.publish("s", number.to_string().into()).await.unwrap().await.unwrap();
                assert_eq!(ack.sequence, 1);
                broker
            })
        });
        let brokers: Vec<_> = join_all(brokers).await.into_iter().map(Result::unwrap).collect();
        let urls: BTreeSet<_> = brokers.iter().map(TestBroker::url).collect();
        assert_eq!(urls.len(), BROKERS);
        for (number, broker) in brokers.iter().enumerate() {
            assert_eq!(broker.published("s")[0].payload, number.to_string());
        }
        join_all(brokers.into_iter().map(TestBroker::shutdown)).await;
    });
}

#[test]
fn its_directory_goes_with_it() {
    run(async {
        let stopped = TestBroker::builder().temp_dir().start().await.unwrap();
        let dir = stopped.store_dir().unwrap().to_owned();
        let client = stopped.client();
        assert!(dir.join("streams").exists());
        stopped.shutdown().await;
        assert!(!dir.exists(), "also while somebody still has a client");
        drop(client);

        let config = stream::Config { name: "S".into(), subjects: vec!["s".into()], ..Default::default() };
        let dropped = TestBroker::builder().temp_dir().stream(config).start().await.unwrap();
        let dir = dropped.store_dir().unwrap().to_owned();
        jetstream::new(dropped.client()).publish("s", "x".into()).await.unwrap().await.unwrap();
        drop(dropped);
        eventually("the directory is gone", || !dir.exists()).await;
    });
}

#[test]
fn a_directory_goes_with_the_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dir = runtime.block_on(async {
        let broker = TestBroker::builder().temp_dir().start().await.unwrap();
        broker.store_dir().unwrap().to_owned()
    });
    assert!(dir.exists() || dir.parent().unwrap().exists());
    drop(runtime);
    assert!(!dir.exists());
}

#[test]
fn dropping_one_stops_it_whoever_still_has_a_handle() {
    run(async {
        let broker = started().await;
        let (handle, client) = (broker.broker(), broker.client());
        drop(broker);
        within("its end", handle.stopped()).await;
        assert!(client.publish("a", "x".into()).await.is_err());
        assert!(TcpStream::connect(handle.local_addr().unwrap()).await.is_err());
    });
}

#[test]
fn settings_are_those_of_a_broker() {
    run(async {
        let builder = TestBroker::builder().configure(|broker| broker.max_payload(64).listen("127.0.0.1:0"));
        let broker = builder.start().await.unwrap();
        assert_eq!(broker.async_nats().await.unwrap().server_info().max_payload, 64);
        assert_eq!(broker.broker().client_url(), Some(broker.url()));
        assert_eq!(broker.broker().local_addrs().len(), 2);
        let refused = TestBroker::builder().configure(|broker| broker.ping_max(0)).start().await;
        assert!(refused.is_err());
    });
}
