//! What is known of a bucket at one moment.

use std::time::Duration;

use crate::jetstream::stream::Info;

/// What is known of a bucket.
#[derive(Debug)]
pub struct Status {
    /// What is known of its stream.
    pub info: Info,
    /// Its name.
    pub bucket: String,
}

impl Status {
    /// Its name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// How many entries it holds, those of the past and marks of removed keys included.
    pub fn values(&self) -> u64 {
        self.info.state.messages
    }

    /// How many entries it keeps of each key.
    pub fn history(&self) -> i64 {
        self.info.config.max_messages_per_subject
    }

    /// How long it keeps an entry; for ever if it is zero.
    pub fn max_age(&self) -> Duration {
        self.info.config.max_age
    }
}
