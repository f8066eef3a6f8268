//! What an account offers to others and takes from them, as its JWT says it.

use serde::Deserialize;

use super::revocation::Revocations;

/// Messages or a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SharedKind {
    /// Messages.
    Stream,
    /// Answers to requests.
    Service,
}

/// Something that an account offers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Export {
    /// The filter of its subjects.
    pub subject: String,
    /// Messages or a service.
    #[serde(rename = "type")]
    pub kind: SharedKind,
    /// Whether importers need a token of this account.
    #[serde(default)]
    pub token_req: bool,
    /// Accounts whose tokens are void.
    #[serde(default)]
    pub revocations: Revocations,
    /// `Singleton`, `Stream` or `Chunked`; empty for the first.
    #[serde(default)]
    pub response_type: String,
    /// Nanoseconds that an answer may take; 0 for the default.
    #[serde(default)]
    pub response_threshold: i64,
    /// The token of the subject, counted from 1, that has to be the importer's key; 0 for none.
    #[serde(default)]
    pub account_token_position: usize,
    /// Measurements of how long answers take.
    #[serde(default)]
    pub service_latency: Option<Latency>,
    /// Whether traces go on in the exporting account.
    #[serde(default)]
    pub allow_trace: bool,
}

/// How long answers take, published for whoever wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Latency {
    /// Where.
    #[serde(default)]
    pub results: String,
}

/// Something that an account takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Import {
    /// The subject: of messages in the exporting account; of a service here, if there is no `local_subject`.
    pub subject: String,
    /// The exporting account.
    pub account: String,
    /// The token, if the export needs one.
    #[serde(default)]
    pub token: String,
    /// Of a service, the subject in the exporting account; of messages, what stands before their subjects here.
    #[serde(default)]
    pub to: String,
    /// The subject here, in place of `to`.
    #[serde(default)]
    pub local_subject: String,
    /// Messages or a service.
    #[serde(rename = "type")]
    pub kind: SharedKind,
    /// Whether a service learns who asks.
    #[serde(default)]
    pub share: bool,
    /// Whether traces go on in this account.
    #[serde(default)]
    pub allow_trace: bool,
}

impl Import {
    /// The subject in the exporting account. [nats-server: `Import.GetTo`]
    pub fn remote(&self) -> &str {
        if self.kind == SharedKind::Service && self.local_subject.is_empty() && !self.to.is_empty() {
            &self.to
        } else {
            &self.subject
        }
    }
}
