//! Where a message leaves one account for another.

use std::sync::Weak;
use std::time::SystemTime;

use embus_protocol::transform::SubjectTransform;

use super::answers::Answers;
use crate::engine::Engine;
use crate::router::Router;
use crate::sync::Arc;

/// The end of the broker's own subscription of an import.
#[derive(Debug)]
pub struct Crossing {
    pub(super) engine: Weak<Engine>,
    /// The account that the message comes from.
    pub(super) from: String,
    /// Where it goes on.
    pub(super) to: Weak<Router>,
    /// When nothing passes any more.
    pub(super) until: Option<SystemTime>,
    /// What its subject becomes, if it does not stay.
    pub(super) transform: Option<SubjectTransform>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Messages go to whoever hears them there.
    Stream,
    /// Requests go to a service; `share` tells it who asks.
    Service { share: bool, answers: Arc<Answers> },
    /// Answers go back.
    Answer(Arc<Answers>),
}

impl Crossing {
    /// Where a message goes on, and under which subject; nothing where it cannot.
    pub(super) fn leads(&self, subject: &[u8]) -> Option<(Arc<Router>, Vec<u8>)> {
        if self.has_ended() {
            return None;
        }
        let to = self.to.upgrade()?;
        let mut mapped = Vec::new();
        match &self.transform {
            None => mapped.extend_from_slice(subject),
            Some(transform) if transform.apply(subject, &mut mapped) => {}
            Some(_) => return None,
        }
        Some((to, mapped))
    }

    fn has_ended(&self) -> bool {
        self.until.is_some_and(|until| self.engine.upgrade().is_none_or(|engine| engine.clock().wall() >= until))
    }
}
