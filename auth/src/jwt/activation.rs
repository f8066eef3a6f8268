//! Tokens by which an account lets others import what it does not offer to everybody.

use serde::Deserialize;

use super::decode::Kind;
use super::sharing::SharedKind;

/// What one account may import. The claims' subject is that account, their issuer the exporting one or a key that signs for
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Activation {
    /// The filter of its subjects.
    pub subject: String,
    /// Messages or a service.
    pub kind: Option<SharedKind>,
    /// The exporting account, where one of its signing keys is the issuer.
    pub issuer_account: String,
}

impl Kind for Activation {
    const NAME: &'static str = "activation";
    const ISSUERS: &'static [char] = &['A'];
    const SUBJECT: char = 'A';
}
