//! What a recovery could not make sense of is kept, for somebody who can: the next rewrite leaves it out.

use std::path::PathBuf;

use super::recover::read_all;
use super::{ConsumerJournal, Place, format};
use crate::error::StorageError;

impl ConsumerJournal {
    /// Keeps a copy of what the recovery read, under a name that nothing removes but the end of the stream; returns its
    /// path. To be called before the first write. Nothing if no file was read.
    ///
    /// # Errors
    /// What the disk says: then the journal must not be written to, as that removes the original.
    pub fn keep_copy(&self) -> Result<Option<PathBuf>, StorageError> {
        // The newest one is what was read.
        self.stale.first().map(|&generation| self.place.keep_copy(generation)).transpose()
    }
}

impl Place {
    fn keep_copy(&self, generation: u64) -> Result<PathBuf, StorageError> {
        let kept = self.dir.join(format::kept_name(generation));
        let failed = |operation| move |error| self.error(generation, operation, error);
        if self.medium.open(&kept).is_ok() {
            return Ok(kept);
        }
        let original = self.medium.open(&self.path(generation)).map_err(failed("open"))?;
        let bytes = read_all(&*original).map_err(failed("read"))?;
        let temporary = self.dir.join(format::temporary_name(generation));
        let copy = self.create(&temporary).map_err(failed("copy"))?;
        copy.write_all_at(&bytes, 0).and_then(|()| copy.sync()).map_err(failed("copy"))?;
        self.medium.rename(&temporary, &kept).map_err(failed("rename the copy of"))?;
        self.medium.sync_dir(&self.dir).map_err(failed("sync the directory of"))?;
        Ok(kept)
    }
}
