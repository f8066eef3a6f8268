//! What an account takes from others.

use embus_protocol::filter::tokens;

use super::{
    read::{Field, Section},
    validate::Checks,
};

/// One element of `imports`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Import {
    /// `stream`: messages that another account exports.
    pub stream: Option<Source>,
    /// `service`: a service that another account exports.
    pub service: Option<Source>,
    /// `prefix`: what is put before the subjects of a stream.
    pub prefix: Option<String>,
    /// `to`: the subjects under which it is here.
    pub to: Option<String>,
    /// `share`: the service is told who asks.
    pub share: bool,
    /// `allow_trace`, of a stream.
    pub allow_trace: bool,
}

/// Subjects of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// `account`.
    pub account: String,
    /// `subject`.
    pub subject: String,
}

impl Section for Import {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "stream" => field.set(&mut self.stream),
            "service" => field.set(&mut self.service),
            "prefix" => field.set(&mut self.prefix),
            "to" => field.set(&mut self.to),
            "share" => field.set(&mut self.share),
            "allow_trace" => field.set(&mut self.allow_trace),
            _ => field.unknown(),
        }
    }
}

impl Section for Source {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "account" => field.set(&mut self.account),
            "subject" => field.set(&mut self.subject),
            _ => field.unknown(),
        }
    }
}

impl Import {
    /// Where it comes from, of whichever kind.
    pub fn source(&self) -> Option<&Source> {
        self.stream.as_ref().or(self.service.as_ref())
    }

    pub(super) fn check(&self, path: &str, checks: &mut Checks<'_>) {
        match (&self.stream, &self.service) {
            (None, None) => checks.fault(path, "an import needs a stream or a service"),
            (Some(_), Some(_)) => checks.fault(path, "Detected service but already saw a stream"),
            (Some(source), None) | (None, Some(source)) => source.check(path, checks),
        }
        if self.prefix.is_some() && self.to.is_some() {
            checks.fault(path, "Can not have both a prefix and a to property");
        }
        if self.service.is_some() && self.allow_trace {
            checks.fault(path, "Detected allow_trace directive on a non-stream");
        }
        if let (Some(source), Some(to)) = (self.source(), &self.to) {
            self.check_to(path, source, to, checks);
        }
    }

    /// It has to keep all that wildcards stand for. [nats-server: imports]
    fn check_to(&self, path: &str, source: &Source, to: &str, checks: &mut Checks<'_>) {
        let kind = if self.stream.is_some() { "stream" } else { "service" };
        let text =
            format!("failed to create mapping transform for {kind} import subject from {:?} to {to:?}", source.subject);
        let wildcards = |subject: &str| tokens(subject.as_bytes()).filter(|token| *token == b"*").count();
        let count = wildcards(&source.subject);
        // A service may be written with wildcards on both sides.
        if wildcards(to) == count && count > 0 {
            return;
        }
        checks.transform(path, &source.subject, to, &text);
        let is_used =
            |index: usize| [format!("${index}"), format!("wildcard({index})")].iter().any(|form| to.contains(form));
        if !(1..=count).all(is_used) {
            checks.fault(
                path,
                format!("{text}: invalid mapping destination: not using all of the token wildcard(s) in {to}"),
            );
        }
    }
}

impl Source {
    fn check(&self, path: &str, checks: &mut Checks<'_>) {
        if self.account.is_empty() {
            checks.fault(path, "Expect an account name for an import");
        }
        checks.subject(path, &self.subject);
    }
}
