//! A name as a client sent it, for error texts: any bytes, shown in double quotes with escapes, so that no byte of it
//! can end the text or forge another line.

use std::fmt::{self, Write};

/// Bytes of the peer that an error text quotes, in the form that nats-server gives them. [nats-server: Go's `%q`]
///
/// ```
/// use embus_protocol::quoted::Quoted;
/// assert_eq!(Quoted::from(&b"a\"b\xff"[..]).to_string(), r#""a\"b\xff""#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted(Box<[u8]>);

impl From<&[u8]> for Quoted {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            chunk.valid().chars().try_for_each(|c| write_char(f, c))?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        f.write_char('"')
    }
}

fn write_char(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '"' => f.write_str("\\\""),
        '\\' => f.write_str("\\\\"),
        '\x07' => f.write_str("\\a"),
        '\x08' => f.write_str("\\b"),
        '\x0b' => f.write_str("\\v"),
        '\x0c' => f.write_str("\\f"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\'' => f.write_char('\''),
        c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c)),
        c if is_printable(c) => f.write_char(c),
        c if u32::from(c) > 0xffff => write!(f, "\\U{:08x}", u32::from(c)),
        c => write!(f, "\\u{:04x}", u32::from(c)),
    }
}

/// What std shows unescaped in `{:?}` is what a person can see.
fn is_printable(c: char) -> bool {
    c.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::Quoted;

    #[track_caller]
    fn check(bytes: &[u8], shown: &str) {
        assert_eq!(Quoted::from(bytes).to_string(), shown);
    }

    #[test]
    fn plain_names_are_shown_as_they_are() {
        check(b"foo.*", "\"foo.*\"");
        check("größe.✓".as_bytes(), "\"größe.✓\"");
        check(b"it's", "\"it's\"");
    }

    #[test]
    fn what_could_mislead_is_escaped() {
        check(b"\"\\", r#""\"\\""#);
        check(b"\x00\x07\x7f", r#""\x00\a\x7f""#);
        check("\u{200b}\u{e0001}".as_bytes(), r#""\u200b\U000e0001""#);
        check(b"a\xffb", r#""a\xffb""#);
    }
}
