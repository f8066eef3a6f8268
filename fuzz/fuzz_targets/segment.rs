//! Any bytes as a segment of a log: no panic, only what is verified is read, and all goes on behind it, also after the
//! next start.
#![no_main]

mod files;

use std::collections::BTreeMap;
use std::sync::Arc;

use embus_storage::error::StorageError;
use embus_storage::log::{Accounting, Append, BlockReader, Locator, Log, LogOptions, Replay};
use embus_storage::medium::memory::Memory;
use embus_storage::message::StoredMessage;
use libfuzzer_sys::fuzz_target;

struct Nothing;

impl Replay for Nothing {
    fn notes(&mut self, _: &[u8]) {}
    fn message(&mut self, _: u64, _: i64, _: &[u8], _: &[u8]) {}
}

fn open(medium: &Arc<Memory>) -> Result<Log, StorageError> {
    let options = LogOptions {
        segment_bytes: 64 * 1024,
        accounting: Accounting::File,
        compress: false,
        synced: true,
        description: Arc::new(b"described".to_vec()),
    };
    Log::open(medium.clone(), files::DIR.into(), options, &mut Nothing)
}

/// Everything that a log says it holds, each message read alone and through blocks.
fn read(log: &mut Log) -> BTreeMap<u64, Option<StoredMessage>> {
    let (mut messages, mut reader, mut from) = (BTreeMap::new(), BlockReader::new(), 0);
    while let Some((sequence, locator)) = log.next(&[], from).expect("memory is readable") {
        let end = log.last_within(&[], 0, u64::MAX).expect("memory is readable").map(|(_, locator)| locator);
        let message = locator.read().ok();
        assert_eq!(reader.read(&locator, end.as_ref().map(Locator::end)).ok().map(|it| it.to_stored()), message);
        messages.insert(sequence, message);
        from = sequence + 1;
    }
    assert_eq!(messages.len() as u64, log.count_within(&[], 0, u64::MAX));
    messages
}

fuzz_target!(|data: &[u8]| {
    let medium = files::disk("0000000000000001-00000000.seg", data);
    let mut log = match open(&medium) {
        Err(StorageError::NewerFormat { .. }) => return,
        opened => opened.expect("damage is no error"),
    };
    let mut messages = read(&mut log);
    let last = log.last_sequence();
    let append = Append { time: 0, subject: b"new", headers: b"", payload: b"x", marked: false, evict: 0 };
    match log.append(&append) {
        Ok(sequence) => {
            assert!(sequence > last);
            messages.insert(sequence, log.locate(sequence).expect("readable").and_then(|it| it.read().ok()));
        }
        Err(error) => assert!(matches!(error, StorageError::SequenceExhausted), "{error}"),
    }
    if let Some(commit) = log.take_commit(true) {
        log.finish_commit(commit.run()).expect("memory takes it");
    }
    assert_eq!(read(&mut log), messages);
    assert_eq!(read(&mut open(&medium).expect("own words")), messages);
});
