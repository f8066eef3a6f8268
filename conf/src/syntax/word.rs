//! Values without quotes: numbers, booleans, dates, variables, and text that is none of these.

use std::borrow::Cow;

use nom::{
    Parser,
    branch::alt,
    bytes::complete::{tag_no_case, take_till1, take_while_m_n},
    character::complete::{char, digit1},
    combinator::{all_consuming, opt, recognize, value},
    multi::many0_count,
    sequence::preceded,
};

use super::{Input, Parsed, SyntaxError, Written, blank, fail, in_whole, quoted};

/// The word at the beginning; it may be empty.
pub(super) fn word(input: Input<'_>) -> Parsed<'_, Written<'_>> {
    let (rest, word) = extent(input)?;
    let written = if word.contains('\\') { quoted::unescape(word).map(Written::Text) } else { meaning(word) };
    Ok((rest, written.map_err(|error| in_whole(input, word, error))?))
}

/// Text up to what ends a word; a backslash takes the next character with it.
fn extent(input: Input<'_>) -> Parsed<'_, &str> {
    let escaped = recognize(preceded(char('\\'), take_while_m_n(0, 1, |_| true)));
    recognize(many0_count(alt((take_till1(|c| is_end(c) || c == '\\'), escaped)))).parse(input)
}

fn is_end(character: char) -> bool {
    blank::is_space(character) || blank::is_line_end(character) || matches!(character, ',' | ';' | ']' | '}' | '\'')
}

type Meaning<'a> = Result<Written<'a>, nom::Err<SyntaxError<'a>>>;

fn meaning(word: Input<'_>) -> Meaning<'_> {
    match word.as_bytes() {
        [b'-', ..] => negative(word),
        [b'.', ..] => Err(fail(word, "a number must begin with a digit")),
        [b'0'..=b'9', ..] => number(word),
        [b'$', name @ ..] if !name.starts_with(BCRYPT) => Ok(Written::Variable(&word[1..])),
        _ => Ok(boolean(word).map_or(Written::Text(Cow::Borrowed(word)), Written::Boolean)),
    }
}

fn boolean(word: &str) -> Option<bool> {
    let is = |spellings: [&str; 3]| spellings.iter().any(|spelling| word.eq_ignore_ascii_case(spelling));
    if is(["true", "yes", "on"]) {
        return Some(true);
    }
    is(["false", "no", "off"]).then_some(false)
}

/// What begins with a digit and is no number is text, but what begins like a date or a fraction has to be one.
fn number(word: Input<'_>) -> Meaning<'_> {
    if let Some(written) = whole(word)? {
        return Ok(written);
    }
    let after = word.trim_start_matches(|c: char| c.is_ascii_digit());
    match after.as_bytes() {
        [b'-', ..] => date(word),
        [b'.', fraction @ ..] => decimal(word, fraction),
        _ => Ok(Written::Text(Cow::Borrowed(word))),
    }
}

/// Digits with more than one point are an address.
fn decimal<'a>(word: Input<'a>, fraction: &[u8]) -> Meaning<'a> {
    let end = fraction.iter().position(|byte| !byte.is_ascii_digit());
    match end.map(|end| fraction[end]) {
        None if !fraction.is_empty() => float(word),
        Some(b'.') if fraction[0] != b'.' => Ok(Written::Text(Cow::Borrowed(word))),
        _ => Err(fail(word, "a number must have digits, and nothing else, behind its point")),
    }
}

fn float(word: Input<'_>) -> Meaning<'_> {
    match word.parse() {
        Ok(number) => Ok(Written::Float(number)),
        Err(_) => Err(fail(word, "this is no number")),
    }
}

fn negative(word: Input<'_>) -> Meaning<'_> {
    if let Some(written) = whole(word)? {
        return Ok(written);
    }
    let float: Parsed<'_, &str> = all_consuming(recognize((char('-'), digit1, char('.'), digit1))).parse(word);
    match float {
        Ok(_) => self::float(word),
        Err(_) => Err(fail(word, "expected a number behind '-'; text that begins with it needs quotes")),
    }
}

/// Digits with a suffix, or nothing.
fn whole(word: Input<'_>) -> Result<Option<Written<'_>>, nom::Err<SyntaxError<'_>>> {
    let parts: Parsed<'_, (&str, i64)> = all_consuming((recognize((opt(char('-')), digit1)), suffix)).parse(word);
    let Ok((_, (digits, factor))) = parts else { return Ok(None) };
    match digits.parse::<i64>().ok().and_then(|number| number.checked_mul(factor)) {
        Some(number) => Ok(Some(Written::Integer(number))),
        None => Err(fail(word, format!("integer '{word}' is out of the range"))),
    }
}

/// `k` is 1000; `kb`, `ki` and `kib` are 1024.
fn suffix(input: Input<'_>) -> Parsed<'_, i64> {
    let power = alt((
        value(1, tag_no_case("k")),
        value(2, tag_no_case("m")),
        value(3, tag_no_case("g")),
        value(4, tag_no_case("t")),
        value(5, tag_no_case("p")),
        value(6, tag_no_case("e")),
    ));
    let binary = alt((tag_no_case("ib"), tag_no_case("i"), tag_no_case("b")));
    let (rest, given) = opt((power, opt(binary))).parse(input)?;
    let factor =
        given.map_or(1, |(power, binary)| if binary.is_some() { 1_i64 << (10 * power) } else { 10_i64.pow(3 * power) });
    Ok((rest, factor))
}

/// `2026-11-20T16:06:35Z` and nothing shorter.
fn date(word: Input<'_>) -> Meaning<'_> {
    let is_whole = word.len() == DATE.len() && word.ends_with('Z') && word.as_bytes()[4] == b'-';
    match word.parse() {
        Ok(date) if is_whole => Ok(Written::Date(date)),
        _ => Err(fail(word, format!("expected a date of the form {DATE}"))),
    }
}

/// How passwords begin that bcrypt has hashed; people write them without quotes. [nats-server: `$2a$`]
const BCRYPT: &[u8] = b"2a$";
const DATE: &str = "2006-01-02T15:04:05Z";
