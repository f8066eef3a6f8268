//! Where a stream's messages get new subjects: its transform, and its copies; and whether copies would come back.

use embus_protocol::filter::{intersect, overlap};
use embus_protocol::transform::SubjectTransform;

use super::check::refused;
use super::subjects::is_valid;
use super::{Republish, StreamConfig, Transform};
use crate::api::error::ApiError;

impl StreamConfig {
    pub(super) fn check_transform(&self) -> Result<(), ApiError> {
        let Some(Transform { source, destination }) = &self.subject_transform else { return Ok(()) };
        if !source.is_empty() && !is_valid(source.as_bytes()) {
            return Err(ApiError::stream_transform_source_invalid(format!("invalid subject {source}")));
        }
        SubjectTransform::compile(source, destination).map(drop).map_err(ApiError::stream_transform_invalid)
    }

    pub(super) fn check_republish(&mut self, pedantic: bool) -> Result<(), ApiError> {
        let implicit = self.implicit_republish();
        let Some(republish) = &mut self.republish else { return Ok(()) };
        if republish.source.is_empty() {
            if pedantic {
                return Err(ApiError::pedantic("republish source can not be empty"));
            }
            ">".clone_into(&mut republish.source);
        }
        if let Some(destination) = implicit {
            if pedantic {
                return Err(ApiError::pedantic("implicit republish based on subject transform"));
            }
            (republish.source, republish.destination) = (destination.clone(), destination);
        }
        let Republish { source, destination, .. } = republish;
        if self.subjects.iter().any(|subject| overlap(destination.as_bytes(), subject.as_bytes())) {
            return Err(refused("stream configuration for republish destination forms a cycle"));
        }
        SubjectTransform::compile(source, destination).map(drop).map_err(|_| {
            refused(format!(
                "stream configuration for republish with transform from '{source}' to '{destination}' not valid"
            ))
        })
    }

    /// Everything republished to everything means the transformed subjects, if all of the stream's are transformed.
    fn implicit_republish(&self) -> Option<String> {
        let (republish, transform) = (self.republish.as_ref()?, self.subject_transform.as_ref()?);
        let is_everything = matches!(&*republish.source, "" | ">") && republish.destination == ">";
        (is_everything && self.subjects == [&*transform.source]).then(|| transform.destination.clone())
    }

    /// What its `subject_transform` says, compiled; `None` if there is nothing to do. The configuration is complete.
    pub fn compiled_transform(&self) -> Option<SubjectTransform> {
        let Transform { source, destination } = self.subject_transform.as_ref()?;
        SubjectTransform::compile(source, destination).ok().flatten()
    }

    /// What its `republish` says, compiled; `None` if there is nothing to do. The configuration is complete.
    pub fn compiled_republish(&self) -> Option<SubjectTransform> {
        let Republish { source, destination, .. } = self.republish.as_ref()?;
        SubjectTransform::compile(source, destination).ok().flatten()
    }
}

/// Whether a message that one of the streams republishes can come back to it, be it through others.
///
/// Follows filters, not messages, so what never happens may count as a cycle; what can happen always does.
pub fn republish_cycle(streams: &[&StreamConfig]) -> bool {
    let republishers: Vec<_> = streams.iter().filter_map(|config| Republisher::of(config)).collect();
    let mut walk = Walk { republishers: &republishers, path: Vec::new(), seen: Vec::new() };
    republishers
        .iter()
        .enumerate()
        .any(|(at, republisher)| republisher.subjects.iter().any(|subject| walk.comes_back(at, subject.as_bytes())))
}

/// A stream that republishes.
struct Republisher<'a> {
    subjects: &'a [String],
    transform: Option<SubjectTransform>,
    republish: SubjectTransform,
}

impl<'a> Republisher<'a> {
    fn of(config: &'a StreamConfig) -> Option<Self> {
        let republish = config.compiled_republish()?;
        Some(Self { subjects: &config.subjects, transform: config.compiled_transform(), republish })
    }

    /// Filters of what it republishes of messages that `filter` matches.
    fn reach(&self, filter: &[u8]) -> Vec<Vec<u8>> {
        let transformed = self.transform.as_ref().and_then(|transform| {
            let matching = intersect(filter, transform.source())?;
            Some(transform.reach(&matching))
        });
        // What the transform does not match, or leaves alone, is stored as it is.
        let stored = transformed.into_iter().chain([filter.to_vec()]);
        let source = self.republish.source();
        stored.filter_map(|filter| Some(self.republish.reach(&intersect(&filter, source)?))).collect()
    }
}

/// One way through the streams.
struct Walk<'a> {
    republishers: &'a [Republisher<'a>],
    /// The streams on the way to here.
    path: Vec<usize>,
    /// What was looked at from where.
    seen: Vec<(usize, Vec<u8>)>,
}

impl Walk<'_> {
    /// Whether messages of `filter` in the stream at `at` lead to a stream that is on the way already.
    fn comes_back(&mut self, at: usize, filter: &[u8]) -> bool {
        let reached = self.republishers[at].reach(filter);
        if reached.is_empty() {
            return false;
        }
        if self.path.contains(&at) || self.seen.len() >= MAX_STEPS {
            return true;
        }
        if self.seen.iter().any(|(stream, seen)| *stream == at && seen == filter) {
            return false;
        }
        self.seen.push((at, filter.to_vec()));
        self.path.push(at);
        let found = reached.iter().any(|filter| self.goes_on(filter));
        self.path.pop();
        found
    }

    fn goes_on(&mut self, filter: &[u8]) -> bool {
        let republishers = self.republishers;
        republishers.iter().enumerate().any(|(next, republisher)| {
            let captured = republisher.subjects.iter().filter_map(|subject| intersect(filter, subject.as_bytes()));
            captured.into_iter().any(|captured| self.comes_back(next, &captured))
        })
    }
}

/// Ways that are looked at before many streams that republish into each other count as a cycle.
const MAX_STEPS: usize = 10_000;
