//! Work that may block: disk writes, requests that change streams. The engine has no threads; whoever runs it lends some
//! as an [`Executor`].

use std::collections::VecDeque;
use std::fmt;

use parking_lot::Mutex;

use crate::sync::Arc;

/// A piece of work that may block.
pub type Job = Box<dyn FnOnce() + Send>;

/// Runs jobs, each on a thread that may block. A job that was accepted is run, also while the broker stops.
pub trait Executor: fmt::Debug + Send + Sync {
    /// Runs `job` soon.
    fn spawn(&self, job: Job);
}

/// Jobs of which a bounded number runs at once; the others wait in order.
pub struct Jobs {
    executor: Arc<dyn Executor>,
    limit: usize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    running: usize,
}

/// The queues of a broker: what blocks one of them does not keep the others waiting.
#[derive(Debug)]
pub(crate) struct Queues {
    /// Commits, deadlines, deliveries: what a stream needs to go on.
    pub(crate) commits: Arc<Jobs>,
    /// Reads of many messages for one client.
    pub(crate) reads: Arc<Jobs>,
    /// Background work at files.
    pub(crate) upkeep: Arc<Jobs>,
}

impl Queues {
    pub(crate) fn new(executor: &Arc<dyn Executor>) -> Self {
        let queue = |limit| Jobs::new(Arc::clone(executor), limit);
        Self { commits: queue(MAX_COMMITS), reads: queue(MAX_READS), upkeep: queue(MAX_UPKEEP) }
    }
}

/// Jobs that run at once: one commit per stream at a time, and disks like a few dozen at once. [performance §4]
const MAX_COMMITS: usize = 16;
/// Enough to keep a disk busy with reads.
const MAX_READS: usize = 4;
/// Each of them reads and writes whole files.
const MAX_UPKEEP: usize = 2;

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Jobs {
    /// At most `limit` jobs at once on `executor`; one at once makes them a serial queue.
    pub fn new(executor: Arc<dyn Executor>, limit: usize) -> Arc<Self> {
        Arc::new(Self { executor, limit: limit.max(1), queue: Mutex::default() })
    }

    /// How many wait for their turn.
    pub fn waiting(&self) -> usize {
        self.queue.lock().waiting.len()
    }

    /// Runs `job` once its turn comes.
    pub fn spawn(self: &Arc<Self>, job: Job) {
        let mut queue = self.queue.lock();
        queue.waiting.push_back(job);
        if queue.running < self.limit {
            queue.running += 1;
            drop(queue);
            let runner = Runner { jobs: Arc::clone(self), is_counted: true };
            self.executor.spawn(Box::new(move || runner.run()));
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        let job = queue.waiting.pop_front();
        if job.is_none() {
            queue.running -= 1;
        }
        job
    }
}

/// One of the threads at work on the queue.
struct Runner {
    jobs: Arc<Jobs>,
    /// Among those that run.
    is_counted: bool,
}

impl Runner {
    fn run(mut self) {
        while let Some(job) = self.jobs.next() {
            job();
        }
        // The last look at the queue has counted it out.
        self.is_counted = false;
    }
}

impl Drop for Runner {
    /// A job panicked, or the executor drops its jobs: the others still have their turn.
    fn drop(&mut self) {
        if self.is_counted {
            self.jobs.queue.lock().running -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::ByHand;
    use crate::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn one_at_once_runs_all_in_order() {
        let executor = Arc::new(ByHand::default());
        let jobs = Jobs::new(Arc::clone(&executor) as Arc<dyn Executor>, 1);
        let order = Arc::new(Mutex::new(Vec::new()));
        for number in 0..3 {
            let order = Arc::clone(&order);
            jobs.spawn(Box::new(move || order.lock().push(number)));
        }
        assert_eq!(jobs.waiting(), 3);
        assert!(executor.run_one());
        assert!(!executor.run_one(), "one runner is enough");
        assert_eq!(*order.lock(), [0, 1, 2]);
    }

    #[test]
    fn a_queue_that_ran_dry_starts_again() {
        let executor = Arc::new(ByHand::default());
        let jobs = Jobs::new(Arc::clone(&executor) as Arc<dyn Executor>, 2);
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let ran = Arc::clone(&ran);
            jobs.spawn(Box::new(move || {
                ran.fetch_add(1, Ordering::Relaxed);
            }));
            executor.run();
        }
        assert_eq!(ran.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn nobody_keeps_a_queue_that_has_run_dry() {
        let executor = Arc::new(ByHand::default());
        let jobs = Jobs::new(Arc::clone(&executor) as Arc<dyn Executor>, 1);
        jobs.spawn(Box::new(|| {}));
        executor.run();
        assert_eq!(Arc::strong_count(&jobs), 1);
    }
}
