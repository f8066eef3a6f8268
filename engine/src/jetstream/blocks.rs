//! Blocks of files that streams keep in memory: those that nobody reads any more are let go of.

use embus_storage::block_cache::BlockCache;

use crate::engine::Engine;
use crate::jetstream::Shared;
use crate::sync::Arc;

/// Blocks that were not read for this long, and twice as long at most, go.
const BLOCK_AGE_NANOS: i64 = 10_000_000_000;

/// Has a deadline set whenever blocks come into use.
pub(super) fn let_grow_old(engine: &Arc<Engine>, blocks: Option<&Arc<BlockCache>>) {
    let Some(blocks) = blocks else { return };
    let engine = Arc::downgrade(engine);
    blocks.on_use(move || {
        if let Some(engine) = engine.upgrade() {
            engine.deadlines().set_aging(engine.timestamp().saturating_add(BLOCK_AGE_NANOS));
        }
    });
}

impl Shared {
    /// The deadline has come.
    pub(crate) fn age_blocks(&self, engine: &Engine) {
        if self.opener.file.block_cache().is_some_and(|blocks| blocks.age()) {
            engine.deadlines().set_aging(engine.timestamp().saturating_add(BLOCK_AGE_NANOS));
        }
    }
}
