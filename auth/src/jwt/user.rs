//! What the JWT of a user says.

use serde::Deserialize;

use super::decode::Kind;
use super::rights::Rights;

/// A user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct User {
    /// What it may do; nothing stands here where a scoped key signed.
    #[serde(flatten)]
    pub rights: Rights,
    /// The account, where one of its signing keys is the issuer.
    pub issuer_account: String,
    /// `name:value`, for templates.
    pub tags: Vec<String>,
}

impl Kind for User {
    const NAME: &'static str = "user";
    const ISSUERS: &'static [char] = &['A'];
    const SUBJECT: char = 'U';
}
