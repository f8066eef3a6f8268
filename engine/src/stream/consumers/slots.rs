//! The consumers that stand at one filter: mostly one, or none.

use super::index::Slot;

/// Some consumers, in no order.
#[derive(Debug, Default)]
pub(super) enum Slots {
    #[default]
    None,
    One(Slot),
    #[allow(clippy::box_collection, reason = "few filters have several: the others are to be small")]
    Many(Box<Vec<Slot>>),
}

impl Slots {
    pub(super) fn push(&mut self, slot: Slot) {
        match self {
            Self::None => *self = Self::One(slot),
            Self::One(first) => *self = Self::Many(Box::new(vec![*first, slot])),
            Self::Many(slots) => slots.push(slot),
        }
    }

    /// Takes out one, wherever it stands.
    pub(super) fn remove(&mut self, slot: Slot) {
        match self {
            Self::One(only) if *only == slot => *self = Self::None,
            Self::Many(slots) => slots.retain(|other| *other != slot),
            Self::None | Self::One(_) => {}
        }
    }

    pub(super) fn as_slice(&self) -> &[Slot] {
        match self {
            Self::None => &[],
            Self::One(slot) => std::slice::from_ref(slot),
            Self::Many(slots) => slots,
        }
    }

    /// Takes all out; the memory for several is kept.
    pub(super) fn take_all(&mut self, mut visit: impl FnMut(Slot)) {
        match self {
            Self::None => {}
            Self::One(slot) => {
                visit(*slot);
                *self = Self::None;
            }
            Self::Many(slots) => slots.drain(..).for_each(visit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_one_and_several() {
        let mut slots = Slots::default();
        let mut taken = Vec::new();
        for round in 0..2 {
            assert_eq!(slots.as_slice(), [0; 0]);
            slots.push(4);
            assert_eq!(slots.as_slice(), [4]);
            slots.remove(5);
            slots.push(5);
            slots.push(4);
            slots.remove(4);
            assert_eq!(slots.as_slice(), [5]);
            slots.take_all(|slot| taken.push(slot));
            assert_eq!(taken.len(), round + 1);
        }
        let mut one = Slots::One(7);
        one.take_all(|slot| taken.push(slot));
        assert_eq!((one.as_slice().len(), taken), (0, vec![5, 5, 7]));
        assert_eq!(size_of::<Slots>(), 16, "one of 10,000 filters");
    }
}
