//! The queue against a plain vector, over all that outboxes and batches do with it.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Action {
    /// Appends so many bytes to the open buffer.
    Write(usize),
    /// Appends so many bytes without a copy.
    Share(usize),
    SealIfLarge,
    /// Moves another queue of such pieces to the end; of its first bytes some are already written.
    Append(Vec<(bool, usize)>, usize),
    /// Writes up to so many bytes.
    Advance(usize),
    /// What a flush does: takes all, writes so many bytes while so many others join, puts the rest in front.
    Flush(usize, usize),
    Release,
}

fn action() -> impl Strategy<Value = Action> {
    let len = || prop_oneof![20 => 0..100_usize, 1 => 0..SEAL_BYTES + 100];
    prop_oneof![
        4 => len().prop_map(Action::Write),
        2 => len().prop_map(Action::Share),
        1 => Just(Action::SealIfLarge),
        2 => (vec((any::<bool>(), 0..200_usize), 0..4), 0..300_usize).prop_map(|(parts, cut)| Action::Append(parts, cut)),
        4 => len().prop_map(Action::Advance),
        2 => (len(), 0..300_usize).prop_map(|(written, joined)| Action::Flush(written, joined)),
        1 => Just(Action::Release),
    ]
}

/// The queue, the bytes that must be in it, and where new bytes come from.
#[derive(Default)]
struct Pair {
    chunks: Chunks,
    model: Vec<u8>,
    spare: BufferPool,
    next: u8,
}

impl Pair {
    fn fresh(&mut self, len: usize) -> Vec<u8> {
        self.next = self.next.wrapping_add(1);
        let mut bytes = vec![self.next; len];
        // Pieces differ from each other, and within themselves.
        bytes.iter_mut().step_by(7).enumerate().for_each(|(index, byte)| *byte ^= index.to_le_bytes()[0]);
        bytes
    }

    fn apply(&mut self, action: &Action) {
        match action {
            Action::Write(len) => {
                let bytes = self.fresh(*len);
                self.chunks.open().extend_from_slice(&bytes);
                self.model.extend_from_slice(&bytes);
            }
            Action::Share(len) => {
                let bytes = self.fresh(*len);
                self.model.extend_from_slice(&bytes);
                self.chunks.push_shared(Bytes::from(bytes), &mut self.spare);
            }
            Action::SealIfLarge => self.chunks.seal_if_large(),
            Action::Append(parts, cut) => self.append(parts, *cut),
            Action::Advance(len) => {
                let len = (*len).min(self.model.len());
                self.model.drain(..len);
                self.chunks.advance(len, &mut self.spare);
            }
            Action::Flush(written, joined) => self.flush(*written, *joined),
            Action::Release => self.chunks.release(&mut self.spare),
        }
    }

    fn append(&mut self, parts: &[(bool, usize)], cut: usize) {
        let mut later = Chunks::default();
        for &(is_shared, len) in parts {
            let bytes = self.fresh(len);
            self.model.extend_from_slice(&bytes);
            if is_shared {
                later.push_shared(Bytes::from(bytes), &mut self.spare);
            } else {
                later.open().extend_from_slice(&bytes);
            }
        }
        let start = self.model.len() - later.len();
        let cut = cut.min(later.len());
        later.advance(cut, &mut self.spare);
        self.model.drain(start..start + cut);
        self.chunks.append(&mut later, &mut self.spare);
        assert!(later.is_empty());
    }

    fn flush(&mut self, written: usize, joined: usize) {
        let mut taken = std::mem::take(&mut self.chunks);
        let bytes = self.fresh(joined);
        self.chunks.open().extend_from_slice(&bytes);
        let written = written.min(taken.len());
        taken.advance(written, &mut self.spare);
        self.model.drain(..written);
        self.model.extend_from_slice(&bytes);
        self.chunks.prepend(taken, &mut self.spare);
    }

    fn check(&self) {
        assert_eq!(self.chunks.len(), self.model.len());
        assert_eq!(self.chunks.is_empty(), self.model.is_empty());
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = self.chunks.slices(&mut slices);
        let offered = slices[..count].iter().map(|slice| &**slice).collect::<Vec<_>>().concat();
        assert!(self.model.starts_with(&offered), "the first pieces are the first bytes");
        assert!(count == MAX_SLICES || offered.len() == self.model.len(), "fewer pieces are all there is");
        assert!(!offered.is_empty() || self.model.is_empty(), "a write offers something");
    }
}

proptest! {
    #[test]
    fn the_queue_holds_what_a_vector_holds(actions in vec(action(), 0..60)) {
        let mut pair = Pair::default();
        for action in &actions {
            pair.apply(action);
            pair.check();
        }
        let waiting = pair.model.len();
        assert_eq!(pair.chunks.clear(), waiting);
        assert!(pair.chunks.is_empty());
    }
}

#[test]
fn the_pool_gives_empty_buffers_and_keeps_a_bounded_number_of_bytes() {
    let mut pool = BufferPool::default();
    for _ in 0..3 * POOL_MAX_BYTES / SEAL_BYTES {
        pool.put(vec![1; SEAL_BYTES]);
    }
    assert!(pool.large_bytes <= POOL_MAX_BYTES);
    assert!(pool.take().is_empty());
    pool.put(Vec::with_capacity(2 * SEAL_BYTES + 1));
    assert!(pool.large.iter().all(|buffer| buffer.capacity() <= 2 * SEAL_BYTES));
}
