//! JSON with the escapes Go writes. [Go encoding/json]

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The value as Go would write it: no blanks; `<`, `>`, `&` and the two line separators of Unicode escaped.
pub(crate) fn to_string(value: &impl Serialize) -> String {
    let mut out = Vec::with_capacity(256);
    let written = value.serialize(&mut Serializer::with_formatter(&mut out, Escapes));
    debug_assert!(written.is_ok(), "responses have text keys and a Vec takes everything");
    String::from_utf8(out).unwrap_or_default()
}

/// A text in quotes.
pub(crate) fn quoted(text: &str) -> String {
    to_string(&text)
}

struct Escapes;

impl Formatter for Escapes {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut characters = rest[at..].chars();
            if let Some(character) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}
