//! The rules of subjects and filters as bytes, and a plain matcher. [NATS client protocol: subjects]
//!
//! A subject is any bytes but SP, TAB, CR and LF, in tokens parted by `.`. In a filter a token that is exactly `*`
//! stands for one token, and a last token that is exactly `>` for one or more. A subject is always taken literally:
//! its `*` is a text like any other.

use std::iter::repeat;

/// Whether no token is exactly `*` or `>`, so that the filter matches only itself.
#[inline]
pub fn is_literal(subject: &[u8]) -> bool {
    // Most subjects hold neither byte at all.
    !subject.iter().any(|byte| matches!(byte, b'*' | b'>')) || tokens(subject).all(|token| !is_wildcard(token))
}

/// Whether SUB accepts it: no empty token, and `>` only as the last one.
#[inline]
pub fn is_valid_filter(filter: &[u8]) -> bool {
    let mut tail_seen = false;
    tokens(filter).all(|token| {
        let valid = !token.is_empty() && !tail_seen;
        tail_seen = token == b">";
        valid
    })
}

/// Whether a pedantic client may publish to it: no empty token and no wildcard.
#[inline]
pub fn is_valid_literal(subject: &[u8]) -> bool {
    has_no_empty_token(subject) && is_literal(subject)
}

/// Whether a message to `subject` goes to a subscription of `filter`. A subject with an empty token goes nowhere, and
/// a filter that is not [valid](is_valid_filter) matches nothing.
///
/// ```
/// use embus_protocol::filter::matches;
/// assert!(matches(b"orders.*.created", b"orders.eu.created"));
/// assert!(matches(b"orders.>", b"orders.eu.created"));
/// assert!(!matches(b"orders.>", b"orders"));
/// assert!(!matches(b">", b"orders..created"));
/// ```
pub fn matches(filter: &[u8], subject: &[u8]) -> bool {
    is_valid_filter(filter) && has_no_empty_token(subject) && matches_tokens(filter, subject)
}

/// Both sides are known to have no empty token.
fn matches_tokens(filter: &[u8], subject: &[u8]) -> bool {
    let mut texts = tokens(subject);
    for token in tokens(filter) {
        match (token, texts.next()) {
            (b">", Some(_)) => return true,
            (b"*", Some(_)) => {}
            (literal, Some(text)) if literal == text => {}
            _ => return false,
        }
    }
    texts.next().is_none()
}

/// Whether some subject matches both filters.
pub fn overlap(left: &[u8], right: &[u8]) -> bool {
    let (mut left, mut right) = (tokens(left), tokens(right));
    loop {
        match (left.next(), right.next()) {
            (None, None) | (Some(b">"), Some(_)) | (Some(_), Some(b">")) => return true,
            (Some(a), Some(b)) if a == b || a == b"*" || b == b"*" => {}
            _ => return false,
        }
    }
}

/// The tokens, at least one.
#[inline]
pub fn tokens(subject: &[u8]) -> impl Iterator<Item = &[u8]> {
    subject.split(|byte| *byte == b'.')
}

/// Whether there is a token and none is empty.
#[inline]
pub fn has_no_empty_token(subject: &[u8]) -> bool {
    tokens(subject).all(|token| !token.is_empty())
}

fn is_wildcard(token: &[u8]) -> bool {
    matches!(token, b"*" | b">")
}

/// A filter of the subjects that match both filters, if there are any.
pub fn intersect(left: &[u8], right: &[u8]) -> Option<Vec<u8>> {
    if !overlap(left, right) {
        return None;
    }
    let longer = tokens(left).count().max(tokens(right).count());
    let mut common = Vec::with_capacity(left.len().max(right.len()));
    for (a, b) in endless(left).zip(endless(right)).take(longer) {
        if !common.is_empty() {
            common.push(b'.');
        }
        let narrow = if a == b">" || (a == b"*" && b != b">") { b } else { a };
        common.extend_from_slice(narrow);
    }
    Some(common)
}

/// The tokens with the last one again and again: only `>` needs it.
fn endless(filter: &[u8]) -> impl Iterator<Item = &[u8]> {
    let last = tokens(filter).last().unwrap_or_default();
    tokens(filter).chain(repeat(last))
}

/// Whether every subject that matches `inner` matches `outer`.
pub fn covers(outer: &[u8], inner: &[u8]) -> bool {
    let (mut outer, mut inner) = (tokens(outer), tokens(inner));
    loop {
        match (outer.next(), inner.next()) {
            (None, None) | (Some(b">"), Some(_)) => return true,
            (_, Some(b">")) => return false,
            (Some(b"*"), Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(filter: &str, subject: &str, expected: bool) {
        assert_eq!(matches(filter.as_bytes(), subject.as_bytes()), expected, "{filter} / {subject}");
    }

    #[test]
    fn literals_match_themselves() {
        check("a", "a", true);
        check("a.b", "a.b", true);
        check("a.b", "a", false);
        check("a", "a.b", false);
        check("a*b", "a*b", true);
        check("a*b", "axb", false);
    }

    #[test]
    fn star_is_one_token() {
        check("*", "a", true);
        check("*", "a.b", false);
        check("*.b", "a.b", true);
        check("a.*", "a", false);
        check("a.*.c", "a.b.c", true);
    }

    #[test]
    fn tail_is_one_token_or_more() {
        check(">", "a", true);
        check("a.>", "a.b.c", true);
        check("a.>", "a", false);
        check("*.>", "a.b", true);
        check(">.a", "b.a", false);
    }

    #[test]
    fn wildcards_in_subjects_are_text() {
        check("foo.*", "foo.*", true);
        check("foo.bar", "foo.*", false);
        check("foo.>", "foo.>", true);
    }

    #[test]
    fn empty_tokens_match_nothing() {
        for subject in ["", ".", "a.", ".a", "a..b"] {
            for filter in ["", ">", "*", "*.>", "a.>", "*.*", subject] {
                check(filter, subject, false);
            }
        }
    }

    #[test]
    fn coverage() {
        for (wide, narrow, expected) in [
            ("a", "a", true),
            ("a", "b", false),
            ("a", "*", false),
            ("*", "a", true),
            ("*", "*", true),
            ("*", ">", false),
            ("*", "a.b", false),
            (">", "a.b", true),
            (">", ">", true),
            (">", "*.>", true),
            ("*.>", ">", false),
            ("a.>", "a", false),
            ("a.>", "a.*", true),
            ("a.*", "a.>", false),
            ("a.*.c", "a.b.c", true),
            ("a.*.c", "a.b.*", false),
            ("a.b", "a", false),
        ] {
            assert_eq!(covers(wide.as_bytes(), narrow.as_bytes()), expected, "{wide} / {narrow}");
        }
    }

    #[test]
    fn validity() {
        for (text, filter, literal) in [
            ("a", true, true),
            ("a.b*", true, true),
            ("*", true, false),
            (">", true, false),
            ("a.>", true, false),
            ("a.>.b", false, false),
            ("", false, false),
            ("a..b", false, false),
            ("a.", false, false),
        ] {
            assert_eq!(is_valid_filter(text.as_bytes()), filter, "{text}");
            assert_eq!(is_valid_literal(text.as_bytes()), literal, "{text}");
        }
        assert!(is_literal(b"a..b") && is_literal(b"") && !is_literal(b"a.*.") && !is_literal(b">."));
    }

    #[track_caller]
    fn check_common(left: &str, right: &str, common: Option<&str>) {
        for (a, b) in [(left, right), (right, left)] {
            assert_eq!(overlap(a.as_bytes(), b.as_bytes()), common.is_some(), "{a} {b}");
            let found = intersect(a.as_bytes(), b.as_bytes());
            assert_eq!(found.as_deref(), common.map(str::as_bytes), "{a} {b}");
        }
    }

    #[test]
    fn what_filters_have_in_common() {
        check_common("a", "a", Some("a"));
        check_common("a", "b", None);
        check_common("a.*", "*.b", Some("a.b"));
        check_common("a.>", "*.b", Some("a.b"));
        check_common("a.>", "a", None);
        check_common("a.>", "*.*.c", Some("a.*.c"));
        check_common("a.>", "*.b.>", Some("a.b.>"));
        check_common(">", "*.*", Some("*.*"));
        check_common("*.>", ">", Some("*.>"));
        check_common("*.*", "a.>", Some("a.*"));
        check_common("a.*", "a.b.c", None);
    }

    #[test]
    fn which_filter_covers_which() {
        assert!(covers(b"a.>", b"a.*.>") && covers(b"*", b"a") && covers(b">", b">"));
        assert!(!covers(b"a.*", b"a.>") && !covers(b"a", b"*") && !covers(b"a.>", b"a"));
    }
}
