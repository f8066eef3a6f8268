//! A purge, as the consumers of the stream see it. [reference §5.7]

use super::gate::Gate;
use crate::api::error::ApiError;
use crate::consumer::Consumer;
use crate::stream::Stream;
use crate::stream::core::Purge;
use crate::sync::Arc;

impl Stream {
    /// Removes messages; returns how many. Consumers follow: what they wait for and is gone is forgotten.
    ///
    /// # Errors
    /// As [`Core::purge`](crate::stream::core::Core::purge).
    pub fn purge(self: &Arc<Self>, purge: &Purge) -> Result<u64, ApiError> {
        self.change(|stream, router, state| {
            let purged = state.core.purge(purge)?;
            let now = stream.now();
            let mut gate = Gate::new(router, None);
            let slots: Vec<_> = state.consumers.by_name.values().copied().collect();
            for slot in slots {
                state.consumers.show(slot, &mut state.core, &mut gate, now, Consumer::handle_purge);
                state.after(slot, now);
            }
            Ok(purged)
        })?
    }
}
