//! The grammar of JSON with the texts Go has for each way to break it. Checks, builds nothing: what it let pass is read by
//! [`value`](super::value) without another check.

use std::ops::Range;

use super::quote::{quote_first, quote_raw};

/// Objects and arrays within each other. [Go encoding/json]
const MAX_DEPTH: usize = 10_000;

/// The next value from `at` on, or `None` if only white space is left.
///
/// # Errors
/// Go's text.
pub(super) fn next_value(body: &[u8], at: usize) -> Result<Option<Range<usize>>, String> {
    let mut scanner = Scanner { body, at, open: Vec::new() };
    scanner.skip_blanks();
    let start = scanner.at;
    if start == body.len() {
        return Ok(None);
    }
    scanner.value()?;
    Ok(Some(start..scanner.at))
}

/// The blanks of JSON.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

struct Scanner<'a> {
    body: &'a [u8],
    at: usize,
    /// What is open around the current position: the byte that opened it. A stack of our own, so depth costs no stack.
    open: Vec<u8>,
}

impl Scanner<'_> {
    /// One value with everything in it.
    fn value(&mut self) -> Result<(), String> {
        let mut begins_container = self.begin_value()?;
        loop {
            if begins_container && !self.closes_at_once()? {
                begins_container = self.begin_value()?;
                continue;
            }
            // A value just ended.
            let Some(container) = self.open.last().copied() else { return Ok(()) };
            self.skip_blanks();
            match (self.peek()?, container) {
                (b',', b'{') => {
                    self.at += 1;
                    self.key()?;
                    begins_container = self.begin_value()?;
                }
                (b',', _) => {
                    self.at += 1;
                    begins_container = self.begin_value()?;
                }
                (b'}', b'{') | (b']', b'[') => {
                    self.at += 1;
                    self.open.pop();
                    begins_container = false;
                }
                (_, b'{') => return Err(self.unexpected("after object key:value pair")),
                _ => return Err(self.unexpected("after array element")),
            }
        }
    }

    /// A whole scalar, or the opening byte of a container, in which case it says `true`.
    fn begin_value(&mut self) -> Result<bool, String> {
        self.skip_blanks();
        match self.peek()? {
            byte @ (b'{' | b'[') => {
                self.at += 1;
                if self.open.len() == MAX_DEPTH {
                    return Err(format!("exceeded max depth at offset {}", self.at));
                }
                self.open.push(byte);
                return Ok(true);
            }
            b'"' => self.string()?,
            b't' => self.literal(b"true")?,
            b'f' => self.literal(b"false")?,
            b'n' => self.literal(b"null")?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(self.unexpected("looking for beginning of value")),
        }
        Ok(false)
    }

    /// Right behind an opening byte: whether the container is empty; the first key of an object is taken.
    fn closes_at_once(&mut self) -> Result<bool, String> {
        self.skip_blanks();
        let is_object = self.open.last() == Some(&b'{');
        if self.peek()? == if is_object { b'}' } else { b']' } {
            self.at += 1;
            self.open.pop();
            return Ok(true);
        }
        if is_object {
            self.key()?;
        }
        Ok(false)
    }

    /// A key and its colon.
    fn key(&mut self) -> Result<(), String> {
        self.skip_blanks();
        if self.peek()? != b'"' {
            return Err(self.unexpected("looking for beginning of object key string"));
        }
        self.string()?;
        self.skip_blanks();
        if self.peek()? != b':' {
            return Err(self.unexpected("after object key"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
                0..0x20 => return Err(self.unexpected("in string")),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let rest = &self.body[self.at..];
        let length = match rest.get(1) {
            None => return Err(unexpected_end()),
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => return self.unicode_escape(rest),
            Some(_) => return Err(self.invalid_escape(2)),
        };
        self.at += length;
        Ok(())
    }

    fn unicode_escape(&mut self, rest: &[u8]) -> Result<(), String> {
        let digits = &rest[2..rest.len().min(6)];
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(self.invalid_escape(2 + digits.len()));
        }
        if digits.len() < 4 {
            return Err(unexpected_end());
        }
        self.at += 6;
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), String> {
        for expected in word {
            if self.peek()? != *expected {
                let word = String::from_utf8_lossy(word);
                return Err(self.unexpected(&format!("in literal {word} (expecting '{}')", char::from(*expected))));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.body.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.body.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek()?, b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), String> {
        if !self.peek()?.is_ascii_digit() {
            return Err(self.unexpected("in numeric literal"));
        }
        while self.body.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Ok(())
    }

    fn skip_blanks(&mut self) {
        while self.body.get(self.at).is_some_and(|byte| is_blank(*byte)) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Result<u8, String> {
        self.body.get(self.at).copied().ok_or_else(unexpected_end)
    }

    /// Offsets count the bytes up to and with the wrong character.
    fn unexpected(&self, place: &str) -> String {
        let (character, length) = quote_first(&self.body[self.at..]);
        format!("invalid character {character} {place} at offset {}", self.at + length)
    }

    fn invalid_escape(&self, length: usize) -> String {
        let end = self.at + length;
        format!("invalid escape sequence {} in string at offset {end}", quote_raw(&self.body[self.at..end]))
    }
}

fn unexpected_end() -> String {
    "unexpected EOF".to_owned()
}
