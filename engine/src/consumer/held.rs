//! Where nothing is acknowledged, nothing is delivered again: a message that was passed over because it was removed, and
//! comes back because the removal could not be committed, would be missed, or come behind what it stands before. So such a
//! consumer passes over no removal that may come to nothing: it waits there until the commit is over.

use super::Consumer;
use super::cursor::Cursor;
use super::rules::{Acks, Rules};
use super::step::Scene;

impl Consumer {
    /// Whether it waits for a commit: poll it when one is over.
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// Has `find` look for the next message, no further than it may go just now.
    #[inline]
    pub(super) fn find_next<T>(
        &mut self,
        scene: &mut Scene<'_>,
        find: impl FnOnce(&mut Cursor, &Rules, &mut Scene<'_>) -> T,
    ) -> T {
        let visible = scene.visible;
        if self.rules.acks == Acks::None {
            scene.visible = self.limit(scene);
            self.is_held = scene.visible < visible;
        }
        let found = find(&mut self.cursor, &self.rules, scene);
        scene.visible = visible;
        found
    }

    /// The last message before one that may come back.
    fn limit(&self, scene: &Scene<'_>) -> u64 {
        let (next, visible) = (self.cursor.next_sequence(), scene.visible);
        if next > visible || !scene.log.has_unsettled_removals() {
            return visible;
        }
        let Some(removals) = scene.settled.and_then(|settled| scene.log.removals_since(settled)) else {
            return next - 1;
        };
        let is_before = |(sequence, subject): &(u64, &[u8])| {
            *sequence <= visible && self.cursor.has_before(*sequence) && self.rules.wants(subject)
        };
        removals.filter(is_before).map(|(sequence, _)| sequence - 1).min().unwrap_or(visible)
    }
}
