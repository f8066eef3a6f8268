//! The same work on many things, on as many threads as are free. The caller works too, so it ends even when no thread
//! is: with none, everything happens in order on the caller's.

use std::fmt;

use parking_lot::{Condvar, Mutex};

use crate::jobs::Executor;
use crate::sync::Arc;

/// Applies `act` to all items and returns the results, in no particular order. Blocks.
pub(crate) fn map<T: Send + 'static, R: Send + 'static>(
    executor: &dyn Executor,
    items: Vec<T>,
    act: impl Fn(T) -> R + Send + Sync + 'static,
) -> Vec<R> {
    let helpers = items.len().div_ceil(ITEMS_PER_HELPER).saturating_sub(1).min(MAX_HELPERS);
    let work = Arc::new(Work {
        progress: Mutex::new(Progress { items, results: Vec::new(), working: 0 }),
        idle: Condvar::new(),
        act,
    });
    for _ in 0..helpers {
        let work = Arc::clone(&work);
        executor.spawn(Box::new(move || work.run()));
    }
    work.run();
    work.wait()
}

/// Threads beside the caller's.
const MAX_HELPERS: usize = 15;

/// Fewer are not worth a thread.
const ITEMS_PER_HELPER: usize = 16;

struct Work<T, R, F> {
    progress: Mutex<Progress<T, R>>,
    idle: Condvar,
    act: F,
}

struct Progress<T, R> {
    items: Vec<T>,
    results: Vec<R>,
    /// Items that were taken and are not done.
    working: usize,
}

impl<T, R, F> fmt::Debug for Work<T, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

impl<T, R, F: Fn(T) -> R> Work<T, R, F> {
    fn run(&self) {
        while let Some(item) = self.take() {
            let _done = Done(self);
            let result = (self.act)(item);
            self.progress.lock().results.push(result);
        }
    }

    fn take(&self) -> Option<T> {
        let mut progress = self.progress.lock();
        let item = progress.items.pop();
        progress.working += usize::from(item.is_some());
        item
    }

    /// Waits for those who took an item. Who comes later finds none.
    fn wait(&self) -> Vec<R> {
        let mut progress = self.progress.lock();
        while progress.working > 0 {
            self.idle.wait(&mut progress);
        }
        std::mem::take(&mut progress.results)
    }
}

/// Counts an item as done, also if the work on it panicked.
struct Done<'a, T, R, F>(&'a Work<T, R, F>);

impl<T, R, F> Drop for Done<'_, T, R, F> {
    fn drop(&mut self) {
        self.0.progress.lock().working -= 1;
        self.0.idle.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::Job;

    /// Loses every job.
    #[derive(Debug)]
    struct NoThread;

    impl Executor for NoThread {
        fn spawn(&self, _job: Job) {}
    }

    /// A thread for every job.
    #[derive(Debug)]
    struct Threads;

    impl Executor for Threads {
        #[allow(clippy::disallowed_methods)]
        fn spawn(&self, job: Job) {
            std::thread::spawn(job);
        }
    }

    fn check(executor: &dyn Executor) {
        let mut results = map(executor, (0..500).collect(), |number: u32| number * 2);
        results.sort_unstable();
        assert_eq!(results, (0..500).map(|number| number * 2).collect::<Vec<_>>());
    }

    #[test]
    fn every_item_is_done_once() {
        check(&NoThread);
        check(&Threads);
    }
}
