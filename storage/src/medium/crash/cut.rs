//! What a power cut leaves of what was not synced.

use fastrand::Rng;

/// How much is left. Times are numbers of calls.
#[derive(Debug, Clone, Copy)]
pub(super) enum Left {
    /// Only what was synced.
    Nothing,
    /// All of it: it was just about to be synced, or was, behind our back.
    Everything,
    /// What was done before this call, and some of what it did.
    Until(u64),
    /// Each thing on its own.
    Anything,
}

impl Left {
    /// Of calls up to `now`.
    pub(super) fn choose(random: &mut Rng, now: u64) -> Self {
        match random.u8(..8) {
            0 => Self::Nothing,
            1 => Self::Everything,
            // Power goes while the newest of it is being written, more often than not.
            2 => Self::Until(now - random.u64(..=now.min(8))),
            3 => Self::Until(random.u64(..=now)),
            _ => Self::Anything,
        }
    }

    /// What holds for one file: in the general case each has a fate of its own.
    pub(super) fn for_file(self, random: &mut Rng, now: u64) -> Self {
        match self {
            Self::Anything if random.bool() => Self::choose(random, now),
            left => left,
        }
    }

    /// How many of the changes made at `times`, in order, are left if none is left without those before it.
    pub(super) fn prefix(self, random: &mut Rng, times: &[u64]) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Everything => times.len(),
            Self::Until(end) => {
                let before = times.partition_point(|&time| time < end);
                let at = times[before..].partition_point(|&time| time == end);
                before + random.usize(..=at)
            }
            Self::Anything => random.usize(..=times.len()),
        }
    }
}
