//! What the tests share: runtimes with an overall time limit, brokers, clients, and bounded waiting.
//!
//! A test runs in [`run`] with real sockets and real time, or in [`run_in_virtual_time`] with in-memory pipes and a clock
//! that jumps to the next deadline whenever nothing else is to do: there, minutes pass in no time and spans are exact.

mod files;
mod frames;
mod pki;
mod raw;
mod virtual_clock;

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use async_nats::ConnectOptions;
use embus::{Broker, Builder};
use futures_util::{FutureExt, Stream, StreamExt};
use tokio::task::coop::unconstrained;
use tokio::time::timeout;

pub(crate) use files::raise_file_limit;
pub(crate) use frames::{Frame, Frames, masked, upgrade_request};
pub(crate) use pki::{Authority, Pair, connect_tls, shake_hands};
pub(crate) use raw::Raw;
pub(crate) use virtual_clock::VirtualClock;

/// How long a test waits for one thing that has to come; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a whole test may take on the slowest machine.
const TEST_LIMIT: Duration = Duration::from_secs(30);

/// The same two in virtual time, where waiting costs nothing.
const VIRTUAL_PATIENCE: Duration = Duration::from_secs(3600);
const VIRTUAL_TEST_LIMIT: Duration = Duration::from_secs(36_000);

thread_local! {
    /// Whether this thread's runtime has virtual time.
    static IS_VIRTUAL: Cell<bool> = const { Cell::new(false) };
}

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
    IS_VIRTUAL.set(true);
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
    // Not `wait_for_interest`: others may have some in the same subject.
    let cid = client.server_info().client_id;
    let is_known = || broker.subscriptions().iter().any(|known| known.cid == cid && known.subject == subject);
    eventually("the subscription is known", is_known).await;
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
pub(crate) async fn arrived(subscriber: &mut async_nats::Subscriber) -> Vec<String> {
    // Without tokio's budget per task: a subscriber that has used it up looks empty.
    let all = async { std::iter::from_fn(|| subscriber.next().now_or_never().flatten()).collect::<Vec<_>>() };
    unconstrained(all).await.iter().map(|message| text(&message.payload)).collect()
}

/// The payload as text.
pub(crate) fn text(payload: &[u8]) -> String {
    String::from_utf8(payload.to_vec()).expect("the tests send text")
}

/// Waits for `event` as long as the test's patience lasts.
pub(crate) async fn within<F: Future>(what: &str, event: F) -> F::Output {
    let patience = if IS_VIRTUAL.get() { VIRTUAL_PATIENCE } else { PATIENCE };
    timeout(patience, event).await.unwrap_or_else(|_| panic!("{what} did not come in time"))
}

/// Waits until `holds` does, by asking again and again: for what has no event.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    within(what, async {
        while !holds() {
            if IS_VIRTUAL.get() {
                // A task that only yields would keep virtual time from passing.
                tokio::time::sleep(VIRTUAL_TICK).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
}

/// How often a test in virtual time asks again.
const VIRTUAL_TICK: Duration = Duration::from_millis(1);
