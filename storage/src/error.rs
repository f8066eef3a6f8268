//! What can go wrong with a store.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the store did not do what it was asked for. Cheap to clone: one failed commit answers many publishers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// The disk refused.
    #[error("{operation} {}: {source}", path.display())]
    Io {
        /// What was tried, such as `write`.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the disk said.
        source: Arc<io::Error>,
    },
    /// There is no room: worth another try later.
    #[error("no space left on device: {}", path.display())]
    Full {
        /// Which file did not grow.
        path: PathBuf,
    },
    /// What was read is not what was written.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A message is larger than a record may be.
    #[error("message too large")]
    TooLarge,
    /// The sequence numbers of the stream are used up.
    #[error("sequence numbers are used up")]
    SequenceExhausted,
    /// Another process works in the directory.
    #[error("{} is in use by {holder}", path.display())]
    Locked {
        /// The store directory.
        path: PathBuf,
        /// Who holds it, such as `process 4711 (my-program)`.
        holder: String,
    },
    /// The directory was written by a newer version.
    #[error("{} was written in format {found}; this version reads up to {supported}", path.display())]
    NewerFormat {
        /// The store directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest one that is understood.
        supported: u32,
    },
    /// The name of an account is empty, or too long for a directory: give the account another one.
    #[error("no directory can be named after the account {name:?}")]
    AccountName {
        /// The name.
        name: String,
    },
    /// The directory holds the streams of another account, where the disk takes two spellings of a name for the same.
    #[error("{} belongs to the account {found:?}", path.display())]
    OtherAccount {
        /// The account's directory.
        path: PathBuf,
        /// Whose it is.
        found: String,
    },
    /// The path exists and is not a directory.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
}

impl StorageError {
    /// What the disk said about one call; a disk without room is an error of its own.
    pub(crate) fn io(operation: &'static str, path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path: path.to_path_buf() },
            _ => Self::Io { operation, path: path.to_path_buf(), source: Arc::new(error) },
        }
    }
}
