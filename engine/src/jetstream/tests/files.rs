//! Files of many streams: a bounded number is open, and few of their blocks are in memory.

use std::fs;
use std::path::Path;
use std::task::Waker;

use embus_storage::file_pool::OPEN_FILES;
use embus_storage::medium::disk::Disk;

use super::*;
use crate::api::fetch::Query;

fn on_disk(dir: &Path) -> Fixture {
    open(JetStreamOptions { medium: Arc::new(Disk::new()), dir: Some(dir.to_owned()), ..in_memory() })
}

/// How many files below a directory this process has open.
#[cfg(target_os = "linux")]
fn open_files(dir: &Path) -> usize {
    let handles = fs::read_dir("/proc/self/fd").unwrap();
    let paths = handles.filter_map(|handle| fs::read_link(handle.ok()?.path()).ok());
    paths.filter(|path| path.starts_with(dir)).count()
}

#[cfg(target_os = "linux")]
#[test]
fn many_streams_share_a_few_open_files() {
    let dir = tempfile::tempdir().unwrap();
    let jetstream = on_disk(dir.path());
    for number in 0..OPEN_FILES + 40 {
        let config = stream(&format!("S{number}"), &[&format!("s.{number}")]);
        jetstream.create(config, false).unwrap();
    }
    let (one, all) = (jetstream.get("S0").unwrap(), open_files(dir.path()));
    publish(&one, "s.0", "still written");
    assert!(all <= OPEN_FILES + 1, "{all} are open, the lock among them");
    assert_eq!(messages(&jetstream, "S0"), 1);
}

#[test]
fn what_is_read_often_is_in_memory_until_nobody_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let jetstream = on_disk(dir.path());
    let stream = jetstream.create(stream("S", &["s"]), false).unwrap().stream;
    publish(&stream, "s", "payload");
    let blocks = Arc::clone(jetstream.shared.opener.file.block_cache().unwrap());
    let deadline = || jetstream.engine.deadlines().next(Waker::noop());
    assert_eq!((blocks.bytes(), deadline()), (0, None));
    let read = || {
        let found = Query::Sequence(1).find(&stream).unwrap();
        Query::Sequence(1).read(&stream, found.place).unwrap().unwrap().payload
    };
    assert_eq!([(); 3].map(|()| read()), ["payload"; 3]);
    let aged_at = deadline().unwrap();
    assert!(blocks.bytes() > 0 && aged_at > jetstream.engine.timestamp());
    assert!(!jetstream.engine.deadlines().take_aging(aged_at - 1));
    for _ in 0..2 {
        assert!(jetstream.engine.deadlines().take_aging(aged_at));
        jetstream.jetstream.shared.age_blocks(&jetstream.engine);
    }
    assert_eq!((blocks.bytes(), deadline()), (0, None));
    assert_eq!(read(), "payload");
}
