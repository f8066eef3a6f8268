//! The names of subjects, one behind the other in one piece of memory.

use super::slot::Slot;

/// All names.
#[derive(Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    /// Bytes of names that nobody has any more.
    dead: usize,
}

/// Where a name lies.
#[derive(Clone, Copy)]
pub(super) struct Name {
    pub(super) offset: u32,
    pub(super) len: u16,
}

impl Names {
    pub(super) fn get(&self, name: Name) -> &[u8] {
        &self.bytes[name.offset as usize..][..usize::from(name.len)]
    }

    /// Nothing if the name has no byte or more than 65,535, or there are 4 GiB of names.
    pub(super) fn push(&mut self, name: &[u8]) -> Option<Name> {
        let len = u16::try_from(name.len()).ok().filter(|&len| len > 0)?;
        let offset = u32::try_from(self.bytes.len()).ok()?;
        reserve(&mut self.bytes, name.len());
        self.bytes.extend_from_slice(name);
        Some(Name { offset, len })
    }

    pub(super) fn forget(&mut self, name: Name) {
        self.dead += usize::from(name.len);
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.dead = 0;
    }

    pub(super) fn is_wasteful(&self) -> bool {
        self.dead > MIN_DEAD && self.dead * 2 > self.bytes.len()
    }

    /// Moves the names of `slots`, which are all that are in use, together.
    pub(super) fn compact<'a>(&mut self, slots: impl Iterator<Item = &'a mut Slot>) {
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.dead);
        for slot in slots {
            let name = self.get(slot.name());
            // It lies before where it lay, so it fits as it did.
            slot.move_name(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            bytes.extend_from_slice(name);
        }
        *self = Self { bytes, dead: 0 };
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Makes room in steps of an eighth: doubling would leave up to half of the memory unused, for millions of subjects. Few
/// items double, up to eight more: many streams hold one subject.
pub(super) fn reserve<T>(items: &mut Vec<T>, additional: usize) {
    if items.capacity() - items.len() < additional {
        items.reserve_exact(additional.max(items.len() / 8).max(items.len().min(8)));
    }
}

/// Less is not worth a pass.
const MIN_DEAD: usize = 4096;
