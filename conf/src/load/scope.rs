//! The blocks that are open while a file is read, in which names are looked for.

use crate::{Block, Entry, Value};

/// The innermost is the last.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    blocks: Vec<Block>,
}

impl Scopes {
    pub(super) fn open(&mut self) {
        self.blocks.push(Block::default());
    }

    pub(super) fn close(&mut self) -> Block {
        self.blocks.pop().unwrap_or_default()
    }

    pub(super) fn insert(&mut self, key: String, mut entry: Entry) {
        let Some(block) = self.blocks.last_mut() else { return };
        entry.is_variable |= block.get(&key).is_some_and(|before| before.is_variable);
        block.insert(key, entry);
    }

    /// The value of a name, which is a variable from now on.
    pub(super) fn find(&mut self, name: &str) -> Option<&Value> {
        let entry = self.blocks.iter_mut().rev().find_map(|block| block.get_mut(name))?;
        entry.is_variable = true;
        Some(&entry.value)
    }
}
