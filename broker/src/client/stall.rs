//! Holding back a producer that runs ahead of its subscribers, and letting other tasks run.

use std::future::poll_fn;

use embus_engine::{Congestion, STALL_LIMIT};
use tokio::runtime::Handle;
use tokio::task::coop;
use tokio::time::timeout;

/// What a publish waits for after it has handed its message over: a congested destination (10 ms at most), and its turn
/// if the task has used up its share of the processor.
#[inline]
pub(crate) async fn settle(congestion: Option<Congestion>) {
    if let Some(congestion) = congestion {
        relieved(congestion).await;
    }
    coop::consume_budget().await;
}

/// Waits until the destination has caught up, at most [`STALL_LIMIT`] in real time: a reader that works needs no
/// clock to be advanced, and one that does not must not hold a publisher for ever. Outside of a tokio runtime nothing measures that
/// time, so there it does not wait: the destination's own bound holds anyway.
#[cold]
pub(super) async fn relieved(mut congestion: Congestion) {
    if Handle::try_current().is_err() {
        return;
    }
    let relief = poll_fn(|cx| congestion.poll_relieved(cx));
    if timeout(STALL_LIMIT, relief).await.is_err() {
        tracing::trace!("a publish went on although a destination is still congested");
    }
}
