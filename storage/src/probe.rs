//! Finding out whether a disk takes writes, where nothing has to be written just now.

use std::path::Path;

use crate::error::StorageError;
use crate::medium::Medium;
use crate::whole_file;

/// Writes a small file in the directory, syncs it, and removes it again. What a crash leaves of it, the next one replaces.
///
/// # Errors
/// What the disk said: it is full, read-only or broken.
pub fn write_and_sync(medium: &dyn Medium, dir: &Path) -> Result<(), StorageError> {
    whole_file::prepare(medium, &dir.join(NAME), &[0; BYTES]).map(drop)
}

const NAME: &str = "probe";
/// Enough that the room which is left in the blocks of other files does not pass for room on the disk.
const BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medium::crash::{CrashMedium, Fault};

    #[test]
    fn a_disk_that_fails_is_told_from_one_that_does_not() {
        let disk = CrashMedium::new(1);
        let dir = Path::new("/dir");
        disk.create_dir(dir).unwrap();
        assert!(write_and_sync(&disk, dir).is_ok());
        for fault in [Fault::Io, Fault::Full, Fault::FailedSync] {
            disk.fail_at(disk.calls() + 1, fault);
            assert!(write_and_sync(&disk, dir).is_err(), "{fault:?}");
            assert!(write_and_sync(&disk, dir).is_ok(), "{fault:?}");
        }
        disk.set_space(Some(0));
        assert!(write_and_sync(&disk, dir).is_err());
        assert_eq!(disk.files().len(), 0);
    }
}
