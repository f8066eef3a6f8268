//! What may change in a configuration. [reference §3.2]

use super::check::refused;
use super::{Discard, Retention, StreamConfig, StreamLimits};
use crate::api::error::ApiError;
use crate::api::time::Nanos;

impl StreamConfig {
    /// The configuration a stream gets that has this one: complete, or refused.
    ///
    /// # Errors
    /// What the API answers.
    pub fn check_update(&self, mut new: Self, pedantic: bool, limits: &StreamLimits) -> Result<Self, ApiError> {
        if new.mirror.is_some() {
            return Err(ApiError::mirror_not_updatable());
        }
        new.complete(pedantic, limits)?;
        if let Some(lasting) = self.violated_by(&new) {
            return Err(refused(lasting.text));
        }
        new.check_consumers(limits)?;
        if new.sealed {
            new.max_age = Nanos::ZERO;
            new.discard = Discard::New;
            (new.deny_delete, new.deny_purge, new.allow_rollup) = (true, true, false);
        }
        Ok(new)
    }

    /// The first field, as the API calls it, that an update to `new` would change although it can not be changed.
    /// Both are complete.
    pub fn lasting_field(&self, new: &Self) -> Option<&'static str> {
        self.violated_by(new).map(|lasting| lasting.field)
    }

    fn violated_by(&self, new: &Self) -> Option<&'static Lasting> {
        LASTING.iter().find(|lasting| (lasting.is_violated)(self, new))
    }
}

/// A field that can not change, or not back.
struct Lasting {
    field: &'static str,
    is_violated: fn(&StreamConfig, &StreamConfig) -> bool,
    text: &'static str,
}

/// In the order in which the reference server checks them.
const LASTING: [Lasting; 8] = [
    Lasting {
        field: "name",
        is_violated: |old, new| old.name != new.name,
        text: "stream configuration name must match original",
    },
    Lasting {
        field: "storage",
        is_violated: |old, new| old.storage != new.storage,
        text: "stream configuration update can not change storage type",
    },
    Lasting {
        field: "retention",
        is_violated: |old, new| (old.retention == Retention::WorkQueue) != (new.retention == Retention::WorkQueue),
        text: "stream configuration update can not change retention policy to/from workqueue",
    },
    Lasting {
        field: "sealed",
        is_violated: |old, new| old.sealed && !new.sealed,
        text: "stream configuration update can not unseal a sealed stream",
    },
    Lasting {
        field: "deny_delete",
        is_violated: |old, new| old.deny_delete && !new.deny_delete,
        text: "stream configuration update can not cancel deny message deletes",
    },
    Lasting {
        field: "deny_purge",
        is_violated: |old, new| old.deny_purge && !new.deny_purge,
        text: "stream configuration update can not cancel deny purge",
    },
    Lasting {
        field: "allow_msg_ttl",
        is_violated: |old, new| old.allow_message_ttl && !new.allow_message_ttl,
        text: "message TTL status can not be disabled",
    },
    Lasting {
        field: "persist_mode",
        is_violated: |old, new| old.persist_mode != new.persist_mode,
        text: "stream configuration update can not change persist mode",
    },
];
