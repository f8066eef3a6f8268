//! Keys whose JWTs do not count any more.

use std::collections::BTreeMap;

use serde::Deserialize;

/// For each key the second up to which JWTs that speak of it are void.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Revocations(BTreeMap<String, i64>);

/// The entry that speaks of all keys.
const ALL: &str = "*";

impl Revocations {
    /// Whether a JWT for `key` is void that was made at this time.
    pub fn cover(&self, key: &str, issued_at: i64) -> bool {
        [ALL, key].iter().filter_map(|name| self.0.get(*name)).any(|until| issued_at <= *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_before_is_void() {
        let revocations: Revocations = serde_json::from_str(r#"{"UA":100,"*":50}"#).unwrap();
        let check = |key: &str, issued_at: i64, expected: bool| {
            assert_eq!(revocations.cover(key, issued_at), expected, "{key} {issued_at}");
        };
        check("UA", 99, true);
        check("UA", 100, true);
        check("UA", 101, false);
        check("UB", 50, true);
        check("UB", 51, false);
    }
}
