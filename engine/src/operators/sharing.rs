//! Exports, imports and mappings of a JWT, as accounts share them.

use std::time::{Duration, SystemTime};

use embus_auth::jwt::{self, SharedKind, Vouched};

use super::Unsupported;
use super::imports::Grants;
use crate::sharing::{Export, Import, Mapping, ResponseType, Sharing};

pub(super) fn of(account: &Vouched, grants: &Grants<'_>) -> Result<Sharing, Unsupported> {
    let unsupported = |what| Unsupported { account: account.key().to_owned(), what };
    let claims = &account.claims().nats;
    let exports = claims.exports.iter().enumerate();
    let exports = exports.map(|(place, export)| {
        let importers = grants.importers(account.key(), place);
        self::export(export, importers).map_err(unsupported)
    });
    let imports = claims.imports.iter().enumerate().filter_map(|(place, import)| {
        let until = grants.import(account.key(), place)?;
        Some(self::import(import, until).map_err(unsupported))
    });
    let mappings = claims.mappings.iter().map(|(source, to)| mapping(source, to).map_err(unsupported));
    Ok(Sharing {
        exports: exports.collect::<Result<_, _>>()?,
        imports: imports.collect::<Result<_, _>>()?,
        mappings: mappings.collect::<Result<_, _>>()?,
    })
}

fn export(export: &jwt::Export, importers: Vec<String>) -> Result<Export, &'static str> {
    if export.service_latency.is_some() {
        return Err("latency measurements");
    }
    if export.allow_trace {
        return Err("message traces");
    }
    let mut made = match export.kind {
        SharedKind::Stream => Export::stream(&export.subject),
        SharedKind::Service => Export::service(&export.subject),
    };
    made = made.responses(match export.response_type.as_str() {
        "" | "Singleton" => ResponseType::Singleton,
        "Stream" => ResponseType::Stream,
        "Chunked" => ResponseType::Chunked,
        _ => return Err("response types of that name"),
    });
    // No time at all is the default.
    if let Some(nanoseconds) = u64::try_from(export.response_threshold).ok().filter(|threshold| *threshold > 0) {
        made = made.threshold(Duration::from_nanos(nanoseconds));
    }
    if export.token_req {
        made = made.to_accounts(importers);
    }
    Ok(match export.account_token_position {
        0 => made,
        position => made.account_token(position),
    })
}

fn import(import: &jwt::Import, until: Option<SystemTime>) -> Result<Import, &'static str> {
    if import.allow_trace {
        return Err("message traces");
    }
    let made = match import.kind {
        SharedKind::Stream => Import::stream(&import.account, &import.subject),
        SharedKind::Service => Import::service(&import.account, import.remote()),
    };
    let made = match (import.kind, import.local_subject.as_str(), import.to.as_str()) {
        (_, "", "") => made,
        (SharedKind::Stream, "", prefix) => made.with_prefix(prefix),
        (SharedKind::Service, "", _) => made.local(&import.subject),
        (_, local, _) => made.local(local),
    };
    let made = if import.share { made.shared() } else { made };
    Ok(until.into_iter().fold(made, Import::until))
}

fn mapping(source: &str, destinations: &[jwt::Weighted]) -> Result<Mapping, &'static str> {
    let mut made = Mapping::weighted(source);
    for destination in destinations {
        if !destination.cluster.is_empty() {
            return Err("mappings of clusters");
        }
        let weight = if destination.weight == 0 { 100 } else { destination.weight };
        made = made.or(&destination.subject, weight);
    }
    Ok(made)
}
