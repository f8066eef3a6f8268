//! Files that are somebody else's: a broker may be allowed to read and write them, and not to say that nobody shall note
//! when they were read.

use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use embus_storage::medium::Medium;
use embus_storage::medium::disk::Disk;
use nix::unistd::{Uid, geteuid, setfsuid};

#[test]
fn files_of_somebody_else_are_read_and_written() {
    if !geteuid().is_root() {
        eprintln!("only root can be somebody else");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    let path = dir.path().join("file");
    std::fs::File::create(&path).unwrap().write_all(b"theirs").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    // Only this thread is somebody else.
    std::thread::spawn(move || as_nobody(&path)).join().unwrap();
}

fn as_nobody(path: &Path) {
    setfsuid(NOBODY);
    let refused = OpenOptions::new().read(true).custom_flags(O_NOATIME).open(path).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied, "it is not theirs");
    let file = Disk::default().open(path).unwrap();
    file.write_at(b"ours  ", 0).unwrap();
    file.sync().unwrap();
    let mut read = [0; 6];
    assert_eq!((file.read_at(&mut read, 0).unwrap(), &read), (6, b"ours  "));
}

const NOBODY: Uid = Uid::from_raw(65_534);
/// [linux: fcntl.h]
const O_NOATIME: i32 = 0o1_000_000;
