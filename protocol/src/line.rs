//! The grammar of one control line, as nom parsers over bytes. Implements the framing of the NATS client protocol.
//!
//! The parsers scan eight bytes at a time and carry no context: what they reject, and what they cannot finish, is
//! judged again by [`decode`](crate::decode), which looks for the end of the line. They never look past it.

#![expect(clippy::inline_always, reason = "measured: as calls the leaf parsers cost a third more")]

use nom::error::{Error, ErrorKind};
use nom::{Err, IResult, Needed, Parser};

use crate::limits::MAX_SIZE_DIGITS;

/// The result of a parser of a part of a line.
pub(crate) type Line<'a, T> = IResult<&'a [u8], T, Error<&'a [u8]>>;

/// The arguments of PUB or HPUB.
pub(crate) struct PublishArguments<'a> {
    pub(crate) subject: &'a [u8],
    pub(crate) reply: Option<&'a [u8]>,
    /// Some for HPUB, and at most `total_len`.
    pub(crate) header_len: Option<usize>,
    pub(crate) total_len: usize,
    /// Where the arguments behind the subject begin, when they are written the one way that a MSG line has them:
    /// single spaces, no leading zeros, CRLF.
    pub(crate) canonical: Option<&'a [u8]>,
}

/// `PUB <subject> [reply] <#bytes>` behind the verb.
#[inline(always)]
pub(crate) fn publish(input: &[u8]) -> Line<'_, PublishArguments<'_>> {
    let (behind_subject, ((), subject)) = (sp, tok).parse(input)?;
    if let Some((rest, total_len)) = plain_end(behind_subject) {
        let canonical = single_space(behind_subject);
        return Ok((rest, PublishArguments { subject, reply: None, header_len: None, total_len, canonical }));
    }
    let (behind_second, ((), second)) = (sp, tok).parse(behind_subject)?;
    if let Some((rest, total_len)) = plain_end(behind_second) {
        let canonical = single_space(behind_subject);
        return Ok((rest, PublishArguments { subject, reply: Some(second), header_len: None, total_len, canonical }));
    }
    let (rest, (third, ())) = (opt_tok, eol).parse(behind_second)?;
    let (reply, total_len) = third.map_or((None, second), |third| (Some(second), third));
    let (_, total_len) = size(total_len)?;
    Ok((rest, PublishArguments { subject, reply, header_len: None, total_len, canonical: None }))
}

/// `HPUB <subject> [reply] <#header> <#total>` behind the verb.
#[inline(always)]
pub(crate) fn publish_with_headers(input: &[u8]) -> Line<'_, PublishArguments<'_>> {
    let (behind_subject, ((), subject)) = (sp, tok).parse(input)?;
    let (behind_second, ((), second)) = (sp, tok).parse(behind_subject)?;
    if let Some((rest, total_len)) = plain_end(behind_second) {
        let header_len = header_size(second, total_len)?;
        let canonical = single_space(behind_subject).filter(|_| is_plain_header_size(second));
        return Ok((rest, PublishArguments { subject, reply: None, header_len, total_len, canonical }));
    }
    let (behind_third, ((), third)) = (sp, tok).parse(behind_second)?;
    if let Some((rest, total_len)) = plain_end(behind_third) {
        let header_len = header_size(third, total_len)?;
        let is_plain = single_space(behind_second).is_some() && is_plain_header_size(third);
        let canonical = single_space(behind_subject).filter(|_| is_plain);
        return Ok((rest, PublishArguments { subject, reply: Some(second), header_len, total_len, canonical }));
    }
    let (rest, (fourth, ())) = (opt_tok, eol).parse(behind_third)?;
    let (reply, header_len, total_len) = fourth.map_or((None, second, third), |total| (Some(second), third, total));
    let (_, total_len) = size(total_len)?;
    let header_len = header_size(header_len, total_len)?;
    Ok((rest, PublishArguments { subject, reply, header_len, total_len, canonical: None }))
}

/// The arguments of SUB.
pub(crate) struct SubscribeArguments<'a> {
    pub(crate) subject: &'a [u8],
    pub(crate) queue: Option<&'a [u8]>,
    pub(crate) sid: &'a [u8],
}

/// `SUB <subject> [queue] <sid>` behind the verb.
#[inline]
pub(crate) fn subscribe(input: &[u8]) -> Line<'_, SubscribeArguments<'_>> {
    let (rest, ((), subject, (), second, third, ())) = (sp, tok, sp, tok, opt_tok, eol).parse(input)?;
    let (queue, sid) = third.map_or((None, second), |third| (Some(second), third));
    Ok((rest, SubscribeArguments { subject, queue, sid }))
}

/// `UNSUB <sid> [max]` behind the verb, as (sid, text of max).
#[inline]
pub(crate) fn unsubscribe(input: &[u8]) -> Line<'_, (&[u8], Option<&[u8]>)> {
    let (rest, ((), sid, max, ())) = (sp, tok, opt_tok, eol).parse(input)?;
    Ok((rest, (sid, max)))
}

/// The last argument of nearly every publish: one space, a size without leading zeros, CRLF.
#[inline(always)]
fn plain_end(input: &[u8]) -> Option<(&[u8], usize)> {
    let [b' ', first @ b'0'..=b'9', rest @ ..] = input else { return None };
    let mut total_len = usize::from(first - b'0');
    for (at, byte) in rest.iter().take(MAX_SIZE_DIGITS).enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return rest[at..].strip_prefix(b"\r\n").map(|rest| (rest, total_len));
        }
        if total_len == 0 {
            return None;
        }
        total_len = total_len * 10 + usize::from(digit);
    }
    None
}

/// What stands behind a separator that is one space.
#[inline(always)]
fn single_space(input: &[u8]) -> Option<&[u8]> {
    match input {
        [b' ', behind @ ..] if !behind.first().is_some_and(|byte| is_blank(*byte)) => Some(behind),
        _ => None,
    }
}

/// Without leading zeros and not zero, as HMSG has it.
#[inline]
fn is_plain_header_size(digits: &[u8]) -> bool {
    digits.first() != Some(&b'0')
}

/// A whole argument as a size.
#[inline]
fn size(digits: &[u8]) -> Line<'_, usize> {
    match number(digits) {
        Some(size) => Ok((digits, size)),
        None => fail(digits),
    }
}

/// A whole argument as the size of headers that fit in the total.
#[inline]
fn header_size(digits: &[u8], total_len: usize) -> Result<Option<usize>, Err<Error<&[u8]>>> {
    match number(digits) {
        Some(size) if size <= total_len => Ok(Some(size)),
        _ => Err(failure(digits)),
    }
}

/// A whole argument as a number: one to nine digits. [nats-server: sizes]
#[inline]
pub(crate) fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > MAX_SIZE_DIGITS {
        return None;
    }
    let mut value = 0_usize;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Nine digits fit in 32 bits.
        value = value * 10 + usize::from(digit);
    }
    Some(value)
}

/// SP or TAB, the separators inside a line.
#[inline]
pub(crate) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// One blank or more.
#[inline(always)]
fn sp(input: &[u8]) -> Line<'_, ()> {
    match input {
        // Nearly always a single space.
        [b' ', next, ..] if *next > b' ' => Ok((&input[1..], ())),
        [first, ..] if is_blank(*first) => Ok((skip_blanks(input), ())),
        [] => Err(Err::Incomplete(Needed::Unknown)),
        _ => fail(input),
    }
}

/// The text up to the next SP, TAB, CR or LF; not empty.
#[inline(always)]
fn tok(input: &[u8]) -> Line<'_, &[u8]> {
    match separator(input) {
        Some(0) => fail(input),
        Some(end) => {
            let (text, rest) = input.split_at(end);
            Ok((rest, text))
        }
        None => Err(Err::Incomplete(Needed::Unknown)),
    }
}

/// A further argument, if the line has one.
#[inline(always)]
fn opt_tok(input: &[u8]) -> Line<'_, Option<&[u8]>> {
    if let [b'\r' | b'\n', ..] = input {
        return Ok((input, None));
    }
    let (rest, ()) = sp(input)?;
    match rest {
        [b'\r' | b'\n', ..] => Ok((rest, None)),
        _ => tok(rest).map(|(rest, text)| (rest, Some(text))),
    }
}

/// LF, or CR and LF, with blanks before it. A CR alone ends nothing.
#[inline(always)]
fn eol(input: &[u8]) -> Line<'_, ()> {
    match input {
        [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => Ok((rest, ())),
        _ => rare_eol(input),
    }
}

#[cold]
fn rare_eol(input: &[u8]) -> Line<'_, ()> {
    match skip_blanks(input) {
        [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => Ok((rest, ())),
        [] | [b'\r'] => Err(Err::Incomplete(Needed::Unknown)),
        _ => fail(input),
    }
}

pub(crate) fn skip_blanks(input: &[u8]) -> &[u8] {
    let end = input.iter().position(|byte| !is_blank(*byte)).unwrap_or(input.len());
    &input[end..]
}

#[cold]
fn fail<T>(input: &[u8]) -> Line<'_, T> {
    Err(failure(input))
}

#[cold]
fn failure(input: &[u8]) -> Err<Error<&[u8]>> {
    Err::Failure(Error::new(input, ErrorKind::Fail))
}

/// Where the first SP, TAB, CR or LF stands. Other control bytes are text.
#[inline(always)]
fn separator(input: &[u8]) -> Option<usize> {
    let (words, rest) = input.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let low = bytes_up_to_space(u64::from_le_bytes(*word));
        if low != 0 {
            return confirm(input, index * 8 + (low.trailing_zeros() / 8) as usize);
        }
    }
    let scanned = words.len() * 8;
    rest.iter().position(|byte| is_separator(*byte)).map(|at| scanned + at)
}

/// The high bit of each byte that is 0x20 or less; exact up to and with the lowest such byte, which is all that is
/// asked. (A borrow can only spoil the bytes above it.)
#[inline(always)]
fn bytes_up_to_space(word: u64) -> u64 {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    const LIMIT: u64 = 0x2121_2121_2121_2121;
    word.wrapping_sub(LIMIT) & !word & HIGH_BITS
}

/// The candidate, or the first separator behind it when it is another control byte.
#[inline(always)]
fn confirm(input: &[u8], candidate: usize) -> Option<usize> {
    if is_separator(input[candidate]) {
        return Some(candidate);
    }
    input[candidate..].iter().position(|byte| is_separator(*byte)).map(|at| candidate + at)
}

#[inline]
fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn separator_is_the_first_one(input in prop::collection::vec(prop_oneof![any::<u8>(), 0..0x30_u8, 0x7f..0x82_u8], 0..40)) {
            prop_assert_eq!(separator(&input), input.iter().position(|byte| is_separator(*byte)));
        }

        #[test]
        fn number_is_what_std_parses(text in "[0-9+ -]{0,11}") {
            let digits_only = text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
            let expected = text.parse::<usize>().ok().filter(|_| digits_only);
            prop_assert_eq!(number(text.as_bytes()), expected);
        }
    }

    #[test]
    fn arguments_are_split_at_blanks() {
        let (rest, line) = publish(b" \t foo\tre\x01ply  5 \r\nhello").expect("a line");
        assert_eq!((line.subject, line.reply, line.total_len), (&b"foo"[..], Some(&b"re\x01ply"[..]), 5));
        assert_eq!(line.canonical, None);
        assert_eq!(rest, b"hello");
    }

    #[test]
    fn a_lone_carriage_return_is_no_separator() {
        assert!(publish(b" foo\r5\r\n").is_err());
        assert!(publish(b" foo 5\r\r\n").is_err());
    }
}
