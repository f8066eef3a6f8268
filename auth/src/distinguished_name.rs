//! Distinguished names, as certificates have them and as people write them. [RFC 4514]

use std::fmt;

/// A distinguished name: `CN=meter,O=Plant`. Two are equal when their attributes are, in the same order; how letters of
/// types are written, and blanks around them, make no difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DistinguishedName {
    /// What commas separate, each of one or more attributes, which are sorted.
    parts: Vec<Vec<Attribute>>,
}

/// One `type=value`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Attribute {
    /// In capitals, or an object identifier.
    kind: String,
    value: String,
}

impl DistinguishedName {
    /// Reads what people write; nothing if it is no distinguished name.
    pub fn parse(text: &str) -> Option<Self> {
        let mut name = Self::default();
        for part in split(text, &[',', ';'])? {
            let attributes: Option<Vec<_>> = split(part, &['+'])?.into_iter().map(Attribute::parse).collect();
            let mut attributes = attributes?;
            attributes.sort_unstable();
            name.parts.push(attributes);
        }
        Some(name)
    }

    /// Whether both have the same parts, in whatever order.
    pub(crate) fn has_parts_of(&self, other: &Self) -> bool {
        let sorted = |name: &Self| {
            let mut parts = name.parts.clone();
            parts.sort_unstable();
            parts
        };
        self.parts.len() == other.parts.len() && sorted(self) == sorted(other)
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            f.write_str(if index > 0 { "," } else { "" })?;
            for (index, Attribute { kind, value }) in part.iter().enumerate() {
                write!(f, "{}{kind}={value}", if index > 0 { "+" } else { "" })?;
            }
        }
        Ok(())
    }
}

impl Attribute {
    fn parse(text: &str) -> Option<Self> {
        let (kind, value) = text.split_once('=')?;
        let kind = kind.trim();
        let is_kind =
            !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
        is_kind.then_some(())?;
        Some(Self { kind: kind.to_ascii_uppercase(), value: unescape(value)? })
    }
}

/// Cuts at separators that are not escaped; nothing if an escape is cut off.
fn split<'a>(text: &'a str, separators: &[char]) -> Option<Vec<&'a str>> {
    let (mut parts, mut start, mut is_escaped) = (Vec::new(), 0, false);
    for (index, letter) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if letter == '\\' {
            is_escaped = true;
        } else if separators.contains(&letter) {
            parts.push(text.get(start..index)?);
            start = index + letter.len_utf8();
        }
    }
    parts.push(text.get(start..)?);
    (!is_escaped).then_some(parts)
}

/// A value without its escapes: a backslash before a special letter, or before two hexadecimal digits. Blanks around it go,
/// unless they are escaped.
fn unescape(text: &str) -> Option<String> {
    let text = text.trim_start_matches(' ');
    let (mut bytes, mut kept) = (Vec::with_capacity(text.len()), 0);
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'\\' {
            let first = rest.next()?;
            bytes.push(match hexadecimal(first) {
                Some(high) => high << 4 | hexadecimal(rest.next()?)?,
                None => first,
            });
            kept = bytes.len();
        } else {
            bytes.push(byte);
        }
    }
    while bytes.len() > kept && bytes.last() == Some(&b' ') {
        bytes.pop();
    }
    String::from_utf8(bytes).ok()
}

fn hexadecimal(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).expect("a distinguished name")
    }

    #[test]
    fn what_is_written_in_several_ways_is_the_same() {
        assert_eq!(name("CN=a,O=b"), name(" cn = a , o=b "));
        assert_eq!(name("CN=a+OU=x,O=b"), name("OU=x+CN=a,O=b"));
        assert_eq!(name("CN=a\\,b"), name("CN=a\\2Cb"));
        assert_ne!(name("CN=a,O=b"), name("O=b,CN=a"));
        assert!(name("CN=a,O=b").has_parts_of(&name("O=b,CN=a")));
        assert_ne!(name("CN=a"), name("CN=A"));
        assert_eq!(name("CN=a,O=b c").to_string(), "CN=a,O=b c");
    }

    #[test]
    fn one_part_more_is_another_name() {
        assert!(!name("CN=a,O=b").has_parts_of(&name("O=b")));
        assert!(!name("CN=a,CN=a").has_parts_of(&name("CN=a")));
        assert_ne!(name("CN=a\\+OU=x"), name("CN=a+OU=x"));
    }

    #[test]
    fn what_is_none_is_told_apart() {
        for text in ["", "alice", "=a", "CN=a,", "CN=a\\", "CN=a\\f", "CN=a\\ff", "c n=a", "a@b.c"] {
            assert_eq!(DistinguishedName::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn blanks_count_where_they_are_escaped() {
        assert_eq!(name("CN= a ").parts, name("CN=a").parts);
        assert_ne!(name("CN=a\\ "), name("CN=a"));
    }
}
