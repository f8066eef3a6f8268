//! The subjects of a stream: what they may be, and how filters relate.

use embus_protocol::filter::{covers, is_valid_filter, overlap};
use embus_protocol::filter_tree::{FilterTree, OutOfSteps, Steps};

use super::check::refused;
use crate::api::error::ApiError;

/// Whether a stream may have these subjects together. [reference §3.2]
pub(super) fn check(subjects: &[String], no_ack: bool) -> Result<(), ApiError> {
    let mut overlaps = Overlaps::new(subjects.iter().map(String::as_bytes));
    for (at, subject) in subjects.iter().enumerate() {
        let filter = subject.as_bytes();
        if !is_valid(filter) {
            return Err(refused("invalid subject"));
        }
        if !no_ack {
            check_acknowledgeable(filter)?;
        }
        if let Some(other) = overlaps.behind(at, filter).map_err(|_| refused(TOO_MUCH))? {
            let other = &subjects[other];
            return Err(refused(format!("subject \"{subject}\" overlaps with \"{other}\"")));
        }
    }
    Ok(())
}

/// Filters of one configuration, asked which of them meet.
pub(crate) struct Overlaps {
    tree: FilterTree<usize>,
    steps: Steps,
}

impl Overlaps {
    pub(crate) fn new<'a>(filters: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut tree = FilterTree::new();
        for (at, filter) in filters.enumerate() {
            tree.insert(filter, at);
        }
        Self { tree, steps: Steps(MAX_STEPS) }
    }

    /// The first one behind the place `at` that has a subject in common with `filter`.
    ///
    /// # Errors
    /// So many filters nearly meet that it would take too long to find out.
    pub(crate) fn behind(&mut self, at: usize, filter: &[u8]) -> Result<Option<usize>, OutOfSteps> {
        let mut first = None;
        self.tree.find_overlap_within(filter, &mut self.steps, |&other| {
            first = first.into_iter().chain((other > at).then_some(other)).min();
            false
        })?;
        Ok(first)
    }
}

/// Differs from nats-server, which holds each filter against each other one, however many there are. A configuration of
/// the longest request takes a tenth of it, unless it was made to take long.
pub(crate) const MAX_STEPS: u64 = 8_000_000;

/// Why a configuration is refused that would take more.
pub(crate) const TOO_MUCH: &str = "too many subjects nearly overlap";

/// Acknowledgements and API messages must not be captured and acknowledged in turn; advisories and metrics may.
fn check_acknowledgeable(filter: &[u8]) -> Result<(), ApiError> {
    if filter == b">" {
        return Err(refused("capturing all subjects requires no-ack to be true"));
    }
    let meets = |api: &[u8]| overlap(filter, api);
    let is_advisory = covers(b"$JS.EVENT.>", filter);
    if (meets(b"$JS.>") && !is_advisory) || meets(b"$JSC.>") || meets(b"$NRG.>") {
        return Err(refused("subjects that overlap with jetstream api require no-ack to be true"));
    }
    if meets(b"$SYS.>") && !covers(b"$SYS.ACCOUNT.>", filter) {
        return Err(refused("subjects that overlap with system api require no-ack to be true"));
    }
    Ok(())
}

/// Whether it is a filter as the API takes them.
pub(crate) fn is_valid(filter: &[u8]) -> bool {
    !filter.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'\x0c')) && is_valid_filter(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_overlaps_is_told() {
        let subjects = ["x", "b.*", "a.b", "*.c", "b.c"].map(str::to_owned);
        let error = super::check(&subjects, false).unwrap_err();
        assert_eq!(error.description, "subject \"b.*\" overlaps with \"*.c\"");
        let subjects = ["a", "b", "a"].map(str::to_owned);
        let error = super::check(&subjects, false).unwrap_err();
        assert_eq!(error.description, "subject \"a\" overlaps with \"a\"");
    }

    #[test]
    fn as_many_subjects_as_fit_into_a_request() {
        let subjects: Vec<_> = (0..150_000).map(|number| format!("{number:x}")).collect();
        assert_eq!(super::check(&subjects, false), Ok(()));
        let left = (0..30_000).map(|number| format!("x.*.*.{number:x}"));
        let right = (0..30_000).map(|number| format!("x.{number:x}.*.z"));
        let subjects: Vec<_> = left.chain(right).collect();
        assert_eq!(super::check(&subjects, false).unwrap_err().description, TOO_MUCH);
    }
}
