//! The directory that streams live in: one process owns it, a version stands in it, and every stream has a folder there.
//!
//! ```text
//! <directory>/lock              whoever has it locked owns everything here
//! <directory>/format            the version of everything here; there once every directory above it is durable
//! <directory>/streams/<n>       a stream
//! <directory>/streams/new-<n>      one that is not there yet: swept away at the next start
//! <directory>/streams/deleted-<n>  one that is not there any more: the same
//! <directory>/accounts             the stores of other accounts, see `accounts`
//! ```
//!
//! Streams are numbered. Their names, which come from clients, are in their configuration and never become paths.

mod accounts;
mod directories;
mod format;

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::StorageError;
use crate::file_pool::FilePool;
use crate::medium::Medium;
use crate::stream_dir::{self, StreamDir};

/// One directory of streams, locked until this and everything that came from it is dropped.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    /// What the next stream gets. A number is not given out twice in the life of a store.
    next_number: Mutex<u64>,
}

/// What streams need of their store.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) medium: Arc<dyn Medium>,
    dir: PathBuf,
    /// `dir` and [`STREAMS`].
    pub(crate) streams: PathBuf,
    _lock: Box<dyn Send + Sync + Debug>,
    /// The store that it is an account of: locked as long as this one is.
    _parent: Option<Arc<Shared>>,
}

impl Store {
    /// Opens the store in the directory, which is made if it is missing. What was begun or deleted there but not finished
    /// is removed.
    ///
    /// # Errors
    /// [`StorageError::Locked`] if somebody else has it, this process included; [`StorageError::NewerFormat`] before
    /// anything is written; [`StorageError::NotADirectory`] if it or a part of its path is a file.
    pub fn open(medium: Arc<dyn Medium>, dir: &Path) -> Result<Arc<Self>, StorageError> {
        Self::open_below(FilePool::over(medium), dir, None)
    }

    fn open_below(medium: Arc<dyn Medium>, dir: &Path, parent: Option<Arc<Shared>>) -> Result<Arc<Self>, StorageError> {
        directories::make(&*medium, dir)?;
        // Before the lock, as taking it writes; and again behind it, as another process may have been faster.
        format::read(&*medium, dir)?;
        let lock = medium.lock(dir)?;
        let streams = dir.join(STREAMS);
        if format::read(&*medium, dir)?.is_none() {
            directories::make_durable(&*medium, dir)?;
            directories::make(&*medium, &streams)?;
            directories::sync(&*medium, dir)?;
            format::write(&*medium, dir)?;
        } else if directories::make(&*medium, &streams)? {
            directories::sync(&*medium, dir)?;
        }
        // What a process renamed just before it died counts from now on, and may go if it is swept away.
        directories::sync(&*medium, &streams)?;
        let shared = Arc::new(Shared { medium, dir: dir.to_path_buf(), streams, _lock: lock, _parent: parent });
        let next_number = Mutex::new(shared.sweep()?);
        Ok(Arc::new(Self { shared, next_number }))
    }

    /// Deletes all streams. Nobody may have one open.
    pub fn clear(&self) -> Result<(), StorageError> {
        let deleted = self.streams()?.iter().map(StreamDir::delete).collect::<Result<Vec<_>, _>>();
        let deleted = deleted.map_err(StorageError::from)?;
        deleted.into_iter().try_for_each(stream_dir::Deleted::sweep)
    }

    /// The disk it is on.
    pub fn medium(&self) -> &Arc<dyn Medium> {
        &self.shared.medium
    }

    /// The directory, as it was given.
    pub fn path(&self) -> &Path {
        &self.shared.dir
    }

    /// Bytes that its disk has free.
    pub fn free_bytes(&self) -> Result<u64, StorageError> {
        let dir = self.path();
        self.medium().free_bytes(dir).map_err(|error| StorageError::io("free space", dir, error))
    }

    /// All streams, by number, which is the order of their creation.
    pub fn streams(&self) -> Result<Vec<StreamDir>, StorageError> {
        let names = self.shared.names()?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| Name::parse(name)?.stream()).collect();
        numbers.sort_unstable();
        Ok(numbers.into_iter().map(|number| StreamDir::new(self.shared.clone(), number)).collect())
    }

    /// Begins a stream: a folder with its configuration that does not count until it is published.
    pub fn begin_stream(&self, config: &[u8]) -> Result<stream_dir::NewStream, StorageError> {
        let number = {
            let mut next = self.next_number.lock();
            *next += 1;
            *next - 1
        };
        stream_dir::NewStream::create(self.shared.clone(), number, config)
    }
}

impl Shared {
    fn names(&self) -> Result<Vec<String>, StorageError> {
        self.medium.list(&self.streams).map_err(|error| StorageError::io("list", &self.streams, error))
    }

    /// Removes what is not a stream yet or any more; returns a number above all that are there.
    fn sweep(&self) -> Result<u64, StorageError> {
        let mut highest = 0;
        for name in self.names()? {
            let Some(parsed) = Name::parse(&name) else {
                tracing::warn!(path = %self.streams.join(&name).display(), "not a stream, left alone");
                continue;
            };
            highest = highest.max(parsed.number());
            if parsed.stream().is_none() {
                let path = self.streams.join(&name);
                // It does no harm where it lies, so that it stays there is no reason not to start.
                if let Err(error) = self.medium.remove_dir_all(&path) {
                    tracing::warn!(path = %path.display(), %error, "could not be removed");
                }
            }
        }
        Ok(highest.saturating_add(1))
    }

    /// Where a stream is, or will be, or was.
    pub(crate) fn folder(&self, name: Name) -> PathBuf {
        self.streams.join(match name {
            Name::Stream(number) => number.to_string(),
            Name::New(number) => format!("{NEW}{number}"),
            Name::Deleted(number) => format!("{DELETED}{number}"),
        })
    }
}

/// What the name of a folder says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Stream(u64),
    New(u64),
    Deleted(u64),
}

impl Name {
    /// Takes exactly the names that this writes: what is swept away must be ours.
    fn parse(name: &str) -> Option<Self> {
        if let Some(number) = name.strip_prefix(NEW) {
            return Some(Self::New(parse_number(number)?));
        }
        if let Some(number) = name.strip_prefix(DELETED) {
            return Some(Self::Deleted(parse_number(number)?));
        }
        parse_number(name).map(Self::Stream)
    }

    fn stream(self) -> Option<u64> {
        match self {
            Self::Stream(number) => Some(number),
            Self::New(_) | Self::Deleted(_) => None,
        }
    }

    fn number(self) -> u64 {
        match self {
            Self::Stream(number) | Self::New(number) | Self::Deleted(number) => number,
        }
    }
}

fn parse_number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

const STREAMS: &str = "streams";
const NEW: &str = "new-";
const DELETED: &str = "deleted-";

#[cfg(test)]
mod tests;
