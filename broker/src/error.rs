//! What can go wrong when a broker starts.

pub use crate::client::error::Error;

use std::io;

use embus_storage::error::StorageError;

use crate::jetstream::EnsureStreamError;
use crate::jetstream::kv::EnsureBucketError;

/// Why a broker did not start. Nothing of it runs then, and no address is taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address to listen on is not one: it needs the form `host:port`.
    #[error("cannot listen on {address:?}: {source}")]
    Address {
        /// The address as it was given.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An address cannot be listened on: it is in use, not of this machine, or not permitted.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address as it was given.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The monitoring port cannot be listened on.
    #[error("cannot listen on {address} for monitoring: {source}")]
    Monitor {
        /// The address as it was given.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// TLS cannot be as it was asked for.
    #[cfg(feature = "tls")]
    #[error("cannot have TLS: {0}")]
    Tls(#[from] crate::tls::TlsError),
    /// Two settings exclude each other, or one is out of its range.
    #[error("invalid configuration: {0}")]
    Config(String),
    /// The store directory can't be used: it is not a directory, in use by another broker, read-only, or was written by
    /// a newer version.
    #[error("cannot open the store: {0}")]
    Store(#[from] StorageError),
    /// A stream that was [declared](crate::Builder::stream) can't be as it was declared.
    #[error("cannot have stream {name:?} as declared: {source}")]
    Stream {
        /// The stream.
        name: String,
        /// Why not.
        #[source]
        source: EnsureStreamError,
    },
    /// A bucket that was [declared](crate::Builder::bucket) can't be as it was declared.
    #[error("cannot have bucket {name:?} as declared: {source}")]
    Bucket {
        /// The bucket.
        name: String,
        /// Why not.
        #[source]
        source: EnsureBucketError,
    },
    /// The caller is not inside a tokio runtime.
    #[error("a broker starts inside a tokio runtime: {0}")]
    Runtime(#[from] tokio::runtime::TryCurrentError),
}

impl StartError {
    /// The same fault, said of the monitoring port.
    #[cfg(feature = "monitor")]
    pub(crate) fn of_monitor(self) -> Self {
        match self {
            Self::Address { address, source } | Self::Listen { address, source } => Self::Monitor { address, source },
            other => other,
        }
    }
}
