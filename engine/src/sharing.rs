//! What accounts give to each other: messages of one that the other hears (streams), and services of one that the other
//! asks. [reference §1.11]
//!
//! An import is a subscription of the broker itself in the account that messages come from, with a [`Crossing`] at its
//! end: a route ends there as it ends at a client, and only a message that meets one costs more than in a broker without
//! imports. A stream import takes a message no further than to the account that imports it; a request may pass several
//! accounts, and never more than [`MAX_HOPS`].

mod answers;
mod check;
mod cross;
mod crossing;
mod handed;
mod mappings;
mod pattern;
mod request_info;
#[cfg(test)]
mod tests;
mod wire;

use std::time::{Duration, SystemTime};

pub use check::SharingError;
pub(crate) use cross::Via;
pub use crossing::Crossing;
pub(crate) use handed::{is_wanted_behind, reach_behind, visit_behind};
pub use mappings::{Destination, Mapping, MappingError};
pub(crate) use mappings::{Mapped, Mappings};
pub(crate) use wire::Wire;

/// Accounts that a request passes at most. Longer chains are refused when they are configured.
pub const MAX_HOPS: u8 = 8;

/// How long a service may take for its answer if the export does not say. [nats-server:
/// `DEFAULT_SERVICE_EXPORT_RESPONSE_THRESHOLD`]
pub const RESPONSE_THRESHOLD: Duration = Duration::from_secs(120);

/// What one account offers, takes, and makes of its subjects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sharing {
    /// What others may import.
    pub exports: Vec<Export>,
    /// What it takes from others.
    pub imports: Vec<Import>,
    /// What becomes of the subjects that its clients publish to; the first one that matches counts.
    pub mappings: Vec<Mapping>,
}

/// Something that an account offers to others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Export {
    /// The filter of its subjects.
    pub subject: String,
    /// Messages or a service.
    pub kind: ExportKind,
    /// The accounts that may import it; all without a list.
    pub accounts: Option<Vec<String>>,
    /// The token, counted from 1, that has to be the name of whoever imports it.
    pub account_token_position: Option<usize>,
}

/// What is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportKind {
    /// Messages.
    Stream,
    /// Answers to requests.
    Service {
        /// How many there are to one request.
        response: ResponseType,
        /// How long an answer may take; of several, how long the next one may.
        threshold: Duration,
    },
}

/// How many answers there are to one request. [nats-server: `response_type`]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseType {
    /// One.
    #[default]
    Singleton,
    /// Any number, up to an empty one.
    Stream,
    /// One in parts, up to an empty one.
    Chunked,
}

/// Something that an account takes from another one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Import {
    /// Where it is offered.
    pub account: String,
    /// Under which subject; may be narrower than the export.
    pub subject: String,
    /// Messages or a service, and under which subject it is there.
    pub kind: ImportKind,
    /// When it ends, if the exporting account gives it for a time only.
    pub until: Option<SystemTime>,
}

/// What is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportKind {
    /// Messages.
    Stream {
        /// Under which subjects they are heard, as the destination of a mapping; the same without one.
        to: Option<String>,
        /// What stands before those subjects, if there is no `to`.
        prefix: Option<String>,
    },
    /// Answers to requests.
    Service {
        /// Where requests are published; the same subject without one.
        to: Option<String>,
        /// Whether the service learns who asks: user, address and the like.
        share: bool,
    },
}

impl Export {
    /// Messages on these subjects, to all accounts.
    pub fn stream(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), kind: ExportKind::Stream, accounts: None, account_token_position: None }
    }

    /// Answers to requests on these subjects, to all accounts; one to each.
    pub fn service(subject: impl Into<String>) -> Self {
        let kind = ExportKind::Service { response: ResponseType::Singleton, threshold: RESPONSE_THRESHOLD };
        Self { kind, ..Self::stream(subject) }
    }

    /// The same to these accounts only.
    pub fn to_accounts<S: Into<String>>(self, accounts: impl IntoIterator<Item = S>) -> Self {
        Self { accounts: Some(accounts.into_iter().map(Into::into).collect()), ..self }
    }

    /// The same to whoever is named by this token of the imported subject, counted from 1.
    pub fn account_token(self, position: usize) -> Self {
        Self { account_token_position: Some(position), ..self }
    }

    /// The same service with so many answers to a request. Of messages it says nothing.
    pub fn responses(self, response: ResponseType) -> Self {
        self.with_service(|(_, threshold)| (response, threshold))
    }

    /// The same service with so much time for an answer. Of messages it says nothing.
    pub fn threshold(self, threshold: Duration) -> Self {
        self.with_service(|(response, _)| (response, threshold))
    }

    fn with_service(mut self, change: impl FnOnce((ResponseType, Duration)) -> (ResponseType, Duration)) -> Self {
        if let ExportKind::Service { response, threshold } = &mut self.kind {
            (*response, *threshold) = change((*response, *threshold));
        }
        self
    }

    fn is_stream(&self) -> bool {
        self.kind == ExportKind::Stream
    }
}

impl Import {
    /// Messages of an account, heard under the same subjects.
    pub fn stream(account: impl Into<String>, subject: impl Into<String>) -> Self {
        let kind = ImportKind::Stream { to: None, prefix: None };
        Self { account: account.into(), subject: subject.into(), kind, until: None }
    }

    /// A service of an account, asked under the same subjects.
    pub fn service(account: impl Into<String>, subject: impl Into<String>) -> Self {
        Self { kind: ImportKind::Service { to: None, share: false }, ..Self::stream(account, subject) }
    }

    /// The same under these subjects here, which may refer to wildcards as `$1`.
    pub fn local(mut self, subject: impl Into<String>) -> Self {
        match &mut self.kind {
            ImportKind::Stream { to, .. } | ImportKind::Service { to, .. } => *to = Some(subject.into()),
        }
        self
    }

    /// The same messages with this before their subjects. Of a service it says nothing.
    pub fn with_prefix(mut self, before: impl Into<String>) -> Self {
        if let ImportKind::Stream { prefix, .. } = &mut self.kind {
            *prefix = Some(before.into());
        }
        self
    }

    /// The same up to this time: nothing passes from then on.
    pub fn until(self, end: SystemTime) -> Self {
        Self { until: Some(end), ..self }
    }

    /// The same service, which learns who asks. Of messages it says nothing.
    pub fn shared(mut self) -> Self {
        if let ImportKind::Service { share, .. } = &mut self.kind {
            *share = true;
        }
        self
    }

    fn is_stream(&self) -> bool {
        matches!(self.kind, ImportKind::Stream { .. })
    }
}
