//! Permissions as they are written down.

use std::time::Duration;

use embus_protocol::filter;

/// What a user may publish and subscribe to. [reference §1.10]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PermissionRules {
    /// Subjects that it may publish to.
    pub publish: SubjectRules,
    /// Subjects that it may subscribe to; an entry `"subject queue"` speaks of that queue group only.
    pub subscribe: SubjectRules,
    /// Whether it may answer requests whose reply subject it could not publish to otherwise.
    pub responses: Option<Responses>,
}

/// Filters of what is allowed and of what is denied; a subject that meets both is denied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubjectRules {
    /// Nothing else is allowed, when there is a list.
    pub allow: Option<Vec<String>>,
    /// Denied whatever is allowed.
    pub deny: Vec<String>,
}

impl SubjectRules {
    /// Only these are allowed.
    pub fn allow<S: Into<String>>(subjects: impl IntoIterator<Item = S>) -> Self {
        Self { allow: Some(subjects.into_iter().map(Into::into).collect()), deny: Vec::new() }
    }

    /// All but these are allowed.
    pub fn deny<S: Into<String>>(subjects: impl IntoIterator<Item = S>) -> Self {
        Self { allow: None, deny: subjects.into_iter().map(Into::into).collect() }
    }
}

/// How far answers go beyond what is allowed. [nats-server: `allow_responses`]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Responses {
    /// Answers to one request; `None` for any number.
    pub max: Option<u64>,
    /// How long after the request they may come.
    pub ttl: Duration,
}

impl Default for Responses {
    /// One answer within two minutes. [nats-server: `allow_responses`]
    fn default() -> Self {
        Self { max: Some(1), ttl: Duration::from_secs(120) }
    }
}

/// A rule that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// Not a subject filter, or more than a filter and a queue group.
    #[error("{0:?} is not a subject filter")]
    Filter(String),
    /// Queue groups belong to subscriptions.
    #[error("{0:?} names a queue group in a publish rule")]
    QueueInPublish(String),
}

/// One entry of a list: a filter and perhaps a queue group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) filter: &'a str,
    pub(crate) queue: Option<&'a str>,
}

impl<'a> Entry<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, RuleError> {
        let mut words = text.split_whitespace();
        let (filter, queue, rest) = (words.next(), words.next(), words.next());
        let filter = filter.filter(|filter| rest.is_none() && is_clean(filter));
        let filter = filter.ok_or_else(|| RuleError::Filter(text.to_owned()))?;
        if queue.is_some_and(|queue| !is_clean(queue)) {
            return Err(RuleError::Filter(text.to_owned()));
        }
        Ok(Self { filter, queue })
    }
}

/// Filters of a configuration are held to more than those of SUB. [reference §1.6]
fn is_clean(text: &str) -> bool {
    filter::is_valid_filter(text.as_bytes()) && !text.contains(['\0', '\u{FFFD}'])
}
