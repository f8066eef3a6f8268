//! The configuration file: read, and looked through for what this server cannot do.

use std::{fmt, path::Path};

use embus_conf::{Config, ConfigError, Directive, Document, System};

use crate::{directives, log::InvalidDaemon, operators};

/// A file that can be followed.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    pub(crate) config: Config,
    /// What it says, as one number.
    pub(crate) digest: String,
}

/// Why it cannot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigurationError {
    /// Correct the file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Correct the address.
    #[error(transparent)]
    Syslog(#[from] InvalidDaemon),
    /// Use nats-server, or go without.
    #[error("{0}")]
    Unsupported(Unsupported),
}

/// Directives that cannot be carried out, one a line.
#[derive(Debug)]
pub(crate) struct Unsupported(Vec<Directive>);

impl Configuration {
    /// Reads the file; nothing in it is read and then not done.
    pub(crate) fn open(path: &Path) -> Result<Self, ConfigurationError> {
        let document = Document::open(path, &System).map_err(ConfigError::from)?;
        let mut config = Config::read(&document)?;
        let unsupported = directives::unsupported(&config);
        if !unsupported.is_empty() {
            return Err(ConfigurationError::Unsupported(Unsupported(unsupported)));
        }
        operators::load(&mut config).map_err(|fault| ConfigError::Faults(vec![fault]))?;
        Ok(Self { config, digest: document.digest() })
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Directive { path, position, .. }) in self.0.iter().enumerate() {
            let end = if index + 1 < self.0.len() { "\n" } else { "" };
            write!(f, "{position}: not supported yet: {path}{end}")?;
        }
        Ok(())
    }
}
