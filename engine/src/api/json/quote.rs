//! Text in quotes as Go's `strconv` writes it; only error texts need it.

use std::fmt::Write;

/// In double quotes: `"a\nb"`. Bytes that are not UTF-8 become `\xff`.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_character(&mut out, character, '"');
        }
        for byte in chunk.invalid() {
            push_byte(&mut out, *byte);
        }
    }
    out.push('"');
    out
}

/// The first character of `bytes` in single quotes, and how many bytes it takes.
pub(super) fn quote_first(bytes: &[u8]) -> (String, usize) {
    let mut out = String::from("'");
    let first = bytes.utf8_chunks().next();
    let length = if let Some(character) = first.and_then(|chunk| chunk.valid().chars().next()) {
        push_character(&mut out, character, '\'');
        character.len_utf8()
    } else {
        push_byte(&mut out, bytes.first().copied().unwrap_or_default());
        1
    };
    out.push('\'');
    (out, length)
}

/// In back quotes where the text allows it.
pub(super) fn quote_raw(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| c != '`' && !c.is_control()) => format!("`{text}`"),
        _ => quote(bytes),
    }
}

fn push_character(out: &mut String, character: char, around: char) {
    let escaped = match character {
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        '\\' => "\\\\",
        _ if character == around => return out.extend(['\\', around]),
        _ if is_printable(character) => return out.push(character),
        _ => return push_code(out, character as u32),
    };
    out.push_str(escaped);
}

fn push_code(out: &mut String, code: u32) {
    let written = match code {
        0..0x20 | 0x7f => write!(out, "\\x{code:02x}"),
        0..0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
    debug_assert!(written.is_ok(), "a String takes everything");
}

fn push_byte(out: &mut String, byte: u8) {
    let written = write!(out, "\\x{byte:02x}");
    debug_assert!(written.is_ok(), "a String takes everything");
}

/// The standard library knows what can be printed, but tells it only through its escapes. The letter in front keeps
/// combining characters from being escaped for their position.
fn is_printable(character: char) -> bool {
    character.is_ascii_graphic()
        || character == ' '
        || !character.is_control() && !format!("a{character}").escape_debug().skip(1).take(2).eq(['\\', 'u'])
}
