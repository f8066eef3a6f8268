//! One process per directory: a lock file that names who holds it.
//!
//! The lock is the operating system's (`flock`), so it ends with its process however that ends; the text in the file is
//! only for the error message of whoever comes second. The file is never removed: another process may have it open and
//! would then hold a lock on a file without a name. A program that forks without `exec` must leave the store to one side.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::options;
use crate::error::StorageError;

/// A directory that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: fs::File,
}

impl Lock {
    /// Takes the directory, or says who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, StorageError> {
        let path = dir.join(NAME);
        let failed = |error: io::Error| StorageError::io("lock", &path, error);
        let file = options().create(true).truncate(false).open(&path).map_err(failed)?;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => {
                    return Err(StorageError::Locked { path: dir.to_path_buf(), holder: holder(&file) });
                }
                Err(error) => return Err(failed(error.into())),
            }
        }
        let mut lock = Self { file };
        lock.sign().map_err(failed)?;
        Ok(lock)
    }

    /// On a full disk the text may stay away; the lock holds all the same.
    fn sign(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        let text = format!("{}\n{}\n", std::process::id(), program());
        match self.file.write_all(text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(()),
            result => result,
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would do, but for a handle that a forked child still has.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

fn program() -> String {
    let path = std::env::current_exe().ok().or_else(|| std::env::args_os().next().map(Into::into));
    let name = path.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "unknown program".to_owned())
}

/// What the lock file says. Anybody may have written anything there, so little of it is believed.
fn holder(file: &fs::File) -> String {
    let mut buf = [0; MAX_HOLDER_BYTES];
    let read = file.read_at(&mut buf, 0).unwrap_or(0);
    let text = String::from_utf8_lossy(&buf[..read]);
    let mut lines = text.lines().map(|line| line.replace(char::is_control, "?"));
    match (lines.next().and_then(|line| line.parse::<u32>().ok()), lines.next()) {
        (Some(id), Some(name)) => format!("process {id} ({name})"),
        (Some(id), None) => format!("process {id}"),
        (None, _) => "another process".to_owned(),
    }
}

/// In the directory that is locked.
const NAME: &str = "lock";

/// More of a lock file is not read.
const MAX_HOLDER_BYTES: usize = 256;
