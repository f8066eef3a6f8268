//! Why records in other files are dead.

use crate::record::Removal;

/// What the left-out records of some segments said of messages in older files.
#[derive(Debug, Default)]
pub(super) struct Facts {
    floor: u64,
    /// Removed sequences: first and one behind the last, in any order.
    ranges: Vec<(u64, u64)>,
}

impl Facts {
    pub(super) fn evicted(&mut self, sequence: u64) {
        match self.ranges.last_mut() {
            Some((_, end)) if *end == sequence => *end += 1,
            _ => self.ranges.push((sequence, sequence.saturating_add(1))),
        }
    }

    pub(super) fn removed(&mut self, removal: &Removal) {
        self.floor = self.floor.max(removal.floor);
        self.ranges.extend(removal.ranges.iter().map(|&(start, len)| (start, start.saturating_add(len))));
    }

    /// What of it may still matter: what it says of the `earlier` files, ascending ranges of sequences.
    pub(super) fn about(mut self, earlier: &[(u64, u64)]) -> Option<Removal> {
        self.ranges.sort_unstable();
        let mut removal = Removal { floor: 0, ranges: Vec::new() };
        if earlier.iter().any(|&(base, _)| base < self.floor) {
            removal.floor = self.floor;
        }
        let (mut files, mut behind) = (earlier, removal.floor);
        for &(start, end) in &self.ranges {
            while files.first().is_some_and(|&(_, until)| until <= start) {
                files = &files[1..];
            }
            let start = start.max(behind);
            if start < end && files.first().is_some_and(|&(base, _)| base < end) {
                push(&mut removal.ranges, start, end);
                behind = end;
            }
        }
        (removal.floor > 0 || !removal.ranges.is_empty()).then_some(removal)
    }
}

/// `start` is not before the end of the last range.
fn push(ranges: &mut Vec<(u64, u64)>, start: u64, end: u64) {
    match ranges.last_mut() {
        Some((last, len)) if *last + *len == start => *len += end - start,
        _ => ranges.push((start, end - start)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keeps_what_matters_and_nothing_untrue(
            evicted in prop::collection::vec(1_u64..100, 0..20),
            ranges in prop::collection::vec((1_u64..100, 1_u64..10), 0..6),
            floor in 0_u64..60,
            bounds in prop::collection::btree_set(1_u64..120, 0..8),
        ) {
            let bounds: Vec<u64> = bounds.into_iter().collect();
            let earlier: Vec<_> = bounds.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
            let said = |sequence: u64| {
                sequence < floor
                    || evicted.contains(&sequence)
                    || ranges.iter().any(|&(start, len)| (start..start + len).contains(&sequence))
            };
            let mut facts = Facts::default();
            for &sequence in &evicted {
                facts.evicted(sequence);
            }
            for &range in &ranges {
                facts.removed(&Removal { floor: 0, ranges: vec![range] });
            }
            facts.removed(&Removal { floor, ranges: Vec::new() });
            let kept = facts.about(&earlier).unwrap_or_default();
            prop_assert!(kept.ranges.windows(2).all(|pair| pair[0].0 + pair[0].1 < pair[1].0));
            let says = |sequence: u64| {
                sequence < kept.floor || kept.ranges.iter().any(|&(start, len)| (start..start + len).contains(&sequence))
            };
            for sequence in 0..130 {
                let matters = earlier.iter().any(|&(base, until)| (base..until).contains(&sequence));
                prop_assert!(!says(sequence) || said(sequence));
                prop_assert!(says(sequence) || !said(sequence) || !matters);
            }
            prop_assert!(earlier.is_empty() <= (kept == Removal::default()));
        }
    }
}
