//! What accounts may not share: what is not offered to them, what comes back to where it came from, and what goes too far.

use std::collections::BTreeMap;

use embus_protocol::filter::{covers, is_valid_filter, overlap, tokens};
use embus_protocol::transform::TransformError;

use super::{Export, Import, ImportKind, MAX_HOPS, MappingError, Sharing};

/// Why accounts cannot share as they are told to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SharingError {
    /// Correct the subject of the export.
    #[error("account {account:?}: export {subject:?} is not a subject filter")]
    Export {
        /// Who exports.
        account: String,
        /// The subject.
        subject: String,
    },
    /// The token of `account_token_position` has to be a wildcard.
    #[error("account {account:?}: token {position} of export {subject:?} is not a wildcard")]
    TokenPosition {
        /// Who exports.
        account: String,
        /// The subject.
        subject: String,
        /// The token, counted from 1.
        position: usize,
    },
    /// Declare the account, or correct the name.
    #[error("account {account:?}: account {other:?} of an import or export does not exist")]
    NoAccount {
        /// Who imports or exports.
        account: String,
        /// Who is not there.
        other: String,
    },
    /// The other account does not offer it, or not to this one.
    #[error("account {account:?}: import {subject:?} of account {from:?} is not authorized")]
    NotAuthorized {
        /// Who imports.
        account: String,
        /// The subject.
        subject: String,
        /// From where.
        from: String,
    },
    /// Subject and local subject do not fit.
    #[error("account {account:?}: import {subject:?}: {error}")]
    Subject {
        /// Who imports.
        account: String,
        /// The subject.
        subject: String,
        /// What is wrong.
        error: TransformError,
    },
    /// What it imports comes, perhaps by other imports, from itself.
    #[error("account {account:?}: import {subject:?} forms a cycle")]
    Cycle {
        /// Who imports.
        account: String,
        /// The subject.
        subject: String,
    },
    /// Requests would pass more than [`MAX_HOPS`] accounts.
    #[error("account {account:?}: import {subject:?} leads through more than {MAX_HOPS} accounts")]
    TooLong {
        /// Who imports.
        account: String,
        /// The subject.
        subject: String,
    },
    /// A mapping is none.
    #[error("account {account:?}: {error}")]
    Mapping {
        /// Whose it is.
        account: String,
        /// What is wrong.
        error: MappingError,
    },
}

/// An import, and whose it is.
#[derive(Debug, Clone, Copy)]
struct Taken<'a> {
    account: &'a str,
    import: &'a Import,
}

type All = BTreeMap<String, Sharing>;

/// # Errors
/// [`SharingError`] for the first thing that cannot be. `exists` says which accounts there are.
pub(crate) fn check(all: &All, exists: impl Fn(&str) -> bool) -> Result<(), SharingError> {
    for (account, sharing) in all {
        for export in &sharing.exports {
            check_export(account, export, &exists)?;
        }
        for import in &sharing.imports {
            let taken = Taken { account, import };
            check_import(all, taken, &exists)?;
        }
    }
    let mut seen = BTreeMap::new();
    all.iter().try_for_each(|(account, sharing)| {
        sharing.imports.iter().try_for_each(|import| chain(all, Taken { account, import }, &mut seen).map(drop))
    })
}

fn check_export(account: &str, export: &Export, exists: &impl Fn(&str) -> bool) -> Result<(), SharingError> {
    let (account, subject) = (account.to_owned(), export.subject.clone());
    if !is_valid_filter(subject.as_bytes()) {
        return Err(SharingError::Export { account, subject });
    }
    if let Some(position) = export.account_token_position
        && token(&subject, position) != Some(b"*")
    {
        return Err(SharingError::TokenPosition { account, subject, position });
    }
    match export.accounts.iter().flatten().find(|other| !exists(other)) {
        Some(other) => Err(SharingError::NoAccount { account, other: other.clone() }),
        None => Ok(()),
    }
}

fn token(subject: &str, position: usize) -> Option<&[u8]> {
    tokens(subject.as_bytes()).nth(position.checked_sub(1)?)
}

fn check_import(
    all: &All,
    Taken { account, import }: Taken<'_>,
    exists: &impl Fn(&str) -> bool,
) -> Result<(), SharingError> {
    let (account, subject) = (account.to_owned(), import.subject.clone());
    if !exists(&import.account) {
        return Err(SharingError::NoAccount { account, other: import.account.clone() });
    }
    if !is_valid_filter(subject.as_bytes()) {
        return Err(SharingError::Subject { account, subject, error: TransformError::InvalidSubject });
    }
    if export_for(all, &account, import).is_none() {
        return Err(SharingError::NotAuthorized { account, subject, from: import.account.clone() });
    }
    match import.local_filter() {
        Ok(local) if is_valid_filter(&local) => Ok(()),
        Ok(_) => Err(SharingError::Subject { account, subject, error: TransformError::InvalidSubject }),
        Err(error) => Err(SharingError::Subject { account, subject, error }),
    }
}

/// The export that allows an import to `account`: the one of just this subject, if there is one.
pub(super) fn export_for<'a>(all: &'a All, account: &str, import: &Import) -> Option<&'a Export> {
    let exports = &all.get(&import.account)?.exports;
    let mut offered = exports.iter().filter(|export| export.is_stream() == import.is_stream()).filter(|export| {
        covers(export.subject.as_bytes(), import.subject.as_bytes())
            && export.accounts.as_ref().is_none_or(|accounts| accounts.iter().any(|name| name == account))
            && export.account_token_position.is_none_or(|at| token(&import.subject, at) == Some(account.as_bytes()))
    });
    let first = offered.clone().next();
    offered.find(|export| export.subject == import.subject).or(first)
}

/// How many accounts what is imported passes. `seen` has what is known of imports; of those that are being followed, nothing.
fn chain(all: &All, taken: Taken<'_>, seen: &mut BTreeMap<usize, Option<usize>>) -> Result<usize, SharingError> {
    let (account, subject) = (taken.account.to_owned(), taken.import.subject.clone());
    let place = std::ptr::from_ref(taken.import) as usize;
    match seen.get(&place) {
        Some(Some(length)) => return Ok(*length),
        Some(None) => return Err(SharingError::Cycle { account, subject }),
        None => seen.insert(place, None),
    };
    let mut longest = 0;
    for next in met(all, taken) {
        longest = longest.max(chain(all, next, seen)?);
    }
    // Messages go no further than one account.
    if longest >= usize::from(MAX_HOPS) && !taken.import.is_stream() {
        return Err(SharingError::TooLong { account, subject });
    }
    seen.insert(place, Some(longest + 1));
    Ok(longest + 1)
}

/// The imports of the account that something comes from which it may come by.
fn met<'a>(all: &'a All, taken: Taken<'_>) -> impl Iterator<Item = Taken<'a>> {
    let source = taken.import.subject.clone().into_bytes();
    let is_stream = taken.import.is_stream();
    let of = all.get_key_value(&taken.import.account);
    let imports = of
        .into_iter()
        .flat_map(|(account, sharing)| sharing.imports.iter().map(move |import| Taken { account, import }));
    imports.filter(move |next| {
        next.import.is_stream() == is_stream && next.import.local_filter().is_ok_and(|local| overlap(&local, &source))
    })
}

impl ImportKind {
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Service { share: true, .. })
    }
}
