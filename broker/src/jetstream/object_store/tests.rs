//! A put whose answer does not come in time, on a disk that hangs.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use embus_storage::error::StorageError;
use embus_storage::medium::crash::CrashMedium;
use embus_storage::medium::{File, Medium};
use parking_lot::{Condvar, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{Config, ObjectStore, PutErrorKind};
use crate::Broker;
use crate::jetstream::ContextBuilder;

/// A disk whose syncs wait while it is held.
#[derive(Debug, Clone)]
struct Hanging {
    disk: CrashMedium,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    is_held: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn hold(&self, held: bool) {
        *self.is_held.lock() = held;
        self.opened.notify_all();
    }

    fn pass(&self) {
        self.opened.wait_while(&mut self.is_held.lock(), |is_held| *is_held);
    }
}

#[derive(Debug)]
struct HangingFile {
    file: Arc<dyn File>,
    gate: Arc<Gate>,
}

impl Hanging {
    fn file(&self, file: io::Result<Arc<dyn File>>) -> io::Result<Arc<dyn File>> {
        let gate = Arc::clone(&self.gate);
        file.map(|file| Arc::new(HangingFile { file, gate }) as Arc<dyn File>)
    }
}

impl Medium for Hanging {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.file(self.disk.create(path))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.file(self.disk.open(path))
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

impl File for HangingFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }
    fn sync(&self) -> io::Result<()> {
        self.gate.pass();
        self.file.sync()
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

async fn store(gate: &Arc<Gate>) -> (Broker, ObjectStore) {
    let medium = Hanging { disk: CrashMedium::new(1), gate: Arc::clone(gate) };
    let mut builder = Broker::builder().store_dir("/store");
    builder.store.medium = Some(Arc::new(medium));
    let broker = builder.start().await.unwrap();
    let context = ContextBuilder::new().timeout(ANSWER).build(broker.client());
    let config = Config { bucket: "b".into(), ..Config::default() };
    let store = context.create_object_store(config).await.unwrap();
    (broker, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_is_there_though_its_answer_came_too_late() {
    let gate = Arc::new(Gate::default());
    let (broker, objects) = store(&gate).await;
    let (mut data, mut source) = tokio::io::duplex(CHUNK);
    let meta = super::ObjectMetadata { chunk_size: Some(CHUNK), ..super::ObjectMetadata::from("a") };
    let put = {
        let objects = objects.clone();
        tokio::spawn(async move { objects.put(meta, &mut source).await })
    };
    data.write_all(&[7; CHUNK]).await.unwrap();
    let chunks = async || objects.stream.get_info().await.unwrap().state.messages;
    timeout(PATIENCE, async { while chunks().await == 0 {} }).await.expect("its chunk");
    // What describes the object comes when the disk hangs.
    gate.hold(true);
    drop(data);
    let error = put.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), PutErrorKind::TimedOut);
    gate.hold(false);
    timeout(PATIENCE, async { while objects.info("a").await.is_err() {} }).await.expect("the object");
    let mut bytes = Vec::new();
    objects.get("a").await.unwrap().read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, [7; CHUNK]);
    broker.shutdown(PATIENCE).await;
}

const CHUNK: usize = 100;
/// How long an answer is waited for: longer than a disk takes that does not hang.
const ANSWER: Duration = Duration::from_millis(700);
/// How long the test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);
