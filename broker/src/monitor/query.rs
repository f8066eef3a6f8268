//! The query of a URL, and its values as flags and numbers.

use std::borrow::Cow;

/// Names and values, decoded. The first value of a name counts.
#[derive(Debug)]
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Reads what stands behind the `?`, if anything.
    pub(super) fn parse(query: Option<&'a str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).take(MAX_PAIRS).collect())
    }

    /// Reads options of a request, whose names are those of queries but for some. [nats-server: `ConnzOptions` and its like]
    pub(super) fn of_options(options: &serde_json::Map<String, serde_json::Value>) -> Query<'static> {
        let mut query = Query(Vec::new());
        for (name, value) in options.iter().take(MAX_PAIRS) {
            let (name, value) = match (name.as_str(), value) {
                ("subscriptions_detail", serde_json::Value::Bool(true)) => ("subs", "detail".to_owned()),
                (name, serde_json::Value::String(text)) => (name, text.clone()),
                (name, value) => (name, value.to_string()),
            };
            let known = OPTIONS.iter().find(|(option, _)| *option == name).map_or(name, |(_, known)| known);
            query.set(known, &value);
        }
        query
    }

    /// Gives `name` a value, in place of any other.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((Cow::Owned(name.to_owned()), Cow::Owned(value.to_owned())));
    }

    /// The value of `name`; one that is empty counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(&**value).filter(|value| !value.is_empty())
    }

    /// True if asked for, false if absent.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, QueryError> {
        match self.text(name) {
            None | Some("0" | "f" | "F" | "false" | "False" | "FALSE") => Ok(false),
            Some("1" | "t" | "T" | "true" | "True" | "TRUE") => Ok(true),
            Some(value) => Err(QueryError::Flag { name, value: value.into() }),
        }
    }

    /// A count; a negative one is 0 [nats-server: connz].
    pub(super) fn number(&self, name: &'static str) -> Result<Option<usize>, QueryError> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let number: i64 = value.parse().map_err(|_| QueryError::Number { name, value: value.into() })?;
        Ok(Some(usize::try_from(number).unwrap_or(0)))
    }

    /// A connection's id.
    pub(super) fn cid(&self) -> Result<Option<u64>, QueryError> {
        let Some(value) = self.text("cid") else { return Ok(None) };
        value.parse().map(Some).map_err(|_| QueryError::Number { name: "cid", value: value.into() })
    }
}

/// What a query asks for cannot be read; answered with 400 and this text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum QueryError {
    /// Write `1`, `0`, `true` or `false`.
    #[error("Error decoding boolean for '{name}': {value:?}")]
    Flag { name: &'static str, value: String },
    /// Write a decimal number that fits 64 bits.
    #[error("Error decoding int for '{name}': {value:?}")]
    Number { name: &'static str, value: String },
    /// Write `open`, `closed`, `any` or `all`.
    #[error("Error decoding state for {value}")]
    State { value: String },
    /// Write one of the orders of the monitoring reference.
    #[error("invalid sorting option: {value}")]
    Sort { value: String },
    /// Add `state=closed`.
    #[error("sort by {order} only valid on closed connections")]
    SortNeedsClosed { order: &'static str },
    /// Name an account that is there.
    #[error("Account {name} does not exist")]
    Account { name: String },
    /// Write a subject without wildcards and empty tokens.
    #[error("invalid test subject, must be valid publish subject: {value}")]
    TestSubject { value: String },
}

/// What options are called in queries.
const OPTIONS: [(&str, &str); 7] = [
    ("subscriptions", "subs"),
    ("account", "acc"),
    ("consumer", "consumers"),
    ("direct_consumer", "direct-consumers"),
    ("include_unused", "unused"),
    ("leader_only", "leader-only"),
    ("stream_leader_only", "stream-leader-only"),
];

/// Name-value pairs looked at; no page knows more than a dozen names.
const MAX_PAIRS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_the_first_one_counts() {
        let query = Query::parse(Some("acc=%24G&acc=other&subs=1&offset=%2B7&limit=-3&auth=&cid=18446744073709551615"));
        assert_eq!(query.text("acc"), Some("$G"));
        assert_eq!(query.flag("subs"), Ok(true));
        assert_eq!(query.flag("auth"), Ok(false));
        assert_eq!(query.number("offset"), Ok(Some(7)));
        assert_eq!(query.number("limit"), Ok(Some(0)));
        assert_eq!(query.number("absent"), Ok(None));
        assert_eq!(query.cid(), Ok(Some(u64::MAX)));
    }

    #[test]
    fn values_that_cannot_be_read_are_errors() {
        let query = Query::parse(Some("subs=2&offset=99999999999999999999&limit=x&cid=-1"));
        assert_eq!(query.flag("subs").unwrap_err().to_string(), "Error decoding boolean for 'subs': \"2\"");
        assert!(query.number("offset").is_err());
        assert!(query.number("limit").is_err());
        assert!(query.cid().is_err());
    }

    #[test]
    fn noise_is_an_empty_query() {
        for noise in ["", "&&&", "%zz=%", "=;=", "\u{fffd}"] {
            let query = Query::parse(Some(noise));
            assert_eq!(query.number("offset"), Ok(None), "{noise}");
        }
        assert_eq!(Query::parse(Some(&"a=1&".repeat(10_000))).0.len(), MAX_PAIRS);
    }
}
