//! The few calls that reach a disk, as traits: the real one, memory, and one that crashes on command.

mod content;
#[cfg(any(test, feature = "crash-medium"))]
pub mod crash;
pub mod disk;
pub mod memory;

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::block_cache::BlockCache;

/// A disk. A name that was created, renamed or removed is durable only after [`sync_dir`](Medium::sync_dir) of its
/// directory.
pub trait Medium: Debug + Send + Sync {
    /// Makes a new file; fails if there is one.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens a file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Gives a file or directory another name, replacing a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes one directory; its parent exists.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory with all that is in it.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, sorted. `NotFound` if there is none, `NotADirectory` if it is something else.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Bytes that are free for new files in the directory.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
    /// Names the run of the operating system: while it stays the same, whatever was written is readable, synced or not.
    fn boot_id(&self) -> u128;
    /// Keeps other processes out of the directory until the result is dropped; an error names the holder.
    fn lock(&self, dir: &Path) -> Result<Box<dyn Send + Sync + Debug>, crate::error::StorageError>;
    /// Whether what it holds outlives the process; if not, nothing is preallocated or synced.
    fn is_persistent(&self) -> bool;
    /// Where blocks of its files are kept in memory that are read again and again, if anywhere.
    fn block_cache(&self) -> Option<&Arc<BlockCache>> {
        None
    }
}

/// An open file. Reads and writes carry their position and may run at the same time.
pub trait File: Debug + Send + Sync {
    /// Reads up to `buf.len()` bytes; 0 at the end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes some of `bytes`, growing the file where needed.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Grows the file to `len` bytes of zeros, with room on the disk for them. Never shrinks.
    fn allocate(&self, len: u64) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Makes what was written durable, size included. An error means that nothing is known of what reached the disk.
    fn sync(&self) -> io::Result<()>;
    /// Bytes in the file.
    fn len(&self) -> io::Result<u64>;
    /// Whether there is no byte in it.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }
    /// Writes all of `bytes`, in as many steps as it takes. After an error any part of them may be written.
    fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    offset += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
    /// Fills `buf` as far as the file reaches; says how far that is.
    fn read_full_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.read_at(&mut buf[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}
