//! What an account offers to others.

use std::time::Duration;

use super::{
    account::Percent,
    read::{Field, Read, Report, Section, fields, word},
    validate::Checks,
};
use crate::{Kind, Value};

/// One element of `exports`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Export {
    /// `stream`: messages on these subjects.
    pub stream: Option<String>,
    /// `service`: answers to requests on these subjects.
    pub service: Option<String>,
    /// `accounts`: only to these; to all without it.
    pub accounts: Option<Vec<String>>,
    /// `response_type`, `response`, of a service.
    pub response_type: Option<ResponseType>,
    /// `response_threshold`, `threshold`: how long an answer may take.
    pub response_threshold: Option<Duration>,
    /// `latency`: measurements of a service.
    pub latency: Option<Latency>,
    /// `account_token_position`: which token of the subject names the importing account.
    pub account_token_position: Option<u16>,
    /// `allow_trace`.
    pub allow_trace: bool,
}

/// How many answers there are to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseType {
    /// One.
    Singleton,
    /// Any number.
    Stream,
    /// One, in parts.
    Chunked,
}

/// Measurements of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    /// `subject`: where they are published.
    pub subject: String,
    /// `sampling`, in percent; nothing means that headers of the request decide.
    pub sampling: Option<u16>,
}

impl Section for Export {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "stream" => field.set(&mut self.stream),
            "service" => field.set(&mut self.service),
            "accounts" => field.set(&mut self.accounts),
            "response_type" | "response" => field.set(&mut self.response_type),
            "response_threshold" | "threshold" => field.set(&mut self.response_threshold),
            "latency" => field.set(&mut self.latency),
            "account_token_position" => field.set(&mut self.account_token_position),
            "allow_trace" => field.set(&mut self.allow_trace),
            _ => field.unknown(),
        }
    }
}

impl Read for ResponseType {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let table = [
            ("single", Self::Singleton),
            ("singleton", Self::Singleton),
            ("stream", Self::Stream),
            ("chunk", Self::Chunked),
            ("chunked", Self::Chunked),
        ];
        word(value, report, &table)
    }
}

impl Read for Latency {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let mut latency = Self { subject: String::new(), sampling: Some(100) };
        match &value.kind {
            Kind::Text(subject) => latency.subject.clone_from(subject),
            Kind::Block(block) => fields(&mut latency, block, report),
            _ => return report.wrong(value, "a string or a map"),
        }
        Some(latency)
    }
}

impl Section for Latency {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "subject" => field.set(&mut self.subject),
            "sampling" => field.set_from::<Sampling, _>(&mut self.sampling),
            _ => field.unknown(),
        }
    }
}

struct Sampling(Option<u16>);

impl Read for Sampling {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        match &value.kind {
            Kind::Text(text) if text.eq_ignore_ascii_case("headers") => Some(Self(None)),
            _ => Percent::read(value, report).map(|Percent(percent)| Self(Some(percent))),
        }
    }
}

impl From<Sampling> for Option<u16> {
    fn from(Sampling(percent): Sampling) -> Self {
        percent
    }
}

impl Export {
    /// The subjects, of whichever kind.
    pub fn subject(&self) -> Option<&str> {
        self.stream.as_deref().or(self.service.as_deref())
    }

    pub(super) fn check(&self, path: &str, checks: &mut Checks<'_>) {
        match (&self.stream, &self.service) {
            (None, None) => checks.fault(path, "an export needs a stream or a service"),
            (Some(_), Some(service)) => {
                checks.fault(path, format!("Detected service {service:?} but already saw a stream"));
            }
            (Some(subject), None) | (None, Some(subject)) => checks.subject(path, subject),
        }
        if self.service.is_none() {
            self.check_stream(path, checks);
        }
        if self.latency.as_ref().is_some_and(|latency| latency.subject.is_empty()) {
            checks.fault(path, "Latency subject required, but missing");
        }
    }

    fn check_stream(&self, path: &str, checks: &mut Checks<'_>) {
        if self.response_type.is_some() {
            checks.fault(path, "Detected response directive on non-service");
        }
        if self.response_threshold.is_some() {
            checks.fault(path, "Detected response threshold on non-service");
        }
        if self.latency.is_some() {
            checks.fault(path, "Detected latency directive on non-service");
        }
        if self.allow_trace {
            checks.fault(path, "Detected allow_trace directive on non-service");
        }
    }
}
