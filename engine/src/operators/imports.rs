//! Which imports an account is given: of what is offered to everybody, and by tokens of what is not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use embus_auth::jwt::{self, Activation, JwtError, Operators, Untimely, Vouched, decode};
use embus_protocol::filter::{covers, tokens};

/// The imports of all accounts that are given.
#[derive(Debug, Default)]
pub(super) struct Grants<'a> {
    /// By account and place in its list, with the time when each ends.
    imports: BTreeMap<(&'a str, usize), Option<SystemTime>>,
    /// Who may import what needs a token, by account and place in its list.
    importers: BTreeMap<(&'a str, usize), BTreeSet<&'a str>>,
}

/// Why an import is not given.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotGiven {
    #[error("the exporting account is missing or not valid")]
    NoAccount,
    #[error("nothing like it is exported")]
    NoExport,
    #[error("activation token: {0}")]
    Token(#[from] JwtError),
    #[error("activation token: {0}")]
    Untimely(#[from] Untimely),
    #[error("activation token is for another account")]
    Importer,
    #[error("activation token is not of the exporting account")]
    Exporter,
    #[error("activation token is for other subjects")]
    Subject,
    #[error("activation token is revoked")]
    Revoked,
}

impl<'a> Grants<'a> {
    pub(super) fn of(operators: &'a Operators, now: SystemTime) -> Self {
        let mut grants = Self::default();
        for account in operators.accounts() {
            for (place, import) in account.claims().nats.imports.iter().enumerate() {
                match grant(operators, account, import, now) {
                    Ok((export, until)) => {
                        grants.imports.insert((account.key(), place), until);
                        grants.importers.entry((&import.account, export)).or_default().insert(account.key());
                    }
                    Err(reason) => {
                        let (account, subject, from) = (account.key(), import.remote(), import.account.as_str());
                        tracing::warn!(account, subject, from, %reason, "import left out");
                    }
                }
            }
        }
        grants
    }

    /// When an import ends, if it ends; nothing within nothing when it is not given.
    #[expect(clippy::option_option, reason = "no import is something else than no end")]
    pub(super) fn import(&self, account: &str, place: usize) -> Option<Option<SystemTime>> {
        self.imports.get(&(account, place)).copied()
    }

    /// Who was given an export.
    pub(super) fn importers(&self, account: &str, place: usize) -> Vec<String> {
        let importers = self.importers.get(&(account, place));
        importers.into_iter().flatten().map(|name| (*name).to_owned()).collect()
    }
}

/// The place of the export that gives an import, and when that ends.
fn grant(
    operators: &Operators,
    importer: &Vouched,
    import: &jwt::Import,
    now: SystemTime,
) -> Result<(usize, Option<SystemTime>), NotGiven> {
    let exporter = operators.account(&import.account).ok_or(NotGiven::NoAccount)?;
    let all = exporter.claims().nats.exports.iter().enumerate();
    let (mut private, mut offered) = (Vec::new(), all.filter(|(_, export)| is_offered(export, import, importer.key())));
    let open = offered.find(|(place, export)| {
        if export.token_req {
            private.push((*place, *export));
        }
        !export.token_req
    });
    if let Some((place, _)) = open {
        return Ok((place, None));
    }
    let mut reason = NotGiven::NoExport;
    for (place, export) in private {
        match activation(exporter, export, importer.key(), import, now) {
            Ok(until) => return Ok((place, until)),
            Err(error) => reason = error,
        }
    }
    Err(reason)
}

/// Whether an export is of this kind and has these subjects, and the importer's name where it has to be.
fn is_offered(export: &jwt::Export, import: &jwt::Import, importer: &str) -> bool {
    let subject = import.remote().as_bytes();
    let named = || tokens(subject).nth(export.account_token_position - 1) == Some(importer.as_bytes());
    export.kind == import.kind
        && covers(export.subject.as_bytes(), subject)
        && (export.account_token_position == 0 || named())
}

/// When the token of an import ends, if it is one for this. [nats-server: CVE-2021-3127]
fn activation(
    exporter: &Vouched,
    export: &jwt::Export,
    importer: &str,
    import: &jwt::Import,
    now: SystemTime,
) -> Result<Option<SystemTime>, NotGiven> {
    let token = decode::<Activation>(&import.token)?;
    let issuer = if token.nats.issuer_account.is_empty() { &token.issuer } else { &token.nats.issuer_account };
    if token.subject != importer {
        return Err(NotGiven::Importer);
    }
    if issuer != exporter.key() || !exporter.signs(&token.issuer) {
        return Err(NotGiven::Exporter);
    }
    let has_subject = covers(token.nats.subject.as_bytes(), import.remote().as_bytes());
    if token.nats.kind != Some(import.kind) || !has_subject {
        return Err(NotGiven::Subject);
    }
    if export.revocations.cover(importer, token.issued_at) {
        return Err(NotGiven::Revoked);
    }
    token.check_time(now)?;
    Ok(token.end())
}
