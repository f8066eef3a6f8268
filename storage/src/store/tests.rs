//! The store on a real disk; what power cuts do to it is in `power_cuts`.

mod power_cuts;

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::medium::disk::Disk;
use crate::stream_dir::StoredConfig;

fn disk() -> Arc<dyn Medium> {
    Arc::new(Disk::new())
}

fn open(dir: &Path) -> Result<Arc<Store>, StorageError> {
    Store::open(disk(), dir)
}

fn store() -> (TempDir, Arc<Store>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    (dir, store)
}

fn publish(store: &Store, config: &[u8]) -> StreamDir {
    store.begin_stream(config).unwrap().publish().unwrap()
}

fn configs(store: &Store) -> Vec<Vec<u8>> {
    store.streams().unwrap().iter().map(|stream| stream.read_config().unwrap().bytes).collect()
}

#[test]
fn folders_are_recognised_only_if_this_made_them() {
    assert_eq!(Name::parse("12"), Some(Name::Stream(12)));
    assert_eq!(Name::parse("new-0"), Some(Name::New(0)));
    assert_eq!(Name::parse("deleted-18446744073709551615"), Some(Name::Deleted(u64::MAX)));
    for name in ["", "-1", "+1", "01", "1 ", "new-", "new-x", "new-01", "deleted-+1", "New-1", "18446744073709551616"] {
        assert_eq!(Name::parse(name), None, "{name:?}");
    }
}

#[test]
fn streams_come_back_in_the_order_of_their_creation() {
    let (dir, store) = store();
    for number in 0..12u8 {
        assert_eq!(publish(&store, &[number]).number(), u64::from(number) + 1);
    }
    store.streams().unwrap()[3].delete().unwrap().sweep().unwrap();
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!(configs(&store).concat(), [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(publish(&store, b"").number(), 13);
    store.clear().unwrap();
    assert!(store.streams().unwrap().is_empty());
    assert_eq!(publish(&store, b"").number(), 14);
    assert_eq!(store.path(), dir.path());
    assert!(store.free_bytes().unwrap() > 0);
}

#[test]
fn what_was_not_published_or_is_deleted_goes_and_what_is_foreign_stays() {
    let (dir, store) = store();
    drop(store.begin_stream(b"dropped").unwrap());
    std::mem::forget(store.begin_stream(b"crashed").unwrap());
    drop(publish(&store, b"deleted").delete().unwrap());
    let streams = dir.path().join("streams");
    fs::create_dir(streams.join("mine")).unwrap();
    assert_eq!(store.shared.names().unwrap(), ["deleted-3", "mine", "new-2"]);
    let shared = store.shared.clone();
    drop(store);
    assert!(matches!(open(dir.path()), Err(StorageError::Locked { .. })), "forgotten, but not closed");
    assert_eq!(shared.sweep().unwrap(), 4);
    assert_eq!(shared.names().unwrap(), ["mine"]);
}

#[test]
fn whoever_comes_second_learns_who_has_it() {
    let (dir, store) = store();
    let text = open(dir.path()).unwrap_err().to_string();
    assert!(text.contains(&format!("is in use by process {} (embus_storage", std::process::id())), "{text}");
    let stream = publish(&store, b"");
    drop(store);
    assert!(matches!(open(dir.path()), Err(StorageError::Locked { .. })), "a stream is still open");
    drop(stream);
    open(dir.path()).unwrap();
}

#[test]
fn directories_are_made_as_deep_as_needed() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b/c");
    publish(&open(&deep).unwrap(), b"x");
    assert_eq!(configs(&open(&deep).unwrap()), [b"x"]);
}

#[test]
fn a_file_is_not_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "mine").unwrap();
    for path in [file.clone(), file.join("below"), file.join("far/below")] {
        let error = open(&path).unwrap_err();
        assert!(matches!(&error, StorageError::NotADirectory { path } if *path == file), "{error}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn where_nothing_may_be_written_the_error_says_so() {
    for path in ["/proc/embus", "/proc", "/sys/kernel"] {
        let error = open(Path::new(path)).unwrap_err();
        assert!(matches!(&error, StorageError::Io { .. }), "{error}");
        assert!(error.to_string().contains(path), "{error}");
    }
}

#[test]
fn a_newer_format_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let text = "embus store\nformat 2\n";
    let text = format!("{text}checksum {:08x}\n", crc32fast::hash(text.as_bytes()));
    fs::write(dir.path().join("format"), &text).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(&error, StorageError::NewerFormat { found: 2, supported: 1, .. }), "{error}");
    assert_eq!(Disk::new().list(dir.path()).unwrap(), ["format"]);
}

#[test]
fn a_damaged_format_file_costs_nothing() {
    let (dir, store) = store();
    publish(&store, b"x");
    drop(store);
    let path = dir.path().join("format");
    let good = fs::read(&path).unwrap();
    for damage in [&good[..10], b"", &[0; 5000]] {
        fs::write(&path, damage).unwrap();
        assert_eq!(configs(&open(dir.path()).unwrap()), [b"x"]);
        assert_eq!(fs::read(&path).unwrap(), good);
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(configs(&open(dir.path()).unwrap()), [b"x"]);
}

#[test]
fn a_configuration_survives_damage_to_either_copy() {
    let (_dir, store) = store();
    let stream = publish(&store, b"first");
    stream.write_config(b"second").unwrap();
    let good = fs::read(stream.path().join("config.a")).unwrap();
    for name in ["config.a", "config.b"] {
        let path = stream.path().join(name);
        for damage in [&good[..29], b"", &[0; 100]] {
            fs::write(&path, damage).unwrap();
            let read = stream.read_config().unwrap();
            assert_eq!(read.bytes, b"second");
            let [damaged] = read.damaged.as_slice() else { panic!("{:?}", read.damaged) };
            assert!(damaged.contains(name), "{damaged}");
            assert_eq!(stream.read_config().unwrap().damaged, [""; 0], "not mended");
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(stream.read_config().unwrap().damaged.len(), 1);
        assert_eq!(fs::read(&path).unwrap(), good);
    }
}

#[test]
fn without_an_intact_copy_the_caller_can_write_one() {
    let (_dir, store) = store();
    let stream = publish(&store, b"first");
    for name in ["config.a", "config.b"] {
        fs::write(stream.path().join(name), "rubbish").unwrap();
    }
    assert!(matches!(stream.read_config(), Err(StorageError::Damaged { .. })));
    stream.write_config(b"again").unwrap();
    assert_eq!(stream.read_config().unwrap(), StoredConfig { bytes: b"again".to_vec(), damaged: Vec::new() });
}

#[test]
fn of_two_copies_the_newer_one_counts() {
    let (_dir, store) = store();
    let stream = publish(&store, b"old");
    let old = fs::read(stream.path().join("config.b")).unwrap();
    stream.write_config(b"new").unwrap();
    fs::write(stream.path().join("config.b"), old).unwrap();
    assert_eq!(stream.read_config().unwrap(), StoredConfig { bytes: b"new".to_vec(), damaged: Vec::new() });
    stream.write_config(b"newest").unwrap();
    assert_eq!(stream.read_config().unwrap().bytes, b"newest");
}

#[test]
fn a_configuration_too_large_to_be_read_is_refused_and_leaves_nothing() {
    let (dir, store) = store();
    let large = vec![0; 17 << 20];
    assert!(matches!(store.begin_stream(&large), Err(StorageError::TooLarge)));
    let stream = publish(&store, b"x");
    assert!(matches!(stream.write_config(&large), Err(StorageError::TooLarge)));
    assert_eq!(stream.read_config().unwrap().bytes, b"x");
    assert_eq!(fs::read_dir(dir.path().join("streams")).unwrap().count(), 1);
}

#[test]
fn a_store_in_memory_needs_no_directory_on_disk() {
    let store = Store::open(Arc::new(crate::medium::memory::Memory::new()), Path::new("/s/t")).unwrap();
    publish(&store, b"x");
    assert_eq!(configs(&store), [b"x"]);
}
