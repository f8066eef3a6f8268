//! How much there may be: variables copy what they name, so that a small file could stand for a huge one.

use crate::{Kind, LoadError, Value, syntax::MAX_DEPTH};

/// What may still be made.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_BYTES }
    }
}

impl Budget {
    /// A value without what is in it.
    pub(super) fn take_one(&mut self, value: &Value) -> Result<(), LoadError> {
        self.take_bytes(weight(value))
    }

    /// A value with all that is in it, to stand `depth` deep.
    pub(super) fn take_all(&mut self, value: &Value, depth: usize) -> Result<(), LoadError> {
        check_depth(depth)?;
        self.take_one(value)?;
        match &value.kind {
            Kind::List(values) => values.iter().try_for_each(|value| self.take_all(value, depth + 1)),
            Kind::Block(block) => block.iter().try_for_each(|(_, entry)| self.take_all(&entry.value, depth + 1)),
            _ => Ok(()),
        }
    }

    pub(super) fn take_bytes(&mut self, bytes: usize) -> Result<(), LoadError> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| LoadError::TooLarge(format!("more than {MAX_BYTES} bytes of values")))?;
        Ok(())
    }
}

/// Includes and variables can put blocks into each other, too.
pub(super) fn check_depth(depth: usize) -> Result<(), LoadError> {
    if depth > MAX_DEPTH {
        return Err(LoadError::TooLarge(format!("more than {MAX_DEPTH} blocks and lists within each other")));
    }
    Ok(())
}

fn weight(value: &Value) -> usize {
    let own = size_of::<Value>();
    if let Kind::Text(text) = &value.kind { own + text.len() } else { own }
}

/// Bytes of all values together, copies included.
const MAX_BYTES: usize = 64 * 1024 * 1024;
