//! A look into JSON that is known to be well formed. Walks the text again instead of building a tree, so a request costs
//! no memory beyond its own fields.

use std::borrow::Cow;

use super::scan::is_blank;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// One value of a checked text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    raw: &'a [u8],
    strict: bool,
}

impl<'a> Value<'a> {
    /// `raw` went through the scanner and has no blanks around it.
    pub(super) fn checked(raw: &'a [u8], strict: bool) -> Self {
        Self { raw, strict }
    }

    /// The text as it stands in the request.
    pub(crate) fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// Whether unknown fields are refused.
    pub(crate) fn is_strict(self) -> bool {
        self.strict
    }

    pub(crate) fn kind(self) -> Kind {
        match self.raw.first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    pub(crate) fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// What a string says.
    pub(crate) fn text(self) -> Cow<'a, str> {
        unescape(&self.raw[1..self.raw.len() - 1])
    }

    /// The members of an object in their order.
    pub(crate) fn members(self) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>)> {
        let mut parts = self.parts();
        std::iter::from_fn(move || Some((parts.next()?.text(), parts.next()?)))
    }

    /// The values in an array.
    pub(crate) fn items(self) -> impl Iterator<Item = Value<'a>> {
        self.parts()
    }

    /// The values (and keys) right inside a container.
    fn parts(self) -> impl Iterator<Item = Value<'a>> {
        let inside = &self.raw[1..self.raw.len() - 1];
        let mut at = 0;
        std::iter::from_fn(move || {
            while inside.get(at).is_some_and(|byte| is_blank(*byte) || matches!(byte, b',' | b':')) {
                at += 1;
            }
            let start = at;
            at = end_of_value(inside, start);
            (start < at).then(|| Self { raw: &inside[start..at], strict: self.strict })
        })
    }
}

fn end_of_value(text: &[u8], start: usize) -> usize {
    match text.get(start) {
        None => start,
        Some(b'"') => end_of_string(text, start),
        Some(b'{' | b'[') => end_of_container(text, start),
        Some(_) => {
            let ends = |byte: &u8| is_blank(*byte) || matches!(byte, b',' | b':' | b'}' | b']');
            text[start..].iter().position(ends).map_or(text.len(), |length| start + length)
        }
    }
}

fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() {
        match text[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

fn end_of_container(text: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < text.len() {
        match text[at] {
            b'"' => {
                at = end_of_string(text, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

fn unescape(inside: &[u8]) -> Cow<'_, str> {
    if !inside.contains(&b'\\') {
        return String::from_utf8_lossy(inside);
    }
    let mut out = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(plain) = rest.iter().position(|byte| *byte == b'\\') {
        push_lossy(&mut out, &rest[..plain]);
        rest = push_escape(&mut out, &rest[plain + 1..]);
    }
    push_lossy(&mut out, rest);
    Cow::Owned(out)
}

fn push_lossy(out: &mut String, bytes: &[u8]) {
    out.push_str(&String::from_utf8_lossy(bytes));
}

/// Takes what stands behind a backslash and returns what comes after it.
fn push_escape<'a>(out: &mut String, escape: &'a [u8]) -> &'a [u8] {
    let character = match escape.first() {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return push_unicode(out, &escape[1..]),
        Some(byte) => char::from(*byte),
        None => return escape,
    };
    out.push(character);
    &escape[1..]
}

/// Takes the four digits, and a second escape if both are a surrogate pair.
fn push_unicode<'a>(out: &mut String, digits: &'a [u8]) -> &'a [u8] {
    let (Some(first), rest) = (unit(digits), digits.get(4..).unwrap_or_default()) else { return &[] };
    let second = rest.strip_prefix(b"\\u").and_then(unit);
    if let Some(second) = second
        && let Some(Ok(pair)) = char::decode_utf16([first, second]).next()
        && pair.len_utf16() == 2
    {
        out.push(pair);
        return &rest[6..];
    }
    out.push(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

fn unit(digits: &[u8]) -> Option<u16> {
    u16::from_str_radix(std::str::from_utf8(digits.get(..4)?).ok()?, 16).ok()
}
