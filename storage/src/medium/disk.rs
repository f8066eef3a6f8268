//! The real disk: the calls of [`Medium`] as calls of the operating system, one to one.
//!
//! It keeps nothing in between: no cache, no open handle but the ones it gave out. Symbolic links are not followed where a
//! file is opened, files and directories are for their owner only (modes 0600 and 0700), no handle outlives an `exec`.
//! Meant for local file systems: over a network, neither locks nor syncs are sure to hold what they promise.

mod boot_id;
mod lock;

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::Errno;

use super::{File, Medium};
use crate::error::StorageError;

#[cfg(not(unix))]
compile_error!("embus-storage works on Unix only: it needs pread, flock and syncs of directories");

/// The file systems of this machine.
#[derive(Debug)]
pub struct Disk {
    boot_id: u128,
}

impl Disk {
    /// The file systems of this machine.
    pub fn new() -> Self {
        Self { boot_id: boot_id::boot_id() }
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}

impl Medium for Disk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = open(options().create_new(true), path)?;
        Ok(Arc::new(DiskFile { file }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = open(&options(), path)?;
        Ok(Arc::new(DiskFile { file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory(path))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let directory = fs::File::open(directory(path))?;
        match directory.sync_all() {
            // Says that this file system has nothing to sync for a directory, not that it failed to. [fsync(2)]
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let statistics = rustix::fs::statvfs(directory(path))?;
        Ok(statistics.f_bavail.saturating_mul(statistics.f_frsize))
    }

    fn boot_id(&self) -> u128 {
        self.boot_id
    }

    fn lock(&self, dir: &Path) -> Result<Box<dyn Send + Sync + std::fmt::Debug>, StorageError> {
        Ok(Box::new(lock::Lock::take(dir)?))
    }

    fn is_persistent(&self) -> bool {
        true
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let no_follow = OFlags::NOFOLLOW.bits().cast_signed();
    options.read(true).write(true).mode(0o600).custom_flags(no_follow);
    options
}

/// Nobody cares when a file was read last, and noting it costs a part of each read. Whose file it is not may not say so;
/// asked for when a file is made, that would leave it behind.
fn open(options: &OpenOptions, path: &Path) -> io::Result<fs::File> {
    let file = options.open(path)?;
    if let Ok(flags) = rustix::fs::fcntl_getfl(&file) {
        let _ = rustix::fs::fcntl_setfl(&file, flags | NO_ACCESS_TIME);
    }
    Ok(file)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const NO_ACCESS_TIME: OFlags = OFlags::NOATIME;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const NO_ACCESS_TIME: OFlags = OFlags::empty();

/// The parent of a relative path of one name is an empty path, which the operating system does not know.
fn directory(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[derive(Debug)]
struct DiskFile {
    file: fs::File,
}

impl File for DiskFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let current = self.len()?;
        if current >= len {
            return Ok(());
        }
        loop {
            match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), current, len - current) {
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => return self.write_zeros(current, len),
                result => return Ok(result?),
            }
        }
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        if len < self.len()? { self.file.set_len(len) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        // fdatasync where there is one: it includes the size. F_FULLFSYNC on macOS.
        self.file.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

impl DiskFile {
    fn write_zeros(&self, from: u64, to: u64) -> io::Result<()> {
        let mut offset = from;
        while offset < to {
            let part = usize::try_from(to - offset).map_or(ZEROS.len(), |rest| rest.min(ZEROS.len()));
            self.write_all_at(&ZEROS[..part], offset)?;
            offset += part as u64;
        }
        Ok(())
    }
}

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

#[cfg(test)]
mod tests;
