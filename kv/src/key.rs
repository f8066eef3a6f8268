//! The rules for keys, for patterns of keys, and for names of buckets. [ADR-8]

/// Why a text is no key, or no pattern of keys.
///
/// ```
/// use embus_kv::key::{InvalidKey, check_key};
///
/// let error = check_key("schön").unwrap_err();
/// assert_eq!(error, InvalidKey::Character('ö'));
/// assert!(error.to_string().contains("ASCII letters and digits"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// There is nothing in it.
    #[error("a key is not empty")]
    Empty,
    /// It begins or ends with a dot, or two dots stand side by side: a part between dots is empty.
    #[error("a key has something before, behind and between its dots")]
    EmptyPart,
    /// Something else than letters and digits of ASCII and `-`, `/`, `_`, `=` and `.`.
    #[error("a key consists of ASCII letters and digits, `-`, `/`, `_`, `=` and `.`, not of {0:?}")]
    Character(char),
    /// In a pattern, a `*` that is not a part by itself, or a `>` that is not the last part.
    #[error("`*` stands for a whole part of a key, and `>` for all that follow")]
    Wildcard,
    /// There is no pattern at all.
    #[error("no key to watch")]
    NoPattern,
}

/// Checks a key.
///
/// Differs from async-nats: `a..b` is refused here; as a subject it would go nowhere.
///
/// ```
/// use embus_kv::key::{InvalidKey, check_key};
///
/// assert_eq!(check_key("users/7.name"), Ok(()));
/// assert_eq!(check_key(".hidden"), Err(InvalidKey::EmptyPart));
/// assert_eq!(check_key("two words"), Err(InvalidKey::Character(' ')));
/// ```
///
/// # Errors
/// See [`InvalidKey`].
pub fn check_key(key: &str) -> Result<(), InvalidKey> {
    if key.is_empty() {
        return Err(InvalidKey::Empty);
    }
    let mut last = b'.';
    for byte in key.bytes() {
        match byte {
            b'.' if last == b'.' => return Err(InvalidKey::EmptyPart),
            byte if !is_of_key(byte) => return Err(odd_character(key)),
            _ => last = byte,
        }
    }
    if last == b'.' { Err(InvalidKey::EmptyPart) } else { Ok(()) }
}

/// Checks a pattern of keys: a key of which whole parts may be `*`, and the last one `>`.
///
/// ```
/// use embus_kv::key::{InvalidKey, check_pattern};
///
/// for pattern in [">", "users.*", "*.*.name", "users.>", "plain"] {
///     assert_eq!(check_pattern(pattern), Ok(()));
/// }
/// assert_eq!(check_pattern("user*"), Err(InvalidKey::Wildcard));
/// assert_eq!(check_pattern(">.name"), Err(InvalidKey::Wildcard));
/// ```
///
/// # Errors
/// See [`InvalidKey`].
pub fn check_pattern(pattern: &str) -> Result<(), InvalidKey> {
    if pattern.is_empty() {
        return Err(InvalidKey::Empty);
    }
    let mut parts = pattern.split('.').peekable();
    while let Some(part) = parts.next() {
        check_part(part, parts.peek().is_none())?;
    }
    Ok(())
}

fn check_part(part: &str, is_last: bool) -> Result<(), InvalidKey> {
    match part {
        "" => Err(InvalidKey::EmptyPart),
        "*" => Ok(()),
        ">" if is_last => Ok(()),
        _ if part.contains(['*', '>']) => Err(InvalidKey::Wildcard),
        _ if part.bytes().all(is_of_key) => Ok(()),
        _ => Err(odd_character(part)),
    }
}

/// The first character that is in no key.
#[cold]
fn odd_character(text: &str) -> InvalidKey {
    let is_odd = |character: &char| !u8::try_from(*character).is_ok_and(is_of_key);
    InvalidKey::Character(text.chars().find(is_odd).unwrap_or_default())
}

fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/' | b'_' | b'=' | b'.')
}

/// Whether this can be the name of a bucket: letters and digits of ASCII, `-` and `_`.
///
/// ```
/// assert!(embus_kv::key::is_valid_bucket_name("game-boards_2"));
/// assert!(!embus_kv::key::is_valid_bucket_name("game.boards"));
/// ```
pub fn is_valid_bucket_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for key in ["a", "A.9", "-/_=.x", "a.b.c", "=="] {
            assert_eq!(check_key(key), Ok(()), "{key}");
        }
        assert_eq!(check_key(""), Err(InvalidKey::Empty));
        for key in [".", ".a", "a.", "a..b", "..."] {
            assert_eq!(check_key(key), Err(InvalidKey::EmptyPart), "{key}");
        }
        for (key, odd) in
            [("a b", ' '), ("a*", '*'), (">", '>'), ("xäö", 'ä'), ("a\n", '\n'), ("a:b", ':'), ("a\\b", '\\')]
        {
            assert_eq!(check_key(key), Err(InvalidKey::Character(odd)), "{key:?}");
        }
    }

    #[test]
    fn every_key_is_a_pattern() {
        for key in ["a", "A.9", "-/_=.x", "a.b.c"] {
            assert_eq!(check_pattern(key), Ok(()), "{key}");
        }
    }

    #[test]
    fn patterns() {
        for pattern in [">", "*", "*.>", "a.*.b", "a.>"] {
            assert_eq!(check_pattern(pattern), Ok(()), "{pattern}");
        }
        for (pattern, error) in [
            ("", InvalidKey::Empty),
            ("a..b", InvalidKey::EmptyPart),
            ("a.", InvalidKey::EmptyPart),
            ("a>", InvalidKey::Wildcard),
            ("**", InvalidKey::Wildcard),
            (">.a", InvalidKey::Wildcard),
            ("a b.*", InvalidKey::Character(' ')),
        ] {
            assert_eq!(check_pattern(pattern), Err(error), "{pattern}");
        }
    }

    #[test]
    fn names_of_buckets() {
        for name in ["a", "KV", "a-b_9"] {
            assert!(is_valid_bucket_name(name), "{name}");
        }
        for name in ["", "a.b", "a b", "ä", "a*", ">", "a/b", "a="] {
            assert!(!is_valid_bucket_name(name), "{name}");
        }
    }
}
