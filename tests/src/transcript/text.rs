//! The notation for bytes in a transcript line, both ways: `⏎` is CR LF, a backslash starts every other escape.

use std::fmt::Write;

use super::value::Kind;

/// One element of a written text: bytes that stand for themselves, or what stands in an expectation for bytes that vary.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    Bytes(Vec<u8>),
    /// `\*`: any run of bytes without a line end, possibly none.
    Any,
    /// `\T`, `\I`, `\V`: a value of this kind.
    Value(Kind),
}

/// Reads a text: `⏎`, `\r`, `\n`, `\t`, `\s` (space), `\0`, `\\`, `\xHH`, `\*`, the values `\T`, `\I` and `\V`, and the
/// repetition `\{count text}`.
pub(super) fn parse(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '⏎' => push(&mut tokens, b"\r\n"),
            '\\' => rest = escape(rest, &mut tokens)?,
            plain => push(&mut tokens, plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(tokens)
}

/// Reads a text in which all bytes stand for themselves.
pub(super) fn parse_bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut tokens = parse(text)?;
    match (tokens.pop(), tokens.is_empty()) {
        (None, _) => Ok(Vec::new()),
        (Some(Token::Bytes(bytes)), true) => Ok(bytes),
        _ => Err("`\\*`, `\\T`, `\\I` and `\\V` belong to expectations only".into()),
    }
}

/// Writes bytes in the notation of the scripts; a long text is shortened in its middle.
pub(super) fn show(bytes: &[u8]) -> String {
    if bytes.len() <= SHOWN_BYTES {
        return show_all(bytes);
    }
    let (head, tail) = (&bytes[..SHOWN_BYTES * 3 / 4], &bytes[bytes.len() - SHOWN_BYTES / 4..]);
    format!("{} … {} bytes … {}", show_all(head), bytes.len() - head.len() - tail.len(), show_all(tail))
}

fn push(tokens: &mut Vec<Token>, bytes: &[u8]) {
    if let Some(Token::Bytes(last)) = tokens.last_mut() {
        last.extend_from_slice(bytes);
    } else {
        tokens.push(Token::Bytes(bytes.to_vec()));
    }
}

/// Reads what follows a backslash and returns the rest of the text.
fn escape<'a>(rest: &'a str, tokens: &mut Vec<Token>) -> Result<&'a str, String> {
    let kind = rest.chars().next().ok_or("a backslash ends the line")?;
    let rest = &rest[kind.len_utf8()..];
    let byte = match kind {
        'r' => b'\r',
        'n' => b'\n',
        't' => b'\t',
        's' => b' ',
        '0' => 0,
        '\\' => b'\\',
        'x' => return hex(rest, tokens),
        '{' => return repetition(rest, tokens),
        '*' => return Ok(put(Token::Any, rest, tokens)),
        'T' => return Ok(put(Token::Value(Kind::Time), rest, tokens)),
        'I' => return Ok(put(Token::Value(Kind::Id), rest, tokens)),
        'V' => return Ok(put(Token::Value(Kind::Version), rest, tokens)),
        other => return Err(format!("`\\{other}` is no escape")),
    };
    push(tokens, &[byte]);
    Ok(rest)
}

fn put<'a>(token: Token, rest: &'a str, tokens: &mut Vec<Token>) -> &'a str {
    tokens.push(token);
    rest
}

fn hex<'a>(rest: &'a str, tokens: &mut Vec<Token>) -> Result<&'a str, String> {
    let digits = rest.get(..2).ok_or("`\\x` needs two hex digits")?;
    let byte = u8::from_str_radix(digits, 16).map_err(|_| format!("`\\x{digits}` is not hex"))?;
    push(tokens, &[byte]);
    Ok(&rest[2..])
}

/// `count text}`: the text `count` times. Repetitions do not nest.
fn repetition<'a>(rest: &'a str, tokens: &mut Vec<Token>) -> Result<&'a str, String> {
    let (body, rest) = rest.split_once('}').ok_or("`\\{` without `}`")?;
    let (count, text) = body.split_once(' ').ok_or("a repetition is written `\\{count text}`")?;
    let count: usize = count.parse().map_err(|_| format!("`{count}` is not a count"))?;
    push(tokens, &parse_bytes(text)?.repeat(count));
    Ok(rest)
}

fn show_all(mut bytes: &[u8]) -> String {
    let mut shown = String::new();
    while let Some(&byte) = bytes.first() {
        let length = match byte {
            b'\r' if bytes.get(1) == Some(&b'\n') => 2,
            _ if byte.is_ascii() => 1,
            _ => character_length(bytes),
        };
        match &bytes[..length] {
            b"\r\n" => shown.push('⏎'),
            b"\r" => shown.push_str("\\r"),
            b"\n" => shown.push_str("\\n"),
            b"\t" => shown.push_str("\\t"),
            b"\0" => shown.push_str("\\0"),
            b"\\" => shown.push_str("\\\\"),
            // Writing to a string cannot fail.
            [byte] if !(0x20..=0x7e).contains(byte) => drop(write!(shown, "\\x{byte:02x}")),
            text => shown.push_str(&String::from_utf8_lossy(text)),
        }
        bytes = &bytes[length..];
    }
    shown
}

/// Length of the UTF-8 character that the bytes begin with; 1 when they begin with none.
fn character_length(bytes: &[u8]) -> usize {
    (2..=4).find(|&n| bytes.get(..n).is_some_and(|head| std::str::from_utf8(head).is_ok())).unwrap_or(1)
}

/// Longest text that a failure shows whole.
const SHOWN_BYTES: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        parse_bytes(text).expect("valid notation")
    }

    #[test]
    fn escapes_stand_for_their_bytes() {
        assert_eq!(bytes("PING⏎"), b"PING\r\n");
        assert_eq!(bytes("a\\r\\n\\t\\s\\0\\\\\\xff é"), b"a\r\n\t \0\\\xff \xc3\xa9");
        assert_eq!(bytes("<\\{3 ab⏎}>"), b"<ab\r\nab\r\nab\r\n>");
        assert_eq!(bytes(""), b"");
    }

    #[test]
    fn a_wildcard_splits_the_bytes() {
        let tokens = parse("MSG \\* 2⏎").expect("valid notation");
        assert_eq!(tokens, [Token::Bytes(b"MSG ".to_vec()), Token::Any, Token::Bytes(b" 2\r\n".to_vec())]);
        assert!(parse_bytes("a\\*b").is_err());
        assert!(parse_bytes("a\\*").is_err());
        assert!(parse_bytes("\\T").is_err());
    }

    #[test]
    fn wrong_escapes_are_refused() {
        for text in ["\\", "\\q", "\\x1", "\\xzz", "\\{3 a", "\\{x a}", "\\{3}"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shown_bytes_read_back() {
        for text in ["PING⏎", "a\\rb\\nc\\t\\0\\\\", "\\xff\\xc3 é €"] {
            assert_eq!(show(&bytes(text)), text);
        }
        assert!(show(&[b'a'; 1000]).len() < 500);
    }
}
