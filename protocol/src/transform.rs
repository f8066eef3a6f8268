//! Subjects made from subjects: what mappings and a stream's `subject_transform` and `republish` say, compiled.
//! [reference §1.11, §6.8]
//!
//! A transform has a source filter and a destination whose tokens are literals, references to tokens of the subject, or
//! functions of them. Nothing here knows streams.

mod functions;
mod parse;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::filter::{matches, tokens};

use functions::Function;

/// A compiled transform.
///
/// ```
/// use embus_protocol::transform::SubjectTransform;
/// let transform = SubjectTransform::compile("orders.*.*", "by-id.$2.{{partition(3,2)}}").unwrap().unwrap();
/// let mut subject = Vec::new();
/// assert!(transform.apply(b"orders.eu.4711", &mut subject));
/// assert_eq!(subject, b"by-id.4711.2");
/// assert!(!transform.apply(b"orders.eu", &mut subject));
/// ```
#[derive(Debug)]
pub struct SubjectTransform {
    source: Box<[u8]>,
    /// How many tokens of the subject stand in front of what `>` takes.
    tokens_before_rest: usize,
    parts: Box<[Part]>,
    /// How often `random` was asked, scrambled: spread evenly, and the same in every run.
    rolls: AtomicU64,
}

/// One token of the destination.
#[derive(Debug, PartialEq)]
enum Part {
    Literal(Box<[u8]>),
    /// A function of the subject, or of one of its tokens.
    Function(Function),
    /// A number below this one.
    Random(u32),
    /// What `>` of the source took.
    Rest,
}

/// Why a transform is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// Source and destination do not fit: a `>` only on one side, a `*` in the destination, or an empty token.
    #[error("invalid subject")]
    InvalidSubject,
    /// A token of the destination is empty, has white space, or stands behind `>`.
    #[error("invalid mapping destination: invalid transform{}", within(token))]
    InvalidToken {
        /// The token, if it can be shown.
        token: String,
    },
    /// There is no such function.
    #[error("invalid mapping destination: unknown function in {token}")]
    UnknownFunction {
        /// The token.
        token: String,
    },
    /// The source has not so many wildcards.
    #[error("invalid mapping destination: wildcard index out of range in {token}{}", shown(*index))]
    IndexOutOfRange {
        /// The token.
        token: String,
        /// The index, unless the source has no wildcards at all.
        index: Option<i64>,
    },
    /// The function wants more.
    #[error("invalid mapping destination: not enough arguments passed to the function in {token}")]
    NotEnoughArguments {
        /// The token.
        token: String,
    },
    /// The function wants something else.
    #[error("invalid mapping destination: function argument is invalid or in the wrong format in {token}")]
    InvalidArgument {
        /// The token.
        token: String,
    },
    /// The function wants less.
    #[error("invalid mapping destination: too many arguments passed to the function in {token}")]
    TooManyArguments {
        /// The token.
        token: String,
    },
}

fn within(token: &str) -> String {
    if token.is_empty() { String::new() } else { format!(" in {token}") }
}

fn shown(index: Option<i64>) -> String {
    index.map_or_else(String::new, |index| format!(": [{index}]"))
}

impl SubjectTransform {
    /// The transform from `source` (empty: everything) to `destination`, or `None` for an empty destination, which says
    /// that there is nothing to do.
    ///
    /// # Errors
    /// [`TransformError`].
    pub fn compile(source: &str, destination: &str) -> Result<Option<Self>, TransformError> {
        if destination.is_empty() {
            return Ok(None);
        }
        let source = if source.is_empty() { ">" } else { source };
        let parts = parse::parse(source, destination)?;
        let has_rest = source == ">" || source.ends_with(".>");
        Ok(Some(Self {
            source: source.as_bytes().into(),
            tokens_before_rest: tokens(source.as_bytes()).count() - usize::from(has_rest),
            parts: parts.into(),
            rolls: AtomicU64::new(0),
        }))
    }

    /// The filter of what is transformed.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// Puts what `subject` becomes into `out`. If it is not transformed, or if the result would have an empty token
    /// (`split` can do that), the answer is `false` and `out` is empty.
    pub fn apply(&self, subject: &[u8], out: &mut Vec<u8>) -> bool {
        out.clear();
        if !matches(&self.source, subject) {
            return false;
        }
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                out.push(b'.');
            }
            self.push_part(part, subject, out);
        }
        // Differs from nats-server, which stores messages under subjects that nothing can match.
        let is_whole = tokens(out).all(|token| !token.is_empty());
        if !is_whole {
            out.clear();
        }
        is_whole
    }

    fn push_part(&self, part: &Part, subject: &[u8], out: &mut Vec<u8>) {
        match part {
            Part::Literal(text) => out.extend_from_slice(text),
            Part::Function(function) => function.push(subject, out),
            Part::Random(below) => functions::push_number(self.roll() % (*below).max(1), out),
            Part::Rest => out.extend_from_slice(self.rest(subject)),
        }
    }

    /// What `>` of the source takes.
    fn rest<'a>(&self, subject: &'a [u8]) -> &'a [u8] {
        let taken: usize = tokens(subject).take(self.tokens_before_rest).map(|token| token.len() + 1).sum();
        subject.get(taken..).unwrap_or_default()
    }

    /// The finalizer of `SplitMix64` over a counter.
    fn roll(&self) -> u32 {
        let mut mixed = self.rolls.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from(mixed >> 32).unwrap_or_default()
    }

    /// A filter that matches everything subjects of `filter` can become; `filter` lies within the source.
    pub fn reach(&self, filter: &[u8]) -> Vec<u8> {
        let mut reached: Vec<&[u8]> = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            match part {
                Part::Literal(text) => reached.push(text),
                Part::Random(_) => reached.push(b"*"),
                Part::Rest => reached.push(self.rest_of_filter(filter)),
                Part::Function(Function::Token { position }) => reached.push(function_token(filter, *position)),
                Part::Function(function) if function.gives_one_token() => reached.push(b"*"),
                Part::Function(_) => {
                    reached.push(b">");
                    break;
                }
            }
        }
        reached.join(&b'.')
    }

    /// As [`rest`](Self::rest); a `>` that comes too early stands for all that follows.
    fn rest_of_filter<'a>(&self, filter: &'a [u8]) -> &'a [u8] {
        match self.rest(filter) {
            b"" => b">",
            rest => rest,
        }
    }
}

/// What stands at a position of a filter: a token, or `*` where the filter leaves it open.
fn function_token(filter: &[u8], position: usize) -> &[u8] {
    match tokens(filter).nth(position) {
        Some(b">") | None => b"*",
        Some(token) => token,
    }
}
