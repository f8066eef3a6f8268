//! Waiting for what streams do by themselves.

use crate::jetstream::JetStream;

impl JetStream {
    /// Waits until no stream has disk work under way, and none to do before something else is changed, or its time comes.
    /// Blocks.
    pub fn wait_until_idle(&self) {
        let Some(engine) = self.engine.upgrade() else { return };
        for stream in self.registry.list(None) {
            stream.wait_until_idle(&engine);
        }
    }
}
