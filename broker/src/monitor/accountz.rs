//! `/accountz`: the names of the accounts, or with `acc` what one of them is.

use std::collections::BTreeMap;
use std::time::SystemTime;

use embus_engine::sharing::{Export, ExportKind, Import, ImportKind, Mapping, ResponseType};
use embus_engine::statistics::AccountSnapshot;
use serde::Serialize;

use super::query::{Query, QueryError};
use super::{Source, format};

/// The page; the names are nats-server's.
#[derive(Debug, Serialize)]
pub(super) struct Accountz {
    server_id: String,
    now: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_detail: Option<Detail>,
}

#[expect(clippy::struct_excessive_bools, reason = "these are the fields of the page")]
#[derive(Debug, Serialize)]
struct Detail {
    account_name: String,
    /// Accounts are as they were when the server started.
    update_time: String,
    #[serde(skip_serializing_if = "is_false")]
    is_system: bool,
    expired: bool,
    complete: bool,
    jetstream_enabled: bool,
    leafnode_connections: usize,
    client_connections: usize,
    subscriptions: usize,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    mappings: BTreeMap<String, Vec<Weighted>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exports: Vec<Exported>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    imports: Vec<Imported>,
    name_tag: String,
    sublist_stats: SublistStats,
}

#[derive(Debug, Serialize)]
struct Weighted {
    subject: String,
    weight: u8,
}

#[derive(Debug, Serialize)]
struct Exported {
    subject: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_type: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Imported {
    subject: String,
    account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    local_subject: String,
    r#type: &'static str,
    invalid: bool,
    share: bool,
    tracking: bool,
}

/// Matches are cached by workers, not by accounts.
#[derive(Debug, Serialize)]
struct SublistStats {
    num_subscriptions: usize,
    num_cache: usize,
    num_inserts: u64,
    num_removes: u64,
    num_matches: u64,
    cache_hit_rate: u32,
    max_fanout: u32,
    avg_fanout: u32,
}

/// The detail of the account that the query names.
pub(super) fn detail(source: &dyn Source, query: &Query<'_>) -> Result<impl Serialize, QueryError> {
    render(source, query).map(|page| page.account_detail)
}

/// The page that the query asks for.
pub(super) fn render(source: &dyn Source, query: &Query<'_>) -> Result<Accountz, QueryError> {
    let accounts = source.accounts();
    let system = accounts.iter().find(|account| account.is_system).map(|account| account.name.clone());
    let start = source.statistics().start;
    let page = Accountz {
        server_id: source.facts().info.server_id,
        now: format::timestamp(SystemTime::now()),
        system_account: system,
        accounts: None,
        account_detail: None,
    };
    let Some(name) = query.text("acc") else {
        return Ok(Accountz { accounts: Some(accounts.into_iter().map(|account| account.name).collect()), ..page });
    };
    let account = accounts.into_iter().find(|account| account.name == name);
    let account = account.ok_or_else(|| QueryError::Account { name: name.to_owned() })?;
    Ok(Accountz { account_detail: Some(Detail::of(account, format::timestamp(start))), ..page })
}

impl Detail {
    fn of(account: AccountSnapshot, update_time: String) -> Self {
        let sharing = account.sharing;
        Self {
            name_tag: account.name.clone(),
            account_name: account.name,
            update_time,
            is_system: account.is_system,
            expired: false,
            complete: true,
            jetstream_enabled: account.jetstream,
            leafnode_connections: 0,
            client_connections: account.connections,
            subscriptions: account.subscriptions,
            mappings: sharing.mappings.into_iter().map(weighted).collect(),
            exports: sharing.exports.into_iter().map(Exported::from).collect(),
            imports: sharing.imports.into_iter().map(Imported::from).collect(),
            sublist_stats: SublistStats {
                num_subscriptions: account.subscriptions,
                num_cache: 0,
                num_inserts: account.interest.inserts,
                num_removes: account.interest.removes,
                num_matches: 0,
                cache_hit_rate: 0,
                max_fanout: 0,
                avg_fanout: 0,
            },
        }
    }
}

fn weighted(mapping: Mapping) -> (String, Vec<Weighted>) {
    let all = mapping.destinations.into_iter();
    (mapping.source, all.map(|to| Weighted { subject: to.subject, weight: to.weight }).collect())
}

impl From<Export> for Exported {
    fn from(export: Export) -> Self {
        let (r#type, response_type) = match export.kind {
            ExportKind::Stream => ("stream", None),
            ExportKind::Service { response, .. } => ("service", Some(response)),
        };
        let response_type = response_type.map(|response| match response {
            ResponseType::Singleton => "Singleton",
            ResponseType::Stream => "Streamed",
            ResponseType::Chunked => "Chunked",
        });
        Self { subject: export.subject, r#type, response_type }
    }
}

impl From<Import> for Imported {
    fn from(import: Import) -> Self {
        let Import { account, subject, kind, .. } = import;
        let (r#type, to, local, share) = match kind {
            ImportKind::Stream { to: Some(to), .. } => ("stream", None, to, false),
            ImportKind::Stream { to: None, prefix: Some(prefix) } => {
                ("stream", None, format!("{}.{subject}", prefix.trim_end_matches('.')), false)
            }
            ImportKind::Stream { to: None, prefix: None } => ("stream", None, subject.clone(), false),
            ImportKind::Service { to, share } => {
                let local = to.unwrap_or_else(|| subject.clone());
                ("service", Some(local.clone()), local, share)
            }
        };
        Self { subject, account, to, local_subject: local, r#type, invalid: false, share, tracking: false }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
