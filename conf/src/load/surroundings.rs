//! What a configuration reaches outside of itself.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Files and variables that a configuration may name.
pub trait Surroundings {
    /// The bytes of the file at `path`; an error if there are more than `max`.
    fn read(&self, path: &Path, max: usize) -> io::Result<Vec<u8>>;

    /// The variable of the environment with this name.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The file system and the environment of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Surroundings for System {
    fn read(&self, path: &Path, max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        if bytes.len() > max {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {max} bytes")));
        }
        Ok(bytes)
    }

    fn variable(&self, name: &str) -> Option<String> {
        // What is no name of a variable, the library of the system need not see.
        let is_name = !name.is_empty() && !name.contains(['=', '\0']);
        is_name.then(|| std::env::var(name).ok()).flatten()
    }
}

/// No files and no variables: for a configuration that stands for itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Surroundings for Nowhere {
    fn read(&self, _path: &Path, _max: usize) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn variable(&self, _name: &str) -> Option<String> {
        None
    }
}
