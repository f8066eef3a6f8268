//! Text in quotes and in parentheses.

use std::borrow::Cow;

use nom::{Parser, bytes::complete::tag};

use super::{Input, Parsed, SyntaxError, fail, found, in_whole};

/// `'…'`, without escapes, over line ends.
pub(super) fn single(input: Input<'_>) -> Parsed<'_, Cow<'_, str>> {
    let (text, _) = tag("'").parse(input)?;
    match text.split_once('\'') {
        Some((content, rest)) => Ok((rest, Cow::Borrowed(content))),
        None => Err(fail(input, "this quote is not closed")),
    }
}

/// `"…"`, with escapes, over line ends.
pub(super) fn double(input: Input<'_>) -> Parsed<'_, Cow<'_, str>> {
    let (text, _) = tag("\"").parse(input)?;
    let Some(end) = end_of_double(text) else { return Err(fail(input, "this quote is not closed")) };
    let (content, rest) = text.split_at(end);
    let content = unescape(content).map_err(|error| in_whole(text, content, error))?;
    Ok((&rest[1..], content))
}

/// Where the first quote stands that no backslash precedes.
fn end_of_double(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })
}

/// `( … )`: the text as it is, up to a line that has nothing but the closing parenthesis, at its beginning.
pub(super) fn in_parentheses(input: Input<'_>) -> Parsed<'_, Cow<'_, str>> {
    let (text, _) = tag("(").parse(input)?;
    let ends = |at: &usize| {
        let (before, after) = (&text[..*at], &text[at + 1..]);
        before.ends_with('\n') && (after.is_empty() || after.starts_with('\n') || after.starts_with("\r\n"))
    };
    match text.match_indices(')').map(|(at, _)| at).find(ends) {
        Some(end) => Ok((&text[end + 1..], Cow::Borrowed(&text[..end]))),
        None => Err(fail(input, "this block is not closed by a ')' alone on a line")),
    }
}

/// Carries out the escapes in `text`, if there are any.
pub(super) fn unescape(text: Input<'_>) -> Result<Cow<'_, str>, nom::Err<SyntaxError<'_>>> {
    if !text.contains('\\') {
        return Ok(Cow::Borrowed(text));
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (after, byte) = escape(&rest[at..])?;
        bytes.push(byte);
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    let utf8 = String::from_utf8(bytes);
    let failure = |_| nom::Err::Failure(SyntaxError { at: text, text: "the escapes do not make UTF-8".into() });
    utf8.map(Cow::Owned).map_err(failure)
}

/// One escape, from its backslash on.
fn escape(input: Input<'_>) -> Parsed<'_, u8> {
    let rest = input.strip_prefix('\\').unwrap_or(input);
    let simple = |byte| Ok((&rest[1..], byte));
    match rest.as_bytes().first() {
        Some(b't') => simple(b'\t'),
        Some(b'n') => simple(b'\n'),
        Some(b'r') => simple(b'\r'),
        Some(b'"') => simple(b'"'),
        Some(b'\\') => simple(b'\\'),
        Some(b'x') => hexadecimal(&rest[1..]),
        _ => Err(fail(
            rest,
            format!("no escape begins with {}: there are \\xXX, \\t, \\n, \\r, \\\" and \\\\", found(rest)),
        )),
    }
}

fn hexadecimal(input: Input<'_>) -> Parsed<'_, u8> {
    let digits = input.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        Some(byte) => Ok((&input[2..], byte)),
        None => Err(fail(input, "expected two hexadecimal digits after '\\x'")),
    }
}
