//! What the JWT of an account says.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::decode::Kind;
use super::limits::AccountLimits;
use super::revocation::Revocations;
use super::rights::Rights;
use super::scope::SigningKey;
use super::sharing::{Export, Import};

/// An account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Account {
    /// What it may have.
    pub limits: AccountLimits,
    /// Keys that sign users for it.
    pub signing_keys: Vec<SigningKey>,
    /// Users whose JWTs are void.
    pub revocations: Revocations,
    /// What users may do whose JWTs say nothing of it; only the permissions among these count.
    pub default_permissions: Rights,
    /// What it offers to others.
    pub exports: Vec<Export>,
    /// What it takes from others.
    pub imports: Vec<Import>,
    /// What becomes of subjects that its clients publish to.
    pub mappings: BTreeMap<String, Vec<Weighted>>,
    /// `name:value`, for templates.
    pub tags: Vec<String>,
    /// A service that decides who its users are.
    pub authorization: CalloutRules,
    /// Where traces of messages go.
    pub trace: Option<MessageTrace>,
}

/// What a subject becomes, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Weighted {
    /// The subject, with functions of the tokens.
    pub subject: String,
    /// In percent; 0 is all.
    #[serde(default)]
    pub weight: u8,
    /// Only in this cluster.
    #[serde(default)]
    pub cluster: String,
}

/// Who is asked about users of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CalloutRules {
    /// Users that are not asked about: the service itself.
    pub auth_users: Vec<String>,
    /// Other accounts that it may place users in.
    pub allowed_accounts: Vec<String>,
    /// The key that requests are encrypted for.
    pub xkey: String,
}

/// Where traces of messages go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MessageTrace {
    /// The subject.
    pub dest: String,
}

impl Kind for Account {
    const NAME: &'static str = "account";
    /// Its own key may have signed it; nobody trusts it then.
    const ISSUERS: &'static [char] = &['O', 'A'];
    const SUBJECT: char = 'A';
}
