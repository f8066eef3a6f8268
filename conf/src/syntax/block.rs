//! Documents, blocks, and the entries in them.

use nom::{
    Parser,
    branch::alt,
    character::complete::one_of,
    combinator::{opt, value},
};

use super::{
    Input, Item, MAX_DEPTH, Parsed, SyntaxError,
    blank::{at_line_end, blank, rest_of_line},
    fail, found,
    key::{self, Key},
    value::value_at,
};

/// A whole file: entries, in braces or not.
pub(crate) fn document(text: Input<'_>) -> Result<Vec<Item<'_>>, SyntaxError<'_>> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    match entries(text) {
        Ok((_, items)) => Ok(items),
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => Err(error),
        Err(nom::Err::Incomplete(_)) => unreachable!("no parser of complete input asks for more"),
    }
}

/// Braces around all of it may be left out, at either end. [nats-server: top level]
fn entries(input: Input<'_>) -> Parsed<'_, Vec<Item<'_>>> {
    let mut items = Vec::new();
    let mut rest = input;
    loop {
        (rest, ()) = blank(rest)?;
        if let Some(after) = rest.strip_prefix('{') {
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix('}') {
            rest = after;
            continue;
        }
        if rest.is_empty() {
            return Ok((rest, items));
        }
        let item;
        (rest, item) = self::item(rest, 0)?;
        items.push(item);
        (rest, ()) = end_of_entry(rest)?;
    }
}

fn end_of_entry(input: Input<'_>) -> Parsed<'_, ()> {
    let (rest, ()) = rest_of_line(input)?;
    if rest.is_empty() {
        return Ok((rest, ()));
    }
    let (rest, end) = opt(alt((value((), one_of(",;}")), at_line_end))).parse(rest)?;
    match end {
        Some(()) => Ok((rest, ())),
        None => Err(fail(
            rest,
            format!("expected a value to end with a new line, a comment or the end, but found {}", found(rest)),
        )),
    }
}

/// `{ … }`, from its brace on.
pub(super) fn block(input: Input<'_>, depth: usize) -> Parsed<'_, Vec<Item<'_>>> {
    if depth > MAX_DEPTH {
        return Err(fail(input, format!("more than {MAX_DEPTH} blocks and lists within each other")));
    }
    let mut items = Vec::new();
    let mut rest = input.strip_prefix('{').unwrap_or(input);
    loop {
        (rest, ()) = blank(rest)?;
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((after, items));
        }
        if rest.is_empty() {
            return Err(fail(input, "this block is not closed"));
        }
        let item;
        (rest, item) = self::item(rest, depth)?;
        items.push(item);
        (rest, ()) = rest_of_line(rest)?;
        rest = end_in_block(rest, input)?;
    }
}

fn end_in_block<'a>(rest: Input<'a>, block: Input<'a>) -> Result<Input<'a>, nom::Err<SyntaxError<'a>>> {
    match rest.chars().next() {
        Some(',' | ';') => Ok(&rest[1..]),
        Some('}' | '\n' | '\r') => Ok(rest),
        None => Err(fail(block, "this block is not closed")),
        Some(_) => Err(fail(rest, format!("expected ',' or '}}' after a value, but found {}", found(rest)))),
    }
}

/// One entry, or an include.
fn item(input: Input<'_>, depth: usize) -> Parsed<'_, Item<'_>> {
    let (rest, key) = key::key(input)?;
    match key {
        Key::Include => {
            let (rest, path) = key::path(rest)?;
            Ok((rest, Item::Include { at: input, path }))
        }
        Key::Name(key) => {
            let (rest, value) = value_at(rest, depth)?;
            Ok((rest, Item::Pair { at: input, key, value }))
        }
    }
}

/// Some editors begin a file with it.
const BYTE_ORDER_MARK: char = '\u{feff}';
