//! Where the settings come from: the flags, and the file that they name, which may be read again.

use std::path::Path;

use crate::{
    args::Flags,
    configuration::{Configuration, ConfigurationError},
    settings::Settings,
};

/// The flags, which go before the file.
#[derive(Debug)]
pub(crate) struct Origin {
    flags: Flags,
}

impl Origin {
    pub(crate) fn new(flags: Flags) -> Self {
        Self { flags }
    }

    /// The file, if there is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.flags.config.as_deref()
    }

    /// Reads the file, and puts the flags over it.
    pub(crate) fn read(&self) -> Result<Settings, ConfigurationError> {
        let configuration = self.file().map(Configuration::open).transpose()?.unwrap_or_default();
        let Configuration { config, digest } = configuration;
        Ok(Settings { digest, ..Settings::new(self.flags.clone(), config)? })
    }
}
