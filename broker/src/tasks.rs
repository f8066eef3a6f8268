//! Every task of a broker is spawned here, so that a shutdown can wait for all of them.

use std::future::Future;

use embus_engine::jobs::Job;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one broker and the signal that ends them.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    runtime: Handle,
}

impl Tasks {
    /// Tasks on the caller's runtime.
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { tracker: TaskTracker::new(), stop: CancellationToken::new(), runtime }
    }

    /// Spawns a task that ends soon after [`stop`](Self::stop), by its own means.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn_on(task, &self.runtime);
    }

    /// Spawns a task that may be dropped at any await once the broker stops.
    pub(crate) fn spawn_until_stop(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.spawn(async move {
            stop.run_until_cancelled_owned(task).await;
        });
    }

    /// Runs `job` on a thread that may block.
    pub(crate) fn spawn_blocking(&self, job: Job) {
        self.tracker.spawn_blocking_on(job, &self.runtime);
    }

    /// The same, and waits for the result; nothing if the runtime ends before.
    pub(crate) async fn run_blocking<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.tracker.spawn_blocking_on(job, &self.runtime).await.ok()
    }

    /// Where tasks are counted.
    #[cfg(feature = "monitor")]
    pub(crate) fn tracker(&self) -> &TaskTracker {
        &self.tracker
    }

    /// The signal that ends the tasks.
    pub(crate) fn stop_signal(&self) -> &CancellationToken {
        &self.stop
    }

    /// Tells all tasks to end.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
    }

    /// Waits until all tasks have ended. Cancel-safe.
    pub(crate) async fn wait(&self) {
        self.tracker.wait().await;
    }
}
