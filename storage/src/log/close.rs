//! Ending in good order.

use super::{Log, Position};
use crate::error::StorageError;
use crate::segment::TailMark;

impl Log {
    /// Ends in good order: everything is committed and synced, and a checkpoint written. Blocks.
    pub fn close(&mut self, notes: &[u8]) -> Result<(), StorageError> {
        self.check_usable()?;
        while let Some(commit) = self.take_commit(true) {
            self.finish_commit(commit.run())?;
        }
        self.check_usable()?;
        self.mark_end()?;
        self.save_checkpoint(notes)
    }

    /// Says that everything up to the end is durable, so that the next run goes on right there. If that does not reach the
    /// disk, the next run goes on elsewhere.
    fn mark_end(&mut self) -> Result<(), StorageError> {
        let active = self.active();
        let is_unchanged = self.position == Position::default() && self.first_sequence <= self.durable.written.floor;
        if self.unproven.is_some() || is_unchanged {
            // The end is in doubt and stays so, or nothing has changed since the log was opened: not even time has taken
            // messages.
            return Ok(());
        }
        let end = u64::from(active.end);
        let mark = TailMark {
            commit: self.durable.commits + 1,
            end,
            last_sequence: self.last_sequence,
            synced_sequence: self.last_sequence,
            synced_end: end,
            reserved_to: self.last_sequence,
            floor: self.first_sequence,
            synced_floor: self.first_sequence,
            boot_id: self.durable.boot_id,
            given_to: self.last_sequence,
            continued: false,
            is_unnamed: false,
        };
        let file = active.file.file()?;
        if active.file.allocated() > end {
            file.truncate(end).map_err(|error| active.file.error("truncate", error))?;
            active.file.set_allocated(end);
        }
        let (at, bytes) = mark.encode(self.durable.slot, active.file.salt, &self.single.encode());
        file.write_all_at(&bytes, at.into()).map_err(|error| active.file.error("write", error))?;
        self.durable.commits = mark.commit;
        Ok(())
    }
}
