use std::io::ErrorKind;
use std::path::Path;

use super::*;

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("should fail"),
        Err(error) => error.kind(),
    }
}

#[test]
fn names_follow_the_rules_of_a_file_system() {
    let memory = Memory::new();
    let path = Path::new("/a/b");
    assert_eq!(kind(memory.create(path)), ErrorKind::NotFound);
    memory.create_dir(Path::new("/a")).unwrap();
    memory.create(path).unwrap().write_all_at(b"x", 0).unwrap();
    assert_eq!(kind(memory.create(path)), ErrorKind::AlreadyExists);
    assert_eq!(kind(memory.create_dir(Path::new("/a"))), ErrorKind::AlreadyExists);
    assert_eq!(kind(memory.list(path)), ErrorKind::NotADirectory);
    assert_eq!(kind(memory.open(Path::new("/a"))), ErrorKind::IsADirectory);
    assert_eq!(kind(memory.list(Path::new("/c"))), ErrorKind::NotFound);

    memory.create_dir(Path::new("/a/d")).unwrap();
    memory.create(Path::new("/a/d/e")).unwrap();
    memory.create_dir(Path::new("/a-")).unwrap();
    memory.create(Path::new("/a-/e")).unwrap();
    assert_eq!(memory.list(Path::new("/a")).unwrap(), ["b", "d"]);
    assert_eq!(memory.list(Path::new("/")).unwrap(), ["a", "a-"]);

    memory.rename(Path::new("/a"), Path::new("/z")).unwrap();
    assert_eq!(memory.list(Path::new("/z/d")).unwrap(), ["e"]);
    assert_eq!(memory.open(Path::new("/z/b")).unwrap().len().unwrap(), 1);
    memory.remove_dir_all(Path::new("/z")).unwrap();
    assert_eq!(memory.list(Path::new("/")).unwrap(), ["a-"]);
    assert_eq!(kind(memory.remove(Path::new("/a-"))), ErrorKind::IsADirectory);
    memory.remove(Path::new("/a-/e")).unwrap();
    assert_eq!(kind(memory.remove(Path::new("/a-/e"))), ErrorKind::NotFound);
}

#[test]
fn a_lock_keeps_others_out_until_it_is_dropped() {
    let memory = Memory::new();
    let lock = memory.lock(Path::new("/a")).unwrap();
    assert!(matches!(memory.clone().lock(Path::new("/a")), Err(StorageError::Locked { .. })));
    drop(lock);
    memory.lock(Path::new("/a")).unwrap();
}
