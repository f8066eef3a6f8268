//! A change of the configuration on its way to the clients: each takes it on between two turns of its own, and whoever
//! made the change may wait until all have.

use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::sync::Arc;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// A change that clients take on. It is over when none of them has it before it any more.
#[derive(Debug, Default)]
#[must_use = "the change is made when all clients have taken it on"]
pub struct Renewal(Arc<Progress>);

#[derive(Debug, Default)]
struct Progress {
    left: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

/// What one client has before it.
#[derive(Debug)]
pub(crate) struct Notice {
    /// Whether it has to make room for others, as there may be fewer clients now.
    pub(crate) makes_room: bool,
    progress: Arc<Progress>,
}

impl Renewal {
    /// A notice for one client.
    pub(crate) fn notice(&self, makes_room: bool) -> Notice {
        self.0.left.fetch_add(1, Ordering::Relaxed);
        Notice { makes_room, progress: Arc::clone(&self.0) }
    }

    /// Ready when all clients have taken the change on, or are gone.
    pub fn poll_done(&self, cx: &Context<'_>) -> Poll<()> {
        *self.0.waker.lock() = Some(cx.waker().clone());
        if self.0.left.load(Ordering::Acquire) == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        if self.progress.left.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let waker = self.progress.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_over_when_the_last_client_has_it() {
        let cx = Context::from_waker(Waker::noop());
        let renewal = Renewal::default();
        assert!(renewal.poll_done(&cx).is_ready());
        let (one, other) = (renewal.notice(false), renewal.notice(true));
        drop(one);
        assert!(renewal.poll_done(&cx).is_pending() && other.makes_room);
        drop(other);
        assert!(renewal.poll_done(&cx).is_ready());
    }
}
