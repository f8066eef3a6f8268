//! What the tests share: runtimes with an overall time limit, brokers, clients, and bounded waiting.
//!
//! A test runs in [`run`] with real sockets and real time, or in [`run_in_virtual_time`] with in-memory pipes and a clock
//! that jumps to the next deadline whenever nothing else is to do: there, minutes pass in no time and spans are exact.

mod files;
mod raw;
mod virtual_clock;

use std::future::Future;
use std::time::Duration;

use async_nats::ConnectOptions;
use embus::{Broker, Builder};
use futures_util::{FutureExt, Stream, StreamExt};
use tokio::time::{Instant, timeout};

pub(crate) use files::raise_file_limit;
pub(crate) use raw::Raw;
pub(crate) use virtual_clock::VirtualClock;

/// How long a test waits for one thing that has to come; only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a whole test may take on the slowest machine.
const TEST_LIMIT: Duration = Duration::from_secs(30);

/// The same in virtual time, where it costs nothing.
const VIRTUAL_TEST_LIMIT: Duration = Duration::from_hours(10);

/// How long tests give a broker to stop. Less is always enough, unless the test is about that.
pub(crate) const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Runs a test on a runtime of its own with two threads, in real time.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { timeout(TEST_LIMIT, test).await.expect("the test ends in time") });
    // Tasks that hang have failed the test already; they are not to hang the binary.
    runtime.shutdown_background();
}

/// Runs a test on a single thread whose clock jumps to the next deadline when nothing else is to do. Without real
/// sockets: waiting for one would look like nothing to do.
pub(crate) fn run_in_virtual_time(test: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async { timeout(VIRTUAL_TEST_LIMIT, test).await.expect("the test ends in time") });
}

/// A builder for a broker that listens on a free port.
pub(crate) fn listening() -> Builder {
    Broker::builder().listen("127.0.0.1:0")
}

/// A builder for a broker without listeners whose time is that of the test's runtime.
pub(crate) fn virtual_time() -> Builder {
    Broker::builder().clock(VirtualClock::start()).seed(7)
}

/// Starts a broker that listens on a free port.
pub(crate) async fn start() -> Broker {
    listening().start().await.expect("a free port is free")
}

/// Starts a broker at an address that a test can come back to: elsewhere than the ports that the system hands out to
/// everybody, where it can be.
pub(crate) async fn start_at_own_address() -> Broker {
    let host = if cfg!(target_os = "linux") { "127.0.0.2" } else { "127.0.0.1" };
    Broker::builder().listen(format!("{host}:0")).start().await.expect("a free port is free")
}

/// Connects async-nats.
pub(crate) async fn connect(broker: &Broker) -> async_nats::Client {
    connect_with(broker, ConnectOptions::new()).await
}

/// Connects async-nats with options of the test's own.
pub(crate) async fn connect_with(broker: &Broker, options: ConnectOptions) -> async_nats::Client {
    let url = broker.client_url().expect("the broker listens");
    options.connect(url).await.expect("the broker accepts clients")
}

/// Subscribes with async-nats and waits until the broker knows.
pub(crate) async fn subscribe(broker: &Broker, client: &async_nats::Client, subject: &str) -> async_nats::Subscriber {
    let subscriber = client.subscribe(subject.to_owned()).await.unwrap();
    broker.wait_for_interest(subject).await;
    subscriber
}

/// What comes next out of a subscription, which must not have ended.
pub(crate) async fn next<S: Stream + Unpin>(stream: &mut S) -> S::Item {
    within("a message", stream.next()).await.expect("the subscription has not ended")
}

/// Waits for the end of a subscription, before which nothing may come.
pub(crate) async fn assert_ended<S: Stream + Unpin>(stream: &mut S) {
    assert!(within("the end of a subscription", stream.next()).await.is_none(), "a message instead of the end");
}

/// Everything that has arrived already, as text.
pub(crate) fn arrived(subscriber: &mut async_nats::Subscriber) -> Vec<String> {
    std::iter::from_fn(|| subscriber.next().now_or_never().flatten()).map(|message| text(&message.payload)).collect()
}

/// The payload as text.
pub(crate) fn text(payload: &[u8]) -> String {
    String::from_utf8(payload.to_vec()).expect("the tests send text")
}

/// Waits for `event` as long as [`PATIENCE`] lasts.
pub(crate) async fn within<F: Future>(what: &str, event: F) -> F::Output {
    timeout(PATIENCE, event).await.unwrap_or_else(|_| panic!("{what} did not come in time"))
}

/// Waits until `holds` does, by asking again and again: for what has no event.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "did not happen in time: {what}");
        tokio::task::yield_now().await;
    }
}
