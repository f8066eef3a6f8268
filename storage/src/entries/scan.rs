//! Looking through the subjects of a segment: what a filtered read spends its time on.

use super::DELETED;
use crate::subject_index::{Choice, SubjectId};

/// The first place at or behind `from` that holds a live message; the length if there is none.
pub(super) fn first_live(subjects: &[u32], from: usize) -> usize {
    first(subjects, from, is_live).unwrap_or(subjects.len())
}

pub(super) fn next(subjects: &[u32], from: usize, choice: &mut Choice<'_>) -> Option<usize> {
    match choice {
        Choice::Any => first(subjects, from, is_live),
        Choice::Nothing => None,
        Choice::One(SubjectId(id)) => first(subjects, from, |it| it == *id),
        Choice::Matching(chosen) => {
            let mut rest = subjects.get(from..)?.iter();
            rest.position(|&it| is_live(it) && chosen.contains(SubjectId(it))).map(|place| from + place)
        }
    }
}

pub(super) fn last(subjects: &[u32], choice: &mut Choice<'_>) -> Option<usize> {
    match choice {
        Choice::Any => last_that(subjects, is_live),
        Choice::Nothing => None,
        Choice::One(SubjectId(id)) => last_that(subjects, |it| it == *id),
        Choice::Matching(chosen) => subjects.iter().rposition(|&it| is_live(it) && chosen.contains(SubjectId(it))),
    }
}

pub(super) fn count(subjects: &[u32], choice: &mut Choice<'_>) -> usize {
    match choice {
        Choice::Any => subjects.iter().filter(|&&it| is_live(it)).count(),
        Choice::Nothing => 0,
        Choice::One(SubjectId(id)) => subjects.iter().filter(|&it| it == id).count(),
        Choice::Matching(chosen) => {
            subjects.iter().filter(|&&it| is_live(it) && chosen.contains(SubjectId(it))).count()
        }
    }
}

fn is_live(subject: u32) -> bool {
    subject < DELETED
}

/// In blocks, whose inner loop has no branch and becomes a few vector instructions.
fn first(subjects: &[u32], from: usize, wanted: impl Fn(u32) -> bool) -> Option<usize> {
    let rest = subjects.get(from..)?;
    if rest.first().is_some_and(|&it| wanted(it)) {
        // As in a log that is read from one end to the other.
        return Some(from);
    }
    let holds = |block: &[u32]| block.iter().fold(false, |found, &it| found | wanted(it));
    let block = rest.chunks(BLOCK).position(holds)? * BLOCK;
    let place = rest[block..].iter().position(|&it| wanted(it))?;
    Some(from + block + place)
}

fn last_that(subjects: &[u32], wanted: impl Fn(u32) -> bool) -> Option<usize> {
    let holds = |block: &&[u32]| block.iter().fold(false, |found, &it| found | wanted(it));
    let mut end = subjects.len();
    for block in subjects.rchunks(BLOCK) {
        let start = end - block.len();
        if holds(&block) {
            return block.iter().rposition(|&it| wanted(it)).map(|place| start + place);
        }
        end = start;
    }
    None
}

const BLOCK: usize = 64;
