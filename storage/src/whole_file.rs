//! Small files that are read, written and replaced as a whole.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::StorageError;
use crate::medium::Medium;

/// Everything in a file; nothing if there is none.
///
/// # Errors
/// `InvalidData` if it holds more than `max` bytes, or turns out shorter than it says.
pub(crate) fn read(medium: &dyn Medium, path: &Path, max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match medium.open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    let len = file.len()?;
    let len = usize::try_from(len).ok().filter(|_| len <= max).ok_or(ErrorKind::InvalidData)?;
    let mut bytes = vec![0; len];
    if file.read_full_at(&mut bytes, 0)? < len {
        return Err(ErrorKind::InvalidData.into());
    }
    Ok(Some(bytes))
}

/// Writes `bytes` durably under a name beside `path`, to be [put](Prepared::put) in its place.
pub(crate) fn prepare<'a>(medium: &'a dyn Medium, path: &'a Path, bytes: &[u8]) -> Result<Prepared<'a>, StorageError> {
    let beside = beside(path);
    let failed = |operation| move |error| StorageError::io(operation, path, error);
    match medium.remove(&beside) {
        // Left from an attempt that a crash ended.
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed("remove")(error)),
    }
    let file = medium.create(&beside).map_err(failed("create"))?;
    let prepared = Prepared { medium, path, beside, done: false };
    file.write_all_at(bytes, 0).map_err(failed("write"))?;
    file.sync().map_err(failed("sync"))?;
    Ok(prepared)
}

/// A file that waits for its name; removed if it does not get it.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    medium: &'a dyn Medium,
    path: &'a Path,
    beside: PathBuf,
    done: bool,
}

impl Prepared<'_> {
    /// Gives it its name, from where the old file vanishes. Durable once its directory is synced.
    pub(crate) fn put(mut self) -> Result<(), StorageError> {
        let renamed = self.medium.rename(&self.beside, self.path);
        renamed.map_err(|error| StorageError::io("rename", self.path, error))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.medium.remove(&self.beside);
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}
