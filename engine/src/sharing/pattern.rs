//! Under which subjects an import is there, and what they become on the way.

use embus_protocol::filter;
use embus_protocol::transform::{SubjectTransform, TransformError};

use super::{Import, ImportKind};

/// The subjects that an import catches, where its messages come from, and what they become where they go.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) filter: String,
    pub(super) transform: Option<SubjectTransform>,
}

impl Import {
    /// The filter of what it catches, with how it changes.
    ///
    /// # Errors
    /// [`TransformError`] where both sides do not fit.
    pub(super) fn pattern(&self) -> Result<Pattern, TransformError> {
        match &self.kind {
            ImportKind::Stream { to: Some(to), .. } => change(&self.subject, &numbered(to)),
            ImportKind::Stream { to: None, prefix: Some(prefix) } => {
                let prefix = prefix.trim_end_matches('.');
                change(&self.subject, &format!("{prefix}.{}", numbered(&self.subject)))
            }
            ImportKind::Service { to: Some(to), .. } => reversed(to, &self.subject),
            ImportKind::Stream { to: None, prefix: None } | ImportKind::Service { to: None, .. } => {
                Ok(Pattern { filter: self.subject.clone(), transform: None })
            }
        }
    }

    /// The subjects under which it is known to the account that imports it.
    pub(super) fn local_filter(&self) -> Result<Vec<u8>, TransformError> {
        let pattern = self.pattern()?;
        Ok(match (&pattern.transform, self.is_stream()) {
            (Some(transform), true) => transform.reach(self.subject.as_bytes()),
            _ => pattern.filter.into_bytes(),
        })
    }
}

fn change(source: &str, destination: &str) -> Result<Pattern, TransformError> {
    if !filter::is_valid_filter(source.as_bytes()) {
        return Err(TransformError::InvalidSubject);
    }
    let all_used =
        (1..=wildcards(source)).all(|index| destination.split('.').any(|token| reference(token) == Some(index)));
    if !all_used {
        return Err(TransformError::InvalidToken { token: destination.to_owned() });
    }
    let transform = SubjectTransform::compile(source, destination)?;
    Ok(Pattern { filter: source.to_owned(), transform })
}

/// What is published under `local` goes to `remote`: the wildcards of `remote` are filled with what `local` refers to by
/// their numbers, or with its own wildcards in their order.
fn reversed(local: &str, remote: &str) -> Result<Pattern, TransformError> {
    let local = numbered(local);
    let source: Vec<&str> = local.split('.').map(|token| reference(token).map_or(token, |_| "*")).collect();
    let order: Vec<usize> = local.split('.').filter_map(reference).collect();
    let invalid = || TransformError::InvalidToken { token: local.clone() };
    let mut index = 0;
    let mut tokens = Vec::new();
    for token in remote.split('.') {
        if token != "*" {
            tokens.push(token.to_owned());
            continue;
        }
        index += 1;
        let place = order.iter().position(|reference| *reference == index).ok_or_else(invalid)?;
        tokens.push(format!("${}", place + 1));
    }
    if order.len() != index {
        return Err(invalid());
    }
    change(&source.join("."), &tokens.join("."))
}

/// The same with its wildcards as references, in their order.
fn numbered(subject: &str) -> String {
    let mut index = 0;
    let tokens = subject.split('.').map(|token| {
        if token != "*" {
            return token.to_owned();
        }
        index += 1;
        format!("${index}")
    });
    tokens.collect::<Vec<_>>().join(".")
}

fn wildcards(filter: &str) -> usize {
    filter.split('.').filter(|token| *token == "*").count()
}

/// The number of the wildcard that a token refers to, as `$1` or `{{wildcard(1)}}`. Other functions are none: imports
/// have to keep everything. [nats-server: imports]
fn reference(token: &str) -> Option<usize> {
    let function = || {
        let inside = token.strip_prefix("{{")?.strip_suffix("}}")?.trim();
        let arguments = inside.strip_prefix("wildcard").or_else(|| inside.strip_prefix("Wildcard"))?;
        Some(arguments.trim().strip_prefix('(')?.strip_suffix(')')?.trim())
    };
    token.strip_prefix('$').or_else(function)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(import: &Import, caught: &str, subject: &str, becomes: &str) {
        let pattern = import.pattern().unwrap();
        assert_eq!(pattern.filter, caught);
        let mut out = Vec::new();
        match &pattern.transform {
            Some(transform) => assert!(transform.apply(subject.as_bytes(), &mut out), "{subject}"),
            None => out.extend_from_slice(subject.as_bytes()),
        }
        assert_eq!(String::from_utf8_lossy(&out), becomes);
    }

    #[test]
    fn streams_are_heard_elsewhere() {
        let import = || Import::stream("A", "foo.*.>");
        check(&import(), "foo.*.>", "foo.a.b.c", "foo.a.b.c");
        check(&import().with_prefix("pre."), "foo.*.>", "foo.a.b.c", "pre.foo.a.b.c");
        check(&import().local("bar.*.x.>"), "foo.*.>", "foo.a.b.c", "bar.a.x.b.c");
        check(&Import::stream("A", "f.*.*").local("l.$2.{{wildcard(1)}}"), "f.*.*", "f.a.b", "l.b.a");
        check(&Import::stream("A", "foo").local("bar"), "foo", "foo", "bar");
    }

    #[test]
    fn services_are_asked_elsewhere() {
        let import = |to: &str| Import::service("A", "req.*.*").local(to);
        check(&import("l.*.*"), "l.*.*", "l.a.b", "req.a.b");
        check(&import("l.$2.x.$1"), "l.*.x.*", "l.b.x.a", "req.a.b");
        check(&Import::service("A", "req.>").local("l.>"), "l.>", "l.a.b", "req.a.b");
        check(&Import::service("A", "req").local("l"), "l", "l", "req");
        check(&Import::service("A", "req.*"), "req.*", "req.1", "req.1");
    }

    #[test]
    fn what_loses_something_is_refused() {
        for import in [
            Import::stream("A", "f.*.*").local("l.$1"),
            Import::stream("A", "f.>").local("l"),
            Import::stream("A", "f").local("l.$1"),
            Import::stream("A", "f.*").local("l.{{partition(3,1)}}"),
            Import::stream("A", "f..x").local("l"),
            Import::service("A", "f.*").local("l"),
            Import::service("A", "f").local("l.*"),
            Import::service("A", "f.*.*").local("l.$1.$1"),
            Import::service("A", "f.>").local("l"),
        ] {
            assert!(import.pattern().is_err(), "{import:?}");
        }
    }
}
