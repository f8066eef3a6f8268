//! The configuration file is read again while the server runs: all of it holds from then on, or nothing of it.

use std::{error::Error, io, path::Path};

use embus::{Broker, ReloadError};
use tracing::{error, info};

use crate::{
    broker,
    configuration::ConfigurationError,
    log::{Log, LogError},
    origin::Origin,
    pid_file,
    places::{PlaceError, Places},
    settings::Settings,
};

/// A running server, and what it takes to change it.
pub(crate) struct Running<'a> {
    pub(crate) broker: &'a Broker,
    pub(crate) origin: &'a Origin,
    pub(crate) log: &'a Log,
    /// What it runs with.
    pub(crate) settings: Settings,
}

/// Why everything stays as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The text is nats-server's.
    #[error("can only reload config when a file is provided using -c or --config")]
    NoFile,
    /// The text is nats-server's.
    #[error("config reload not supported for {0}")]
    Fixed(&'static str),
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("Could not write pidfile: open {path}: {error}")]
    PidFile { path: String, error: io::Error },
    #[error("{0}")]
    Settings(#[source] Box<dyn Error + Send + Sync>),
    #[error(transparent)]
    Broker(#[from] ReloadError),
}

impl Running<'_> {
    /// Reads the file again and tells of it. The lines are those of nats-server.
    pub(crate) async fn reload(&mut self) -> Result<(), Refused> {
        let outcome = self.change().await;
        match &outcome {
            Ok(changes) => {
                for change in changes {
                    info!("Reloaded: {change}");
                }
                info!("Reloaded server configuration ({})", self.settings.digest);
            }
            Err(refused) => error!("Failed to reload server configuration: {refused}"),
        }
        outcome.map(drop)
    }

    async fn change(&mut self) -> Result<Vec<String>, Refused> {
        if self.origin.file().is_none() {
            return Err(Refused::NoFile);
        }
        let settings = self.origin.read()?;
        if settings.ports_file_dir != self.settings.ports_file_dir {
            return Err(Refused::Fixed("ports_file_dir"));
        }
        let builder = broker::builder(&settings, &Places::of(&settings)?).map_err(Refused::Settings)?;
        let (before, now) = (self.settings.log_options(), settings.log_options());
        let mut changes = now.changes(&before);
        let log = Log::prepare(&before, now)?;
        // What can fail comes first; the broker goes last, and what was written before is taken back if it refuses.
        let pid_file = settings.pid_file.as_deref().filter(|path| self.settings.pid_file.as_deref() != Some(*path));
        if let Some(path) = pid_file {
            write_pid(path)?;
            changes.push(format!("pid_file = {}", path.display()));
        }
        let reloaded = self.broker.reload(builder).await.inspect_err(|_| take_back(pid_file))?;
        self.log.apply(log);
        self.settings = settings;
        changes.extend_from_slice(reloaded.changes());
        Ok(changes)
    }
}

fn write_pid(path: &Path) -> Result<(), Refused> {
    pid_file::write(path).map_err(|error| Refused::PidFile { path: path.display().to_string(), error })
}

fn take_back(pid_file: Option<&Path>) {
    if let Some(path) = pid_file {
        // Nobody knows of it yet; it may be gone already.
        let _ = std::fs::remove_file(path);
    }
}
