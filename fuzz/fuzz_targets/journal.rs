//! Any bytes as a journal of consumers: no panic, whatever was recovered is whole, and a rewrite of it is recovered as it
//! was written.
#![no_main]

mod files;

use embus_storage::consumer_journal::{ConsumerJournal, Recovered};
use embus_storage::error::StorageError;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let medium = files::disk("consumers-0000000000000001.journal", data);
    let open = || ConsumerJournal::open(medium.clone(), files::DIR.into());
    let (mut journal, consumers, _) = match open() {
        Err(StorageError::NewerFormat { .. }) => return,
        opened => opened.expect("damage is no error"),
    };
    assert!(consumers.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert!(consumers.iter().all(|it| it.damaged || it.behind.is_empty()));
    assert!(journal.wants_rewrite() && journal.take_write(true).is_none());
    journal.begin_rewrite(consumers.iter().map(|it| (it.id, &it.config, it.snapshot.as_ref())));
    for consumer in &consumers {
        consumer.deltas.iter().for_each(|delta| journal.delta(consumer.id, delta));
    }
    let write = journal.take_write(true).expect("a rewrite waits");
    journal.finish_write(write.run()).expect("memory takes it");
    let (_, again, lost) = open().expect("own words");
    let whole = consumers.into_iter().map(|it| Recovered { damaged: false, behind: Vec::new(), ..it });
    // A file that nobody understands stays, and is not looked at any more.
    assert_eq!((again, lost), (whole.collect(), 0));
});
