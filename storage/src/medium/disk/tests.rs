use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use super::*;

#[test]
fn a_file_keeps_what_is_written_and_grows_but_never_shrinks_by_allocating() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, path) = (Disk::new(), dir.path().join("f"));
    let file = disk.create(&path).unwrap();
    assert!(file.is_empty().unwrap());
    file.write_all_at(b"hello", 3).unwrap();
    file.allocate(100_000).unwrap();
    file.allocate(10).unwrap();
    assert_eq!(file.len().unwrap(), 100_000);
    file.truncate(200_000).unwrap();
    file.truncate(9).unwrap();
    file.sync().unwrap();
    disk.sync_dir(dir.path()).unwrap();

    let mut buf = [1; 20];
    assert_eq!(disk.open(&path).unwrap().read_full_at(&mut buf, 0).unwrap(), 9);
    assert_eq!(&buf[..9], b"\0\0\0hello\0");
}

#[test]
fn zeros_are_written_where_a_file_system_cannot_allocate() {
    let dir = tempfile::tempdir().unwrap();
    let file = DiskFile { file: options().create_new(true).open(dir.path().join("f")).unwrap() };
    file.write_all_at(b"x", 0).unwrap();
    file.write_zeros(1, 150_000).unwrap();
    assert_eq!(file.len().unwrap(), 150_000);
    let mut buf = [1; 2];
    file.read_full_at(&mut buf, 0).unwrap();
    assert_eq!(&buf, b"x\0");
}

#[test]
fn only_the_owner_may_look() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    disk.create_dir(&dir.path().join("d")).unwrap();
    disk.create(&dir.path().join("f")).unwrap();
    let _lock = disk.lock(dir.path()).unwrap();
    assert_eq!(mode(&dir.path().join("d")), 0o700);
    assert_eq!(mode(&dir.path().join("f")), 0o600);
    assert_eq!(mode(&dir.path().join("lock")), 0o600);
}

#[test]
fn links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, outside) = (Disk::new(), dir.path().join("outside"));
    fs::write(&outside, "mine").unwrap();
    for name in ["link", "lock"] {
        symlink(&outside, dir.path().join(name)).unwrap();
    }
    assert!(disk.open(&dir.path().join("link")).is_err());
    assert!(disk.create(&dir.path().join("link")).is_err());
    assert!(matches!(disk.lock(dir.path()), Err(StorageError::Io { operation: "lock", .. })));
    assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
}

#[test]
fn names_are_listed_in_order_and_their_errors_tell_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new();
    for name in ["b", "a", "c"] {
        disk.create(&dir.path().join(name)).unwrap();
    }
    disk.rename(&dir.path().join("c"), &dir.path().join("a")).unwrap();
    assert_eq!(disk.list(dir.path()).unwrap(), ["a", "b"]);
    let kind = |name: &str| disk.list(&dir.path().join(name)).unwrap_err().kind();
    assert_eq!((kind("a"), kind("x")), (ErrorKind::NotADirectory, ErrorKind::NotFound));
    assert!(disk.free_bytes(dir.path()).unwrap() > 0);
}

#[test]
fn the_second_to_lock_learns_who_was_first() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new();
    let lock = disk.lock(dir.path()).unwrap();
    let Err(StorageError::Locked { holder, .. }) = disk.lock(dir.path()) else { panic!("locked twice") };
    assert!(holder.starts_with(&format!("process {} (embus_storage-", std::process::id())), "{holder}");
    drop(lock);
    drop(disk.lock(dir.path()).unwrap());
}

#[test]
fn a_lock_file_with_anything_in_it_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("lock"), [0xff; 1000]).unwrap();
    let disk = Disk::new();
    let lock = disk.lock(dir.path()).unwrap();
    fs::write(dir.path().join("lock"), b"1\n\x1b[31mevil\n").unwrap();
    let text = disk.lock(dir.path()).unwrap_err().to_string();
    assert!(text.ends_with("process 1 (?[31mevil)"), "{text}");
    fs::write(dir.path().join("lock"), [0xff; 1000]).unwrap();
    let text = disk.lock(dir.path()).unwrap_err().to_string();
    assert!(text.ends_with("another process"), "{text}");
    drop(lock);
}

#[test]
fn a_lock_ends_with_its_process_however_that_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "medium::disk::tests::holds_a_lock_for_the_test_above", "--ignored", "--nocapture"])
        .env(DIRECTORY, dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("locked")));
    let text = Disk::new().lock(dir.path()).unwrap_err().to_string();
    assert!(text.contains(&format!("is in use by process {} (", child.id())), "{text}");
    child.kill().unwrap();
    child.wait().unwrap();
    Disk::new().lock(dir.path()).unwrap();
}

#[test]
#[ignore = "is run by a_lock_ends_with_its_process_however_that_ends"]
fn holds_a_lock_for_the_test_above() {
    let Some(dir) = std::env::var_os(DIRECTORY) else { return };
    let _lock = Disk::new().lock(Path::new(&dir)).unwrap();
    println!("locked");
    // Until the test ends, one way or the other.
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

const DIRECTORY: &str = "EMBUS_TEST_LOCK_DIRECTORY";
