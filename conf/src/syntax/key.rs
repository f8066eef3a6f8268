//! The key of an entry, and the word `include`.

use std::borrow::Cow;

use nom::{
    Parser,
    branch::alt,
    bytes::complete::{take_till, take_till1, take_while},
    character::complete::one_of,
    combinator::opt,
};

use super::{
    Input, Parsed,
    blank::{self, is_line_end},
    fail, quoted,
};

/// A key, quoted or not, and whether an `include` stands there instead.
#[derive(Debug)]
pub(super) enum Key<'a> {
    Name(Cow<'a, str>),
    Include,
}

/// A key and what separates it from its value.
pub(super) fn key(input: Input<'_>) -> Parsed<'_, Key<'_>> {
    if input.starts_with(is_separator) {
        return Err(fail(input, format!("there is no key before this {}", super::found(input))));
    }
    let (rest, name) = alt((quoted::double, quoted::single, bare)).parse(input)?;
    let is_quoted = input.starts_with(['"', '\'']);
    if !is_quoted && name.eq_ignore_ascii_case("include") && rest.starts_with(char::is_whitespace) {
        return Ok((rest, Key::Include));
    }
    let (rest, _) = take_while(char::is_whitespace).parse(rest)?;
    if rest.is_empty() {
        return Err(fail(input, "this key has no value"));
    }
    let (rest, _) = opt(one_of(":=")).parse(rest)?;
    Ok((rest, Key::Name(name)))
}

fn bare(input: Input<'_>) -> Parsed<'_, Cow<'_, str>> {
    take_till1(|c: char| c.is_whitespace() || is_separator(c)).map(Cow::Borrowed).parse(input)
}

/// The path behind `include`.
pub(super) fn path(input: Input<'_>) -> Parsed<'_, Cow<'_, str>> {
    let (input, ()) = blank::spaces(input)?;
    let is_end = |c: char| c.is_whitespace() || is_line_end(c) || matches!(c, ';' | '}');
    let (rest, path) = alt((quoted::double, quoted::single, take_till(is_end).map(Cow::Borrowed))).parse(input)?;
    if path.is_empty() {
        return Err(fail(input, format!("expected the path of a file, but found {}", super::found(input))));
    }
    Ok((rest, path))
}

fn is_separator(character: char) -> bool {
    matches!(character, ':' | '=')
}
