//! Exports, imports and mappings of the configuration file, as the broker knows them.

use std::time::Duration;

use embus::auth::{Export, Import, Mapping, ResponseType};
use embus_conf::Source;

use crate::login::LoginError;

/// One element of `exports`.
pub(super) fn export(export: &embus_conf::Export) -> Export {
    let mut made = match (&export.stream, &export.service) {
        (Some(subject), _) => Export::stream(subject.clone()),
        (None, service) => Export::service(service.clone().unwrap_or_default()),
    };
    made = made.responses(match export.response_type {
        None | Some(embus_conf::ResponseType::Singleton) => ResponseType::Singleton,
        Some(embus_conf::ResponseType::Stream) => ResponseType::Stream,
        Some(embus_conf::ResponseType::Chunked) => ResponseType::Chunked,
    });
    // No time at all is the default. [nats-server: `threshold`]
    if let Some(threshold) = export.response_threshold.filter(|threshold| *threshold > Duration::ZERO) {
        made = made.threshold(threshold);
    }
    if let Some(accounts) = &export.accounts {
        made = made.to_accounts(accounts.clone());
    }
    match export.account_token_position {
        Some(position) if position > 0 => made.account_token(position.into()),
        _ => made,
    }
}

/// One element of `imports`.
///
/// # Errors
/// [`LoginError::Prefix`] for a prefix where nothing is put before anything.
pub(super) fn import(import: &embus_conf::Import) -> Result<Import, LoginError> {
    let made = match (&import.stream, &import.service) {
        (Some(Source { account, subject }), _) => {
            let made = Import::stream(account.clone(), subject.clone());
            import.prefix.iter().fold(made, |made, prefix| made.with_prefix(prefix.clone()))
        }
        (None, service) => {
            let Source { account, subject } = service.clone().unwrap_or_default();
            if import.prefix.is_some() {
                return Err(LoginError::Prefix(subject));
            }
            let made = Import::service(account, subject);
            if import.share { made.shared() } else { made }
        }
    };
    Ok(import.to.iter().fold(made, |made, to| made.local(to.clone())))
}

/// One entry of `mappings`.
///
/// # Errors
/// [`LoginError::Cluster`] where other servers are spoken of.
pub(super) fn mapping(mapping: &embus_conf::Mapping) -> Result<Mapping, LoginError> {
    let mut made = Mapping::weighted(mapping.source.clone());
    for destination in &mapping.destinations {
        if destination.cluster.is_some() {
            return Err(LoginError::Cluster(mapping.source.clone()));
        }
        let weight = destination.weight.and_then(|weight| u8::try_from(weight).ok()).unwrap_or(100);
        made = made.or(destination.subject.clone(), weight);
    }
    Ok(made)
}
