//! A log that failed is read anew while everybody else goes on.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};

use embus_storage::error::StorageError;
use embus_storage::medium::crash::{CrashMedium, Fault};
use embus_storage::medium::{File, Medium};

use super::{config, heard, on, wait};
use crate::jetstream::JetStreamOptions;
use crate::stream::SyncPolicy;
use crate::stream::config::StreamConfig;
use crate::stream::consumers::tests::fixture::{Fixture, SECOND};
use crate::sync::{Arc, Mutex};

/// A disk that calls somebody whenever a directory is listed: a log does so when it is read.
#[derive(Clone)]
struct Watched {
    disk: CrashMedium,
    hook: Arc<Mutex<Option<Hook>>>,
}

type Hook = Box<dyn FnMut() + Send>;

impl Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.disk.fmt(f)
    }
}

impl Medium for Watched {
    fn create(&self, path: &Path) -> io::Result<std::sync::Arc<dyn File>> {
        self.disk.create(path)
    }
    fn open(&self, path: &Path) -> io::Result<std::sync::Arc<dyn File>> {
        self.disk.open(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(path)
    }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir_all(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        if let Some(hook) = &mut *self.hook.lock() {
            hook();
        }
        self.disk.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(path)
    }
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.disk.free_bytes(path)
    }
    fn boot_id(&self) -> u128 {
        self.disk.boot_id()
    }
    fn lock(&self, dir: &Path) -> Result<Box<dyn Send + Sync + Debug>, StorageError> {
        self.disk.lock(dir)
    }
    fn is_persistent(&self) -> bool {
        true
    }
}

impl Watched {
    fn new() -> Self {
        Self { disk: CrashMedium::new(1), hook: Arc::default() }
    }

    fn broker(&self, sync: SyncPolicy) -> Fixture {
        let (medium, dir) = (std::sync::Arc::new(self.clone()), Some(PathBuf::from("/store")));
        Fixture::with(config(), |options| JetStreamOptions { medium, dir, sync, ..options })
    }

    /// From now on, does this when a log is read; says how often by then.
    fn on_list(&self, mut act: impl FnMut() + Send + 'static) -> Arc<Mutex<usize>> {
        let count = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&count);
        *self.hook.lock() = Some(Box::new(move || {
            *counted.lock() += 1;
            act();
        }));
        count
    }

    fn fail_next(&self) {
        self.disk.fail_at(self.disk.calls() + 1, Fault::Io);
    }
}

#[test]
fn nobody_waits_for_a_log_that_is_read_anew() {
    let disk = Watched::new();
    let broker = disk.broker(SyncPolicy::Always);
    broker.publish("a.b", "1");
    let stream = Arc::downgrade(&broker.stream);
    let read = disk.on_list(move || {
        let stream = stream.upgrade().unwrap();
        assert!(stream.state.try_lock().is_some(), "publishers would wait");
    });
    disk.fail_next();
    broker.publish("a.b", "2");
    assert!(*read.lock() > 0);
    broker.pass(SECOND);
    broker.request("a.b", Some("in"), "3");
    assert_eq!(broker.heard(), [r#"MSG in 1 {"stream":"S","seq":3}"#]);
}

#[test]
fn a_turn_does_not_read_a_log_anew() {
    let disk = Watched::new();
    let broker = disk.broker(SyncPolicy::Os);
    broker.publish("a.b", "1");
    let read = disk.on_list(|| ());
    disk.fail_next();
    broker.begin_request("a.b", Some("in"), "2");
    assert!(broker.stream.trouble().is_some());
    assert_eq!(*read.lock(), 0);
    let error = r#"MSG in 1 {"error":{"code":503,"err_code":10077,"#;
    assert!(broker.heard()[0].starts_with(error), "who waits learns it at once");
    broker.begin_request("a.b", Some("in"), "3");
    assert!(broker.heard()[0].starts_with(error), "as does who comes before the log is read");
    broker.run_jobs();
    assert!(*read.lock() > 0);
    broker.pass(SECOND);
    broker.request("a.b", Some("in"), "4");
    assert_eq!(broker.heard(), [r#"MSG in 1 {"stream":"S","seq":3}"#]);
}

/// Whoever looks at the stream between its failure and its end sees what never was.
#[test]
fn what_was_seen_before_a_log_was_read_anew_is_not_confirmed() {
    let disk = Watched::new();
    let broker = disk.broker(SyncPolicy::Os);
    broker.publish("a.b", "1");
    disk.fail_next();
    broker.begin_request("a.b", None, "2");
    let witness = broker.stream.witness();
    assert_eq!(broker.stream.look(|core| core.state().messages), 2);
    let told = wait(&witness);
    broker.run_jobs();
    assert_eq!(heard(&told), Some(false));
    assert_eq!(broker.stream.look(|core| core.state().messages), 1);
    let late = wait(&witness);
    broker.run_jobs();
    assert_eq!(heard(&late), Some(false));
    assert_eq!(heard(&wait(&broker.stream.witness())), Some(true));
}

#[test]
fn a_configuration_that_changes_meanwhile_holds() {
    let disk = Watched::new();
    let broker = disk.broker(SyncPolicy::Os);
    for _ in 0..3 {
        broker.publish("a.b", "1");
    }
    disk.fail_next();
    broker.begin_request("a.b", None, "2");
    let stream = Arc::downgrade(&broker.stream);
    disk.on_list(move || {
        let stream = stream.upgrade().unwrap();
        let changed = StreamConfig { max_messages: 2, description: "new".to_owned(), ..(*stream.config()).clone() };
        // Whether it can keep its limits now is another question.
        let _ = stream.with(|core| core.update(Arc::new(changed), SECOND));
    });
    broker.run_jobs();
    assert_eq!(broker.stream.config().description, "new");
    assert_eq!(broker.stream.look(|core| core.state().messages), 2);
}

#[test]
fn a_log_that_can_not_be_read_is_tried_again_without_being_asked() {
    let disk = CrashMedium::new(1);
    let broker = on(&disk, SyncPolicy::Os, config());
    broker.publish("a.b", "1");
    disk.fail_from(disk.calls() + 1, Fault::Io);
    broker.publish("a.b", "2");
    broker.pass(SECOND);
    assert!(broker.stream.trouble().is_some());
    disk.forget_faults();
    broker.pass(5 * SECOND);
    assert_eq!(broker.stream.look(|core| core.state().messages), 1, "it was read");
    broker.pass(SECOND);
    assert_eq!(broker.stream.trouble(), None, "and written to");
}
