//! A set of sequences, kept as ranges.

use std::collections::BTreeMap;

/// Sequences that mostly come in runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges {
    /// First of each run → one behind its last. Runs neither touch nor overlap.
    runs: BTreeMap<u64, u64>,
}

impl Ranges {
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many sequences.
    pub(crate) fn count(&self) -> u64 {
        self.runs.iter().map(|(start, end)| end - start).sum()
    }

    /// Adds `start..end`.
    pub(crate) fn insert(&mut self, mut start: u64, mut end: u64) {
        if start >= end {
            return;
        }
        while let Some((&before, &until)) = self.runs.range(..=end).next_back().filter(|run| *run.1 >= start) {
            self.runs.remove(&before);
            (start, end) = (start.min(before), end.max(until));
        }
        self.runs.insert(start, end);
    }

    /// Takes `start..end` out.
    pub(crate) fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        while let Some((&from, &until)) = self.runs.range(..end).next_back().filter(|run| *run.1 > start) {
            self.runs.remove(&from);
            if until > end {
                self.runs.insert(end, until);
            }
            if from < start {
                self.runs.insert(from, start);
            }
        }
    }

    /// The runs as (first, length), ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.runs.iter().map(|(&start, &end)| (start, end - start))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_set(steps in proptest::collection::vec((any::<bool>(), 0_u64..60, 0_u64..12), 0..60)) {
            let (mut ranges, mut model) = (Ranges::default(), BTreeSet::new());
            for (insert, start, len) in steps {
                if insert {
                    ranges.insert(start, start + len);
                    model.extend(start..start + len);
                } else {
                    ranges.remove(start, start + len);
                    model.retain(|it| !(start..start + len).contains(it));
                }
                let all: Vec<u64> = ranges.iter().flat_map(|(start, len)| start..start + len).collect();
                prop_assert_eq!(all, model.iter().copied().collect::<Vec<_>>());
                let runs: Vec<_> = ranges.iter().collect();
                prop_assert!(runs.windows(2).all(|pair| pair[0].0 + pair[0].1 < pair[1].0));
            }
        }
    }
}
