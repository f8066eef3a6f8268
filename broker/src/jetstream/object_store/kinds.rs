//! What can go wrong with objects, with the names of async-nats.

use std::fmt::{self, Display};

use super::meta::MetaError;
use crate::client::error::Error;

/// An error and its kinds, each with its text.
macro_rules! kinds {
    ($(#[$of_error:meta])* $error:ident, $(#[$of_kinds:meta])* $kinds:ident { $($(#[$of_kind:meta])* $kind:ident $text:literal)* }) => {
        $(#[$of_error])*
        pub type $error = Error<$kinds>;

        $(#[$of_kinds])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum $kinds {
            $($(#[$of_kind])* $kind,)*
        }

        impl Display for $kinds {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$kind => $text,)* })
            }
        }
    };
}

kinds! {
    /// Why nothing is known of an object.
    InfoError,
    /// What went wrong with asking for an object.
    InfoErrorKind {
        /// A name has a byte at least.
        InvalidName "invalid object name"
        /// There is no such object.
        NotFound "not found"
        /// The store refused, or what describes the object can't be read; see the source.
        Other "getting info failed"
        /// The answer did not come in time.
        TimedOut "timed out"
    }
}

kinds! {
    /// Why an object is not to be had.
    GetError,
    /// What went wrong with getting an object.
    GetErrorKind {
        /// A name has a byte at least.
        InvalidName "invalid object name"
        /// Kept so that code written for async-nats compiles: no consumer is needed.
        ConsumerCreate "failed creating consumer for fetching object"
        /// There is no such object, or it was deleted.
        NotFound "object not found"
        /// It is a link to a store.
        BucketLink "object is a link to a bucket"
        /// See the source: the store refused, or links go round in a ring.
        Other "failed getting object"
        /// The answer did not come in time.
        TimedOut "timed out"
    }
}

kinds! {
    /// Why an object was not deleted.
    DeleteError,
    /// What went wrong with deleting an object.
    DeleteErrorKind {
        /// The answer did not come in time.
        TimedOut "timed out"
        /// There is no such object.
        NotFound "object not found"
        /// That it is deleted could not be written; see the source.
        Metadata "failed rolling up metadata"
        /// A name has a byte at least.
        InvalidName "invalid object name"
        /// It is deleted, but its chunks could not be removed; see the source.
        Chunks "failed purging chunks"
        /// See the source.
        Other "delete failed"
    }
}

kinds! {
    /// Why an object was not put.
    PutError,
    /// What went wrong with putting an object. But for [`PurgeOldChunks`](Self::PurgeOldChunks), what was there before is
    /// there still.
    PutErrorKind {
        /// A name has a byte at least.
        InvalidName "invalid object name"
        /// What was to be put could not be read; see the source.
        ReadChunks "error while reading the buffer"
        /// A chunk could not be written; see the source.
        PublishChunks "failed publishing object chunks"
        /// What describes the object could not be written; see the source.
        PublishMetadata "failed publishing metadata"
        /// The object is there, but the chunks of the one that it replaced could not be removed; see the source.
        PurgeOldChunks "failed purging old chunks"
        /// The answer did not come in time: the object is there or not.
        TimedOut "timed out"
        /// See the source: a chunk has no byte, or the store refused.
        Other "error"
    }
}

kinds! {
    /// Why a link was not made.
    AddLinkError,
    /// What went wrong with making a link.
    AddLinkErrorKind {
        /// A link has a name.
        EmptyName "link name cannot be empty"
        /// An object has a name.
        ObjectRequired "cannot link to empty Object"
        /// The object was deleted.
        Deleted "cannot link a deleted Object"
        /// The object is a link itself.
        LinkToLink "cannot link to another link"
        /// The link could not be written; see the source.
        PublishMetadata "failed publishing link metadata"
        /// There is an object of this name.
        AlreadyExists "object already exists"
        /// See the source.
        Other "error"
    }
}

kinds! {
    /// Why what is known of an object was not changed.
    UpdateMetadataError,
    /// What went wrong with changing what is known of an object.
    UpdateMetadataErrorKind {
        /// A name has a byte at least.
        InvalidName "invalid object name"
        /// There is no such object, or it was deleted.
        NotFound "object not found"
        /// The answer did not come in time.
        TimedOut "timed out"
        /// See the source.
        Other "error"
        /// It could not be written; see the source.
        PublishMetadata "failed publishing metadata"
        /// There is an object of the new name.
        NameAlreadyInUse "object with updated name already exists"
        /// It has the new name, and the old one, too: that could not be removed; see the source.
        Purge "failed purging old name metadata"
    }
}

kinds! {
    /// Why a watch or a list did not begin.
    WatchError,
    /// What went wrong with beginning a watch or a list.
    WatchErrorKind {
        /// The answer did not come in time.
        TimedOut "timed out"
        /// The store refused; see the source.
        ConsumerCreate "watch consumer creation failed"
        /// See the source.
        Other "watch failed"
    }
}

kinds! {
    /// Why a store was not sealed.
    SealError,
    /// What went wrong with sealing a store.
    SealErrorKind {
        /// The answer did not come in time.
        TimedOut "timed out"
        /// See the source.
        Other "seal failed"
        /// Nothing is known of the store; see the source.
        Info "failed getting stream info before sealing bucket"
        /// The store refused; see the source.
        Update "failed sealing the bucket"
    }
}

kinds! {
    /// Why a watch or a list failed.
    WatcherError,
    /// What went wrong while watching or listing.
    WatcherErrorKind {
        /// The store is gone, or could not be read; see the source.
        ConsumerError "watcher consumer error"
        /// What describes an object can't be read; see the source. The watch goes on.
        Other "watcher error"
    }
}

/// Why a list did not begin.
pub type ListError = WatchError;
/// What went wrong with beginning a list.
pub type ListErrorKind = WatchErrorKind;
/// Why a list failed.
pub type ListerError = WatcherError;
/// What went wrong while listing.
pub type ListerErrorKind = WatcherErrorKind;

impl From<MetaError> for InfoError {
    fn from(error: MetaError) -> Self {
        match error {
            MetaError::Name => InfoErrorKind::InvalidName.into(),
            MetaError::Store(error) if error.is_timeout() => Self::with_source(InfoErrorKind::TimedOut, error),
            MetaError::Store(error) => Self::with_source(InfoErrorKind::Other, error),
            MetaError::Json(error) => Self::with_source(InfoErrorKind::Other, error),
        }
    }
}

/// Makes an error with the same kinds from what went wrong with asking.
macro_rules! from_info {
    ($error:ident, $kinds:ident) => {
        impl From<InfoError> for $error {
            fn from(error: InfoError) -> Self {
                match error.kind() {
                    InfoErrorKind::InvalidName => $kinds::InvalidName.into(),
                    InfoErrorKind::NotFound => $kinds::NotFound.into(),
                    InfoErrorKind::TimedOut => Self::with_source($kinds::TimedOut, error),
                    InfoErrorKind::Other => Self::with_source($kinds::Other, error),
                }
            }
        }
    };
}

from_info!(GetError, GetErrorKind);
from_info!(DeleteError, DeleteErrorKind);
from_info!(UpdateMetadataError, UpdateMetadataErrorKind);
