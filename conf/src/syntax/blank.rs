//! What stands between the parts: spaces, line ends, comments.

use nom::{
    Parser,
    branch::alt,
    bytes::complete::{tag, take_till, take_while, take_while1},
    combinator::{peek, value},
    multi::fold_many0,
    sequence::preceded,
};

use super::{Input, Parsed};

/// Spaces and tabs.
pub(super) fn spaces(input: Input<'_>) -> Parsed<'_, ()> {
    value((), take_while(is_space)).parse(input)
}

/// Everything that may stand before a key or an element.
pub(super) fn blank(input: Input<'_>) -> Parsed<'_, ()> {
    let part = alt((value((), take_while1(|c| is_space(c) || is_line_end(c))), comment));
    fold_many0(part, || (), |(), ()| ()).parse(input)
}

/// What may follow a value: spaces, then a comment up to the end of its line.
pub(super) fn rest_of_line(input: Input<'_>) -> Parsed<'_, ()> {
    let (input, ()) = spaces(input)?;
    alt((comment, |input| Ok((input, ())))).parse(input)
}

/// A line end, which stays.
pub(super) fn at_line_end(input: Input<'_>) -> Parsed<'_, ()> {
    value((), peek(take_while1(is_line_end))).parse(input)
}

fn comment(input: Input<'_>) -> Parsed<'_, ()> {
    value((), preceded(alt((tag("#"), tag("//"))), take_till(is_line_end))).parse(input)
}

pub(super) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

pub(super) fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r')
}
