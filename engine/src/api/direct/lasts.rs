//! Finds the last messages of all subjects that many filters match: all filters are held against each subject at once, and the
//! stream is locked for some subjects at a time.

use std::collections::BTreeSet;

use embus_protocol::filter;
use embus_protocol::subject_tree::SubjectTree;
use embus_storage::log::Log;

use crate::stream::Stream;

/// Subjects in one answer, and filters in one request. [reference §6.1]
const MAX_RESULTS: usize = 1024;

/// Subjects that are looked at under one lock.
const PAGE: usize = 1024;

/// The sequences of the last messages at or before `up_to`, or nothing if there are too many.
pub(super) fn gather(stream: &Stream, filters: &BTreeSet<String>, up_to: u64) -> Option<BTreeSet<u64>> {
    if filters.len() > MAX_RESULTS {
        return None;
    }
    let valid = filters.iter().map(String::as_bytes).filter(|it| filter::is_valid_filter(it));
    let (literals, wildcards): (Vec<_>, Vec<_>) = valid.partition(|it| filter::is_literal(it));
    let mut sequences = BTreeSet::new();
    for subject in literals {
        sequences.extend(stream.look(|core| core.log_mut().last_on(subject, up_to)));
    }
    let wildcards = tree(&wildcards);
    let mut page = (!wildcards.is_empty()).then_some(0);
    while let Some(place) = page {
        page = stream.look(|core| gather_some(core.log_mut(), &wildcards, place, up_to, &mut sequences));
        if sequences.len() > MAX_RESULTS {
            return None;
        }
    }
    (sequences.len() <= MAX_RESULTS).then_some(sequences)
}

fn tree(filters: &[&[u8]]) -> SubjectTree<()> {
    let mut tree = SubjectTree::new();
    for &filter in filters {
        tree.get_or_insert_with(&filter.into(), || ());
    }
    tree
}

/// Some subjects from `place` on; returns where it goes on.
fn gather_some(
    log: &mut Log,
    filters: &SubjectTree<()>,
    place: usize,
    up_to: u64,
    sequences: &mut BTreeSet<u64>,
) -> Option<usize> {
    // Subjects that have messages on both sides of the point are looked at more closely.
    let mut around = Vec::new();
    let next = log.some_subjects(place, PAGE, &mut |subject, known| {
        if known.state.first > up_to || !filters.has_match(subject) {
            return;
        }
        if known.state.last <= up_to && !known.last_is_stale {
            sequences.insert(known.state.last);
        } else {
            around.push(subject.to_vec());
        }
    });
    for subject in around {
        if sequences.len() > MAX_RESULTS {
            break;
        }
        sequences.extend(log.last_on(&subject, up_to));
    }
    next
}
