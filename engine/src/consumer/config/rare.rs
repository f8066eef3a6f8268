//! What few consumers are configured to be: kept apart, so that it takes no room in the others.

use std::ops::{Deref, DerefMut};

use crate::api::time::{Nanos, Time};

/// The rest of a [`ConsumerConfig`](super::ConsumerConfig), whose fields are reached through it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RareConfig {
    /// A text for people.
    pub description: String,
    /// The first sequence, with [`DeliverPolicy::ByStartSequence`](super::DeliverPolicy::ByStartSequence).
    pub start_sequence: u64,
    /// The first time, with [`DeliverPolicy::ByStartTime`](super::DeliverPolicy::ByStartTime).
    pub start_time: Option<Time>,
    /// How long the first, second, … delivery waits for its acknowledgement; the last one counts for all further ones.
    pub backoff: Vec<Nanos>,
    /// Several filters of what it wants.
    pub filter_subjects: Vec<String>,
    /// Bits per second of a push consumer; zero means no limit.
    pub rate_limit: u64,
    /// How many percent of acknowledgements are measured, as `30` or `30%`; empty means none.
    pub sample_frequency: String,
    /// How many messages one request may ask for; zero means any number.
    pub max_batch: i64,
    /// How long one request may wait; zero means for ever.
    pub max_expires: Nanos,
    /// How many bytes one request may ask for; zero means any number.
    pub max_bytes: i64,
    /// Where a push consumer delivers to; empty makes it a pull consumer.
    pub deliver_subject: String,
    /// The queue group of those who listen there; empty means none.
    pub deliver_group: String,
    /// How long a push consumer is silent before it says that it is alive; zero means it never says so.
    pub idle_heartbeat: Nanos,
    /// Until when it delivers nothing.
    pub pause_until: Option<Time>,
    /// The groups that requests belong to.
    pub priority_groups: Vec<String>,
    /// How long a pinned client may be silent.
    pub priority_timeout: Nanos,
}

/// Nothing of it, or all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rare(Option<Box<RareConfig>>);

impl Rare {
    /// Takes no memory if there is nothing in it.
    pub(super) fn compact(&mut self) {
        self.0.take_if(|rare| **rare == NOTHING);
    }
}

impl Deref for Rare {
    type Target = RareConfig;

    #[inline]
    fn deref(&self) -> &RareConfig {
        static EMPTY: RareConfig = NOTHING;
        self.0.as_deref().unwrap_or(&EMPTY)
    }
}

impl DerefMut for Rare {
    fn deref_mut(&mut self) -> &mut RareConfig {
        self.0.get_or_insert_default()
    }
}

impl PartialEq for Rare {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

const NOTHING: RareConfig = RareConfig {
    description: String::new(),
    start_sequence: 0,
    start_time: None,
    backoff: Vec::new(),
    filter_subjects: Vec::new(),
    rate_limit: 0,
    sample_frequency: String::new(),
    max_batch: 0,
    max_expires: Nanos::ZERO,
    max_bytes: 0,
    deliver_subject: String::new(),
    deliver_group: String::new(),
    idle_heartbeat: Nanos::ZERO,
    pause_until: None,
    priority_groups: Vec::new(),
    priority_timeout: Nanos::ZERO,
};

/// A configuration with something that few have.
#[cfg(test)]
pub(crate) fn with(mut config: super::ConsumerConfig, set: impl FnOnce(&mut RareConfig)) -> super::ConsumerConfig {
    set(&mut config);
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::config::ConsumerConfig;

    #[test]
    fn what_is_not_there_takes_no_room() {
        let config = with(ConsumerConfig::default(), |rare| rare.max_batch = 0);
        assert_eq!(config, ConsumerConfig::default());
        assert!(config.into_shared().rare.0.is_none());
        let config = with(ConsumerConfig::default(), |rare| rare.max_batch = 1);
        assert_ne!(config, ConsumerConfig::default());
        assert!(config.into_shared().rare.0.is_some());
        assert_eq!(NOTHING, RareConfig::default());
        assert!(size_of::<ConsumerConfig>() <= 176, "{}: one of 10,000", size_of::<ConsumerConfig>());
    }
}
