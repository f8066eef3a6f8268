//! A disk that crashes, tears and fails on command, for tests.
//!
//! Everything random in it comes from one seed: the same calls in the same order meet the same fate. A test reads
//! [`calls`](CrashMedium::calls) once, and then runs again with a fault at each of those calls.
//!
//! # What it may do
//! The model is a local POSIX file system on a disk without battery; nothing happens here that could not happen there.
//!
//! **A process crash** ends all handles and locks. What was written stays, synced or not: it lies in the page cache. The call
//! at which it happens has its effect or has none; a write or the removal of a directory may have a part of it.
//!
//! **A power cut** leaves what was synced and any part of the rest:
//! - *Bytes* reach the disk by sectors of 512 bytes, each whole, each as it was after any one of the writes since the last
//!   sync, independently of each other and of other files. So writes tear and overtake each other.
//! - *Sizes* change in order, as they do in a journal, but independently of the bytes: a file may have grown and hold zeros.
//!   Growth may have come to any sector in between. What was written after a cut that is lost is lost with it.
//! - *Names* are durable once their directory is synced, and not before: syncing a file does nothing for its name. Until
//!   then a change of a name is there or not, each change whole (a rename never loses both names), and never without the
//!   change of the same name or file that it builds on. Mostly in order, as in a journal, but not always.
//!
//! How much is left is decided for all files at once (nothing, everything, all until some call) or by each file on its own.
//!
//! **A failed sync** of a file says that some sectors did not reach the disk. They are clean from then on: later syncs say
//! that all is well although those bytes are not there. Reads may still see them, or what the disk has. (That is what Linux
//! does: Rebello et al., *Can Applications Recover from fsync Failures?*, ATC 2020.) A failed sync of a directory leaves its
//! names as undecided as before.
//!
//! **A failed write** may have written a part; other calls that fail have no effect. A full disk takes as many bytes as it
//! has room for. Faults wait for a call that can have them: a read does not find the disk full.
//!
//! **Rot** changes bytes at rest. It is a method, not a fate: no random call leads to it.

mod cut;
mod fault;
mod file;
mod machine;
mod names;

use std::fmt::{self, Debug};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use self::fault::{Call, Effect};
use self::file::FileId;
use self::machine::Machine;
use super::{File, Medium};
use crate::error::StorageError;

pub use self::fault::{Fault, Rot};

/// A machine with a disk. Clones are the same machine.
#[derive(Clone)]
pub struct CrashMedium {
    machine: Arc<Mutex<Machine>>,
}

impl Debug for CrashMedium {
    /// Without all that is on the disk.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CrashMedium").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

impl CrashMedium {
    /// A machine with an empty disk: the root, which is also what relative paths start from.
    pub fn new(seed: u64) -> Self {
        Self { machine: Arc::new(Mutex::new(Machine::new(seed))) }
    }

    /// Calls that reached the disk so far, failed ones included.
    pub fn calls(&self) -> u64 {
        self.machine.lock().calls()
    }

    /// Lets the call with this number fail, or the first one from there on that can have the fault. The first of all calls
    /// has number 1.
    pub fn fail_at(&self, call: u64, fault: Fault) {
        self.machine.lock().faults.at(call, fault);
    }

    /// Lets every call from this number on fail that can have the fault, until [told otherwise](Self::forget_faults).
    pub fn fail_from(&self, call: u64, fault: Fault) {
        self.machine.lock().faults.from(call, fault);
    }

    /// Takes back all faults that are still to come.
    pub fn forget_faults(&self) {
        self.machine.lock().faults = fault::Faults::default();
    }

    /// Bytes that all files may take together, in blocks of 4,096.
    pub fn set_space(&self, bytes: Option<u64>) {
        self.machine.lock().space = bytes;
    }

    /// Whether nothing more can be written: not even where there was room before.
    pub fn set_full(&self, is_full: bool) {
        self.machine.lock().is_full = is_full;
    }

    /// Whether the file system is mounted for reading only.
    pub fn set_read_only(&self, read_only: bool) {
        self.machine.lock().read_only = read_only;
    }

    /// Kills the process, now.
    pub fn crash(&self) {
        self.machine.lock().go_down(Fault::Crash);
    }

    /// Cuts the power, now.
    pub fn cut_power(&self) {
        self.machine.lock().go_down(Fault::PowerCut);
    }

    /// Cuts the power, now, with the one outcome that promises least: of what was not synced nothing is left.
    pub fn cut_power_losing_unsynced(&self) {
        self.machine.lock().lose_unsynced();
    }

    /// Whether process or machine are down: then every call fails.
    pub fn is_down(&self) -> bool {
        self.machine.lock().is_down()
    }

    /// Starts the process again, and the machine if its power was cut, on what is left. If nothing happened so far it is
    /// killed first. The old handles stay dead; calls are counted anew, faults that were still to come are forgotten.
    ///
    /// # Panics
    /// If this machine was restarted before.
    #[must_use]
    pub fn restart(&self) -> Self {
        Self { machine: Arc::new(Mutex::new(self.machine.lock().restart())) }
    }

    /// All files by their present names.
    pub fn files(&self) -> Vec<PathBuf> {
        self.machine.lock().names.files()
    }

    /// Everything in a file at present.
    pub fn contents(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.machine.lock().contents(path)
    }

    /// Damages a file at rest, on the disk and in what reads see of it.
    pub fn rot(&self, path: &Path, rot: &Rot) -> io::Result<()> {
        self.machine.lock().rot(path, rot)
    }

    fn call<T>(&self, call: Call, act: impl FnOnce(&mut Machine, Effect) -> io::Result<T>) -> io::Result<T> {
        self.machine.lock().call(call, act)
    }

    fn file(&self, id: FileId) -> Arc<dyn File> {
        Arc::new(CrashFile { medium: self.clone(), id })
    }
}

impl Medium for CrashMedium {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.call(Call::Create, |machine, _| machine.create(path)).map(|id| self.file(id))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.call(Call::Open, |machine, _| machine.open(path)).map(|id| self.file(id))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(Call::Rename, |machine, _| machine.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(Call::Remove, |machine, _| machine.remove(path))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.call(Call::CreateDir, |machine, _| machine.create_dir(path))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.call(Call::RemoveDir, |machine, effect| machine.remove_dir_all(path, effect))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.call(Call::List, |machine, _| machine.names.list(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.call(Call::SyncDir, |machine, _| machine.names.sync(path))
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.call(Call::FreeBytes, |machine, _| machine.names.list(path).map(|_| machine.free_bytes()))
    }

    fn boot_id(&self) -> u128 {
        self.machine.lock().boot_id
    }

    fn lock(&self, dir: &Path) -> Result<Box<dyn Send + Sync + Debug>, StorageError> {
        let taken = self.call(Call::Lock, |machine, _| machine.take_lock(dir));
        if !taken.map_err(|error| StorageError::io("lock", dir, error))? {
            return Err(StorageError::Locked { path: dir.to_path_buf(), holder: "process 1 (test)".to_owned() });
        }
        Ok(Box::new(Lock { medium: self.clone(), dir: dir.to_path_buf() }))
    }

    fn is_persistent(&self) -> bool {
        true
    }
}

/// A directory that is locked until this is dropped.
#[derive(Debug)]
struct Lock {
    medium: CrashMedium,
    dir: PathBuf,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.medium.machine.lock().locked.remove(&self.dir);
    }
}

#[derive(Debug)]
struct CrashFile {
    medium: CrashMedium,
    id: FileId,
}

impl File for CrashFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.medium.call(Call::Read, |machine, _| Ok(machine.file(self.id).read(buf, offset)))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.medium.call(Call::Write, |machine, effect| machine.write(self.id, bytes, offset, effect))
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.medium.call(Call::Allocate, |machine, _| machine.allocate(self.id, len))
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.medium.call(Call::Truncate, |machine, _| {
            machine.truncate(self.id, len);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.medium.call(Call::Sync, |machine, effect| machine.sync(self.id, effect))
    }

    fn len(&self) -> io::Result<u64> {
        self.medium.call(Call::Len, |machine, _| Ok(machine.file(self.id).len()))
    }
}

impl Drop for CrashFile {
    fn drop(&mut self) {
        self.medium.machine.lock().close(self.id);
    }
}

#[cfg(test)]
mod tests;
