//! The error type that all operations of the client share: a kind to branch on, and perhaps what caused it.
//!
//! Names and shape are those of async-nats, so that code that matches on kinds compiles against both.

use std::fmt::{self, Debug, Display};

/// Any error that may cross a thread: what the client's errors carry as their source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An error of one operation: its [`kind`](Error::kind) says what happened, its source why.
#[derive(Debug)]
pub struct Error<Kind>
where
    Kind: Clone + Debug + Display + PartialEq,
{
    kind: Kind,
    source: Option<BoxError>,
}

impl<Kind> Error<Kind>
where
    Kind: Clone + Debug + Display + PartialEq,
{
    /// An error of `kind` that nothing else caused.
    pub fn new(kind: Kind) -> Self {
        Self { kind, source: None }
    }

    /// An error of `kind` that `source` caused.
    pub fn with_source<S>(kind: Kind, source: S) -> Self
    where
        S: Into<BoxError>,
    {
        Self { kind, source: Some(source.into()) }
    }

    /// What caused it, for an error of another kind.
    pub(crate) fn into_source(self) -> Option<BoxError> {
        self.source
    }

    /// What happened, for branching.
    pub fn kind(&self) -> Kind {
        self.kind.clone()
    }
}

impl<Kind> Display for Error<Kind>
where
    Kind: Clone + Debug + Display + PartialEq,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(source) = &self.source else { return Display::fmt(&self.kind, f) };
        let (kind, source) = (self.kind.to_string(), source.to_string());
        // What the source begins with need not be said twice.
        match source.strip_prefix(&kind) {
            Some(rest) if rest.is_empty() || rest.starts_with(':') => f.write_str(&source),
            _ => write!(f, "{kind}: {source}"),
        }
    }
}

impl<Kind> std::error::Error for Error<Kind>
where
    Kind: Clone + Debug + Display + PartialEq,
{
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl<Kind> From<Kind> for Error<Kind>
where
    Kind: Clone + Debug + Display + PartialEq,
{
    fn from(kind: Kind) -> Self {
        Self::new(kind)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Odd;

    impl Display for Odd {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an odd number")
        }
    }

    #[test]
    fn nothing_is_said_twice() {
        for (source, text) in [
            ("an odd number: 7", "an odd number: 7"),
            ("an odd number", "an odd number"),
            ("an odd numbering", "an odd number: an odd numbering"),
            ("7", "an odd number: 7"),
        ] {
            assert_eq!(Error::with_source(Odd, source).to_string(), text);
        }
    }

    #[test]
    fn a_bare_error_reads_as_its_kind() {
        let error = Error::from(Odd);
        assert_eq!(error.kind(), Odd);
        assert_eq!(error.to_string(), "an odd number");
        assert!(error.source().is_none());
    }

    #[test]
    fn a_source_is_printed_behind_the_kind_and_kept() {
        let error = Error::with_source(Odd, "seven");
        assert_eq!(error.to_string(), "an odd number: seven");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("seven"));
    }
}
