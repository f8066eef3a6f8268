//! The grammar, in nom: text in, a tree of what is written out. Variables and includes are only noted.
//!
//! What it accepts was found out by asking nats-server 2.15.1. It is a superset of JSON: keys and values are separated
//! by `:`, `=` or nothing, entries by line ends, `,` or `;`, and most text needs no quotes.

mod blank;
mod block;
mod key;
mod quoted;
mod value;
mod word;

use std::borrow::Cow;

use nom::IResult;

pub(crate) use block::document;

/// A part of the text that is left, which tells where it is.
pub(crate) type Input<'a> = &'a str;

pub(crate) type Parsed<'a, T> = IResult<Input<'a>, T, SyntaxError<'a>>;

/// A value and the text from it to the end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node<'a> {
    pub(crate) at: Input<'a>,
    pub(crate) written: Written<'a>,
}

/// What is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Written<'a> {
    Text(Cow<'a, str>),
    /// `$name`, without the dollar sign.
    Variable(&'a str),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Date(jiff::Timestamp),
    List(Vec<Node<'a>>),
    Block(Vec<Item<'a>>),
}

/// One line of a block.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item<'a> {
    Pair { at: Input<'a>, key: Cow<'a, str>, value: Node<'a> },
    Include { at: Input<'a>, path: Cow<'a, str> },
}

/// What is wrong, and the text from there to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError<'a> {
    pub(crate) at: Input<'a>,
    pub(crate) text: Cow<'static, str>,
}

impl<'a> nom::error::ParseError<Input<'a>> for SyntaxError<'a> {
    fn from_error_kind(at: Input<'a>, _kind: nom::error::ErrorKind) -> Self {
        Self { at, text: Cow::Borrowed("unexpected input") }
    }

    fn append(_at: Input<'a>, _kind: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

/// An error that no alternative can mend.
fn fail(at: Input<'_>, text: impl Into<Cow<'static, str>>) -> nom::Err<SyntaxError<'_>> {
    nom::Err::Failure(SyntaxError { at, text: text.into() })
}

/// An error in `part`, which `whole` begins with, as one in `whole`.
fn in_whole<'a>(whole: Input<'a>, part: Input<'a>, error: nom::Err<SyntaxError<'a>>) -> nom::Err<SyntaxError<'a>> {
    error.map(|error| SyntaxError { at: &whole[part.len() - error.at.len()..], text: error.text })
}

/// What stands at the beginning of `at`, for messages.
fn found(at: Input<'_>) -> Cow<'static, str> {
    match at.chars().next() {
        None => Cow::Borrowed("the end of the file"),
        Some('\n' | '\r') => Cow::Borrowed("the end of the line"),
        Some(character) => Cow::Owned(format!("'{}'", character.escape_debug())),
    }
}

/// Blocks and lists within each other; nothing that people write has a tenth of it.
pub(crate) const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests;
