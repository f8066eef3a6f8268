//! A subject in the hands of a program: immutable UTF-8, cheap to clone. Mirrors `async_nats::Subject`.
//!
//! Subjects on the wire are plain bytes; their rules live in [`filter`](crate::filter).

use std::borrow::{Borrow, Cow};
use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::str::{FromStr, Utf8Error};

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Deserialize, Serialize};

/// A subject, or a filter: text whose tokens are parted by `.`. Nothing is checked unless a `validated` constructor
/// was used; a clone is a reference count.
///
/// ```
/// use embus_protocol::subject::Subject;
/// let subject = Subject::validated("orders.eu.created").unwrap();
/// assert!(subject.starts_with("orders."));
/// assert!(Subject::validated("orders..created").is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subject(ByteString);

/// Why a text is no subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// It is empty, has an empty token, or holds white space: mend the text.
    #[error("invalid subject format")]
    InvalidFormat,
}

impl Subject {
    /// A subject from a literal, without allocation and unchecked.
    pub const fn from_static(text: &'static str) -> Self {
        Self(ByteString::from_static(text))
    }

    /// A subject from bytes; only their encoding is checked.
    ///
    /// # Errors
    /// [`Utf8Error`] when they are not UTF-8.
    pub fn from_utf8<T: Into<Bytes>>(bytes: T) -> Result<Self, Utf8Error> {
        Self::try_from(bytes.into())
    }

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text as a `String`; copies unless this is the only handle.
    pub fn into_string(self) -> String {
        self.0.into()
    }

    /// The bytes, without copying.
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }

    /// The bytes, sharing them: a clone of this is a reference count.
    #[inline]
    pub fn as_bytes_shared(&self) -> &Bytes {
        self.0.as_bytes()
    }

    /// Whether a client may use it: not empty, no empty token, no SP, TAB, CR or LF. Wildcards are fine.
    pub fn is_valid(&self) -> bool {
        check(self.as_bytes()).is_ok()
    }

    /// A subject that [`is_valid`](Self::is_valid).
    ///
    /// # Errors
    /// [`SubjectError`] when it is not.
    pub fn validated(text: impl AsRef<str>) -> Result<Self, SubjectError> {
        let text = text.as_ref();
        match check(text.as_bytes()) {
            Ok(()) => Ok(Self::from(text)),
            Err(_) => Err(SubjectError::InvalidFormat),
        }
    }

    /// A subject from a literal that [`is_valid`](Self::is_valid); meant for constants.
    ///
    /// # Panics
    /// When it is not, so a wrong constant does not compile.
    pub const fn from_static_validated(text: &'static str) -> Self {
        match check(text.as_bytes()) {
            Ok(()) => Self::from_static(text),
            Err(reason) => panic!("{}", reason),
        }
    }
}

/// The rules of [`Subject::is_valid`], usable in constants.
const fn check(bytes: &[u8]) -> Result<(), &'static str> {
    let mut token_is_empty = true;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b' ' | b'\t' | b'\r' | b'\n' => return Err("a subject holds no white space"),
            b'.' if token_is_empty => return Err("a subject has no empty token"),
            byte => token_is_empty = byte == b'.',
        }
        at += 1;
    }
    if token_is_empty { Err("a subject has no empty token and is not empty") } else { Ok(()) }
}

impl From<&str> for Subject {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Subject {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&String> for Subject {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Cow<'_, str>> for Subject {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::from(text),
            Cow::Owned(text) => Self::from(text),
        }
    }
}

impl From<ByteString> for Subject {
    fn from(text: ByteString) -> Self {
        Self(text)
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.into_string()
    }
}

impl From<Subject> for Bytes {
    fn from(subject: Subject) -> Self {
        subject.into_bytes()
    }
}

impl TryFrom<Bytes> for Subject {
    type Error = Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        ByteString::try_from(bytes).map(Self)
    }
}

impl FromStr for Subject {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

impl AsRef<str> for Subject {
    fn as_ref(&self) -> &str {
        self
    }
}

impl AsRef<[u8]> for Subject {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<str> for Subject {
    fn borrow(&self) -> &str {
        self
    }
}

impl Deref for Subject {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Subject {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Subject {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

/// What an API takes as a subject. Mirrors `async_nats::subject::ToSubject`.
pub trait ToSubject {
    /// The subject; cheap for a [`Subject`] and for literals.
    fn to_subject(&self) -> Subject;
}

impl ToSubject for Subject {
    fn to_subject(&self) -> Subject {
        self.clone()
    }
}

impl ToSubject for &'static str {
    fn to_subject(&self) -> Subject {
        Subject::from_static(self)
    }
}

impl ToSubject for String {
    fn to_subject(&self) -> Subject {
        Subject::from(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_subjects() {
        for text in ["a", "a.b", "*", ">", "a.*.>", "a*b", "ü", "$SYS.x"] {
            assert!(Subject::from(text).is_valid(), "{text}");
            assert_eq!(Subject::validated(text).as_deref(), Ok(text));
        }
        for text in ["", ".", ".a", "a.", "a..b", "a b", "a\tb", "a\r", "\n"] {
            assert!(!Subject::from(text).is_valid(), "{text:?}");
            assert_eq!(Subject::validated(text), Err(SubjectError::InvalidFormat));
        }
    }

    #[test]
    fn constants_are_checked_when_compiled() {
        const EVENTS: Subject = Subject::from_static_validated("events.>");
        assert_eq!(EVENTS.as_str(), "events.>");
    }

    #[test]
    fn conversions_keep_the_text() {
        let subject = Subject::from(String::from("a.b"));
        assert_eq!(subject.clone().into_string(), "a.b");
        assert_eq!(subject.clone().into_bytes(), "a.b");
        assert_eq!(Subject::from_utf8("a.b"), Ok(subject.clone()));
        assert!(Subject::from_utf8(vec![0xff]).is_err());
        assert_eq!(format!("{subject:>5}"), "  a.b");
        assert_eq!("a.b".to_subject(), subject.to_subject());
    }

    #[test]
    fn json_is_a_plain_string() {
        let json = serde_json::to_string(&Subject::from("a.b")).expect("a string");
        assert_eq!(json, "\"a.b\"");
        assert_eq!(serde_json::from_str::<Subject>(&json).expect("a string"), "a.b");
    }
}
