//! What the JWT of an operator says.

use serde::Deserialize;

use super::decode::Kind;

/// An operator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Operator {
    /// Keys that sign for it.
    pub signing_keys: Vec<String>,
    /// Whether its own key does not sign accounts.
    pub strict_signing_key_usage: bool,
    /// The account of the server itself.
    pub system_account: String,
    /// Where accounts can be asked for; nobody is asked here.
    pub account_server_url: String,
    /// The oldest version of nats-server that it puts up with, `2.10.0`.
    pub assert_server_version: String,
}

impl Kind for Operator {
    const NAME: &'static str = "operator";
    const ISSUERS: &'static [char] = &['O'];
    const SUBJECT: char = 'O';
}
