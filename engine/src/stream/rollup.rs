//! `Nats-Rollup`: a message that takes the place of all older ones, on its subject or in the stream. [reference §4.3]

use std::fmt::Write;

use embus_storage::error::StorageError;

use super::core::Core;
use crate::api::error::ApiError;

/// What a message replaces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Rollup {
    /// Nothing.
    #[default]
    None,
    /// Older ones on its subject.
    Subject,
    /// All older ones.
    All,
}

impl Rollup {
    /// Reads the header's value, in letters of any case.
    pub(crate) fn parse(value: &[u8], permitted: bool) -> Result<Self, ApiError> {
        if !permitted {
            return Err(ApiError::stream_rollup_failed("rollup not permitted"));
        }
        let value = String::from_utf8_lossy(value).to_lowercase();
        match value.as_str() {
            "sub" => Ok(Self::Subject),
            "all" => Ok(Self::All),
            _ => Err(ApiError::stream_rollup_failed(format_args!("rollup value invalid: {}", quoted(&value)))),
        }
    }
}

impl Core {
    /// Removes what the message just stored replaces and what its append did not evict already.
    pub(super) fn roll_up(&mut self, rollup: Rollup, subject: &[u8], sequence: u64) -> Result<(), StorageError> {
        match rollup {
            Rollup::None => {}
            Rollup::Subject => _ = self.log.keep_newest_on(subject, 1)?,
            Rollup::All => _ = self.log.remove_below(sequence)?,
        }
        Ok(())
    }
}

/// A text in quotes as Go's `%q` writes it.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        push_quoted(&mut out, character);
    }
    out.push('"');
    out
}

fn push_quoted(out: &mut String, character: char) {
    let code = u32::from(character);
    // Writing to a string does not fail.
    let _ = match character {
        '"' | '\\' => write!(out, "\\{character}"),
        '\x07' => out.write_str("\\a"),
        '\x08' => out.write_str("\\b"),
        '\x0b' => out.write_str("\\v"),
        '\x0c' => out.write_str("\\f"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        ' '..='~' => out.write_char(character),
        _ if code < 0x80 => write!(out, "\\x{code:02x}"),
        // Rust and Go agree nearly everywhere on what can be printed.
        _ if character.escape_debug().len() == 1 => out.write_char(character),
        _ if code < 0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_any_case() {
        assert_eq!(Rollup::parse(b"Sub", true), Ok(Rollup::Subject));
        assert_eq!(Rollup::parse(b"ALL", true), Ok(Rollup::All));
    }

    #[test]
    fn refusals() {
        let refused = |value: &str, permitted| Rollup::parse(value.as_bytes(), permitted).unwrap_err().to_string();
        assert_eq!(refused("sub", false), "rollup not permitted");
        assert_eq!(refused("Fo\"o\x01é\u{a0}\t", true), "rollup value invalid: \"fo\\\"o\\x01é\\u00a0\\t\"");
        assert_eq!(Rollup::parse(b"x", true).unwrap_err().err_code, 10111);
    }
}
