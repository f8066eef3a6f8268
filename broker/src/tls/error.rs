//! Why there is no TLS.

use std::io;

/// Why TLS cannot be as it was asked for. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {source_name}: {error}")]
    File {
        /// The file.
        source_name: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// What was read is not what it should be.
    #[error("{source_name}: {reason}")]
    Content {
        /// The file, or where else it came from.
        source_name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The settings do not fit together, or name something that there is not.
    #[error("{0}")]
    Config(String),
    /// rustls does not take it.
    #[error("{0}")]
    Rustls(#[from] rustls::Error),
}

impl TlsError {
    pub(super) fn content(source_name: &str, reason: impl std::fmt::Display) -> Self {
        Self::Content { source_name: source_name.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn config(text: impl Into<String>) -> Self {
        Self::Config(text.into())
    }
}
