//! A password or token as a configuration gives it: plain, or as a bcrypt hash.

use embus_protocol::secret::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a client has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Plain(Secret),
    Bcrypt(Secret),
}

impl Password {
    /// A text that begins as bcrypt hashes do (`$2a$`, `$2b$`, `$2x$`, `$2y$`) is one; any other is the password itself.
    /// [nats-server: isBcrypt]
    pub fn new(text: impl Into<Secret>) -> Self {
        let text = text.into();
        Self(if is_bcrypt(text.expose()) { Form::Bcrypt(text) } else { Form::Plain(text) })
    }

    /// Whether a comparison takes so long that it belongs on a thread of its own.
    pub fn is_slow(&self) -> bool {
        matches!(self.0, Form::Bcrypt(_))
    }

    /// How much work a comparison is: 0 for a plain one, else the hash's cost.
    pub(crate) fn cost(&self) -> u32 {
        match &self.0 {
            Form::Plain(_) => 0,
            Form::Bcrypt(hash) => hash.expose().get(4..6).and_then(|cost| cost.parse().ok()).unwrap_or(0).max(1),
        }
    }

    /// Whether there is nothing to know.
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Form::Plain(text) if text.is_empty())
    }

    /// Whether `given` is it, in a time that does not depend on where they differ.
    pub fn matches(&self, given: &Secret) -> bool {
        match &self.0 {
            Form::Plain(expected) => equals(expected.expose(), given.expose()),
            Form::Bcrypt(hash) => bcrypt::verify(given.expose(), hash.expose()).unwrap_or(false),
        }
    }
}

/// Digests are compared, as they have one length: that of the password stays hidden too.
fn equals(expected: &str, given: &str) -> bool {
    let (expected, given) = (Sha256::digest(expected), Sha256::digest(given));
    expected.as_slice().ct_eq(given.as_slice()).into()
}

fn is_bcrypt(text: &str) -> bool {
    let cost = text.strip_prefix("$2").and_then(|rest| rest.strip_prefix(['a', 'b', 'x', 'y']));
    let cost = cost.and_then(|rest| rest.strip_prefix('$')).and_then(|rest| rest.split_once('$'));
    cost.is_some_and(|(cost, _)| cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str, given: &str, expected: bool) {
        assert_eq!(Password::new(password).matches(&given.into()), expected, "{password} / {given}");
    }

    #[test]
    fn plain_passwords_match_themselves() {
        check("s3cret", "s3cret", true);
        check("s3cret", "s3cre", false);
        check("s3cret", "", false);
        check("", "", true);
        check("$2a", "$2a", true);
    }

    #[test]
    fn hashes_match_what_was_hashed() {
        let hash = bcrypt::hash("s3cret", 4).unwrap();
        check(&hash, "s3cret", true);
        check(&hash, "S3cret", false);
        check(&hash, &hash, false);
        assert!(Password::new(hash.replace("$2b$", "$2a$")).matches(&"s3cret".into()));
    }

    #[test]
    fn a_damaged_hash_lets_nobody_in() {
        for damaged in ["$2a$11$", "$2a$11$x", "$2a$99$3yVbX0cPnb0cQxYoTGyWQeHRZD3NgqTnvxUQpI5Pr8v9iWAVyfRQK"] {
            assert!(Password::new(damaged).is_slow());
            check(damaged, damaged, false);
        }
    }
}
