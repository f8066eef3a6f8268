//! The broker, as the settings have it be.

use std::{error::Error, path::PathBuf};

use embus::{Broker, Builder};

use crate::{places::Places, settings::Settings};

/// Tells a builder of all settings; nothing has begun yet.
pub(crate) fn builder(settings: &Settings, places: &Places) -> Result<Builder, Box<dyn Error + Send + Sync>> {
    let mut builder = settings.transports.apply(Broker::builder(), places)?;
    if let Some(name) = &settings.server_name {
        builder = builder.server_name(name.clone());
    }
    builder = settings.apply(builder)?.config_digest(settings.digest.clone());
    if settings.jetstream {
        builder = builder.store_dir(store_dir(settings));
    }
    Ok(builder)
}

/// A directory of embus's own below the one that was given: another server may keep its streams beside it.
pub(crate) fn store_dir(settings: &Settings) -> PathBuf {
    let given = settings.store_dir.clone();
    given.unwrap_or_else(|| std::env::temp_dir().join("nats")).join("embus")
}
