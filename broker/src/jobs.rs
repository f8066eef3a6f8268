//! Threads for work that blocks: those of the runtime, counted like all tasks of the broker.

use std::fmt;

use embus_engine::jobs::{Executor, Job};

use crate::tasks::Tasks;

/// Runs jobs on the runtime's blocking threads.
pub(crate) struct BlockingThreads(Tasks);

impl BlockingThreads {
    pub(crate) fn new(tasks: &Tasks) -> Self {
        Self(tasks.clone())
    }
}

impl fmt::Debug for BlockingThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockingThreads")
    }
}

impl Executor for BlockingThreads {
    fn spawn(&self, job: Job) {
        self.0.spawn_blocking(job);
    }
}
