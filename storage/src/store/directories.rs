//! Directories that are there, and will be there after a power cut.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::StorageError;
use crate::medium::Medium;

/// Makes a directory and all that are missing above it, without making any of it durable. Says whether it is new.
pub(super) fn make(medium: &dyn Medium, dir: &Path) -> Result<bool, StorageError> {
    match try_make(medium, dir) {
        // Something above it is missing, or is a file.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let failed = |error| StorageError::io("create directory", dir, error);
            let parent = dir.parent().ok_or_else(|| failed(error))?;
            make(medium, parent)?;
            try_make(medium, dir).map_err(failed)
        }
        Ok(true) => Ok(true),
        Ok(false) => check(medium, dir).map(|()| false),
        Err(error) => Err(StorageError::io("create directory", dir, error)),
    }
}

/// Makes the names of the directory and of all above it durable.
///
/// Not only of those that were made just now: whoever made the others may have died before that.
pub(super) fn make_durable(medium: &dyn Medium, dir: &Path) -> Result<(), StorageError> {
    for parent in dir.ancestors().skip(1) {
        match medium.sync_dir(parent) {
            // A directory that may be passed but not read was not made by this process nor by one like it.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            Err(error) => return Err(StorageError::io("sync directory", parent, error)),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Makes the names in a directory durable.
pub(crate) fn sync(medium: &dyn Medium, dir: &Path) -> Result<(), StorageError> {
    medium.sync_dir(dir).map_err(|error| StorageError::io("sync directory", dir, error))
}

/// Says whether it is new. The root and the working directory are there.
fn try_make(medium: &dyn Medium, dir: &Path) -> io::Result<bool> {
    if dir.file_name().is_none() {
        return Ok(false);
    }
    match medium.create_dir(dir) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        result => result.map(|()| true),
    }
}

fn check(medium: &dyn Medium, dir: &Path) -> Result<(), StorageError> {
    match medium.list(dir) {
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            Err(StorageError::NotADirectory { path: dir.to_path_buf() })
        }
        // It is there, and need not be listed for what is below it; if it does, that will say so.
        Ok(_) | Err(_) => Ok(()),
    }
}
