//! Why there is no configuration.

use std::{fmt, io, path::PathBuf};

use crate::position::Position;

/// A file that cannot be read as nats-server's format.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Correct the line.
    #[error("Parse error on line {}: {text} ({position})", position.line)]
    Syntax {
        /// Where.
        position: Position,
        /// What is wrong there.
        text: String,
    },
    /// Make the file readable, or name another one.
    #[error("error opening config file {}: {error}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why it cannot be read.
        error: io::Error,
    },
    /// Correct the path, or what stands in the file.
    #[error("error parsing include file '{path}', {error} ({position})")]
    Include {
        /// The path as written.
        path: String,
        /// Where it is included.
        position: Position,
        /// What is wrong with it.
        error: Box<LoadError>,
    },
    /// Define the variable above the place of its use, or in the environment.
    #[error("variable reference for '{name}' on line {} can not be found ({position})", position.line)]
    Undefined {
        /// The variable.
        name: String,
        /// Where it is used.
        position: Position,
    },
    /// Give the variable of the environment another value.
    #[error("variable reference for '{name}' on line {} could not be parsed: {error} ({position})", position.line)]
    Variable {
        /// The variable.
        name: String,
        /// Where it is used.
        position: Position,
        /// What is wrong with its value.
        error: Box<LoadError>,
    },
    /// Break the circle in the environment.
    #[error("variable reference cycle for '{0}'")]
    Cycle(String),
    /// Include fewer or smaller files, or use variables less.
    #[error("the configuration is too large: {0}")]
    TooLarge(String),
    /// Write something into the file.
    #[error("{}: config has no values or is empty", .0.display())]
    Empty(PathBuf),
}

/// One directive that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands; nothing if it comes from no file.
    pub position: Option<Position>,
    /// What is wrong.
    pub text: String,
}

impl Fault {
    pub(crate) fn new(position: Option<Position>, text: impl Into<String>) -> Self {
        Self { position, text: text.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.position {
            Some(position) => write!(f, "{position}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Why there is no [`Config`](crate::Config).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Correct the file.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Correct the directives; these are all that are wrong, one a line.
    #[error("{}", lines(.0))]
    Faults(Vec<Fault>),
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n")
}
