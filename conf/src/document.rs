//! What stands in a file, its includes and variables carried out.

use std::path::Path;

use crate::{Block, LoadError, Surroundings, digest, load};

/// The values of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub(crate) root: Block,
}

impl Document {
    /// Reads the file at `path` and what it includes.
    ///
    /// # Errors
    /// [`LoadError`] for the first thing that is wrong with the syntax, a file or a variable.
    pub fn open(path: impl AsRef<Path>, surroundings: &dyn Surroundings) -> Result<Self, LoadError> {
        load::file(path.as_ref(), surroundings).map(|root| Self { root })
    }

    /// Reads `text` as if it stood in a file at `path`.
    ///
    /// # Errors
    /// [`LoadError`], as for [`open`](Self::open).
    pub fn parse(path: impl AsRef<Path>, text: &str, surroundings: &dyn Surroundings) -> Result<Self, LoadError> {
        load::text(path.as_ref(), text, surroundings).map(|root| Self { root })
    }

    /// The keys of the outermost level.
    pub fn root(&self) -> &Block {
        &self.root
    }

    /// `sha256:` and the digest of all values, whatever their form in the file was. [nats-server: `-t`]
    pub fn digest(&self) -> String {
        digest::digest(&self.root)
    }
}
