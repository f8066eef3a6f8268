//! Subjects of a scoped key with places for what its users are called: `{{name()}}` and its like. [ADR-14]

use super::rights::{Rights, Subjects};
use crate::rules::Entry;

/// What the places are filled with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a> {
    /// Name of the user.
    pub(super) name: &'a str,
    /// Its key.
    pub(super) subject: &'a str,
    /// Name of its account.
    pub(super) account_name: &'a str,
    /// The account's key.
    pub(super) account_subject: &'a str,
    /// Tags of the user.
    pub(super) tags: &'a [String],
    /// Tags of the account.
    pub(super) account_tags: &'a [String],
}

/// A denied subject cannot be filled in: what it should keep away is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unfilled;

/// Most subjects that one list may come to: tags multiply.
const MAX_SUBJECTS: usize = 1024;

/// The template with its places filled in.
///
/// # Errors
/// [`Unfilled`] when a denied subject has no value, or there would be too many.
pub(super) fn fill(template: &Rights, values: &Values<'_>) -> Result<Rights, Unfilled> {
    let publish = subjects(&template.publish, values)?;
    let subscribe = subjects(&template.subscribe, values)?;
    Ok(Rights { publish, subscribe, ..template.clone() })
}

fn subjects(template: &Subjects, values: &Values<'_>) -> Result<Subjects, Unfilled> {
    let mut filled = Subjects::default();
    for entry in &template.allow {
        // What cannot be filled in is not allowed.
        filled.allow.extend(expand(entry, values)?.into_iter().filter(|subject| Entry::parse(subject).is_ok()));
        check_count(&filled.allow)?;
    }
    for entry in &template.deny {
        let expanded = expand(entry, values)?;
        if expanded.is_empty() || expanded.iter().any(|subject| Entry::parse(subject).is_err()) {
            return Err(Unfilled);
        }
        filled.deny.extend(expanded);
        check_count(&filled.deny)?;
    }
    // An empty list would allow everything.
    if filled.allow.is_empty() && !template.allow.is_empty() {
        filled.deny.push(">".to_owned());
    }
    Ok(filled)
}

fn check_count(subjects: &[String]) -> Result<(), Unfilled> {
    if subjects.len() > MAX_SUBJECTS { Err(Unfilled) } else { Ok(()) }
}

/// One subject for each choice of values.
fn expand(entry: &str, values: &Values<'_>) -> Result<Vec<String>, Unfilled> {
    let mut expanded = vec![String::new()];
    let mut rest = entry;
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((call, after)) = behind.split_once("}}") else { break };
        let found = values.of(call);
        if expanded.len() * found.len() > MAX_SUBJECTS {
            return Err(Unfilled);
        }
        let with =
            |start: &String| found.iter().map(move |value| format!("{start}{before}{value}")).collect::<Vec<_>>();
        expanded = expanded.iter().flat_map(with).collect();
        rest = after;
    }
    Ok(expanded.into_iter().map(|subject| subject + rest).collect())
}

impl<'a> Values<'a> {
    /// The values of a call; nothing for one that is not known.
    fn of(&self, call: &str) -> Vec<&'a str> {
        let call = call.trim().to_ascii_lowercase();
        let tag =
            |function: &str| call.strip_prefix(function)?.strip_suffix(')').map(|name| format!("{}:", name.trim()));
        let found: Vec<&str> = match call.as_str() {
            "name()" => vec![self.name],
            "subject()" => vec![self.subject],
            "account-name()" => vec![self.account_name],
            "account-subject()" => vec![self.account_subject],
            _ => match (tag("tag("), tag("account-tag(")) {
                (Some(prefix), _) => tagged(self.tags, &prefix),
                (_, Some(prefix)) => tagged(self.account_tags, &prefix),
                _ => Vec::new(),
            },
        };
        found.into_iter().filter(|value| is_literal(value)).collect()
    }
}

fn tagged<'a>(tags: &'a [String], prefix: &str) -> Vec<&'a str> {
    tags.iter().filter_map(|tag| tag.strip_prefix(prefix)).collect()
}

/// Whoever holds a scoped key chooses names and tags, and must not choose more than the template has.
///
/// Differs from nats-server, where a user may be called `>`.
fn is_literal(value: &str) -> bool {
    let is_wild = value.split('.').any(|token| ["*", ">"].contains(&token));
    !value.is_empty() && !is_wild && !value.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn filled(allow: &[&str], deny: &[&str], tags: &[&str], name: &str) -> Result<Subjects, Unfilled> {
        let (tags, account_tags) = (list(tags), list(&["zone:eu"]));
        let values = Values {
            name,
            subject: "UA",
            account_name: "ACC",
            account_subject: "AA",
            tags: &tags,
            account_tags: &account_tags,
        };
        subjects(&Subjects { allow: list(allow), deny: list(deny) }, &values)
    }

    #[track_caller]
    fn check(allow: &str, tags: &[&str], expected: &[&str]) {
        assert_eq!(filled(&[allow, "x"], &[], tags, "bob").unwrap().allow, list(&[expected, &["x"]].concat()));
    }

    #[test]
    fn places_are_filled() {
        check("a.{{name()}}.{{subject()}}", &[], &["a.bob.UA"]);
        check("{{account-name()}}.{{account-subject()}}.{{account-tag(zone)}}", &[], &["ACC.AA.eu"]);
        check("a-{{Name()}}.>", &[], &["a-bob.>"]);
        check("a.{{name()}} q", &[], &["a.bob q"]);
        check("a.{{tag(x)}}", &["x:1", "y:2", "x:3"], &["a.1", "a.3"]);
        check("{{tag(x)}}.{{tag(y)}}", &["x:1", "x:2", "y:3", "y:4"], &["1.3", "1.4", "2.3", "2.4"]);
    }

    #[test]
    fn what_has_no_value_is_not_allowed() {
        check("a.{{tag(x)}}", &[], &[]);
        check("a.{{nonsense()}}", &[], &[]);
        check("a.{{tag(x)}}", &["x:>", "x:*", "x:a.>", "x:", "x:a b", "x:.", "x:ok"], &["a.ok"]);
        check("a.{{name()", &[], &["a.{{name()"]);
        assert_eq!(filled(&["a.{{tag(x)}}"], &[], &[], "bob").unwrap().deny, [">"]);
        assert_eq!(filled(&["{{name()}}"], &[], &[], ">").unwrap().deny, [">"]);
    }

    #[test]
    fn what_is_denied_has_to_be_known() {
        assert_eq!(filled(&[], &["a.{{name()}}"], &[], "bob").unwrap().deny, ["a.bob"]);
        assert_eq!(filled(&[], &["a.{{tag(x)}}"], &[], "bob"), Err(Unfilled));
        assert_eq!(filled(&[], &["a.{{nonsense()}}"], &[], "bob"), Err(Unfilled));
    }

    #[test]
    fn tags_do_not_multiply_without_end() {
        let tags: Vec<String> = (0..100).map(|number| format!("x:{number}")).collect();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        assert_eq!(
            filled(&["{{tag(x)}}.{{tag(x)}}.{{tag(x)}}.{{tag(x)}}.{{tag(x)}}"], &[], &tags, "bob"),
            Err(Unfilled)
        );
    }
}
