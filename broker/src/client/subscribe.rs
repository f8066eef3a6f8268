//! Subscribing: check the filter, register it.

use std::sync::Arc;

use embus_protocol::subject::{SubjectError, ToSubject};

use super::Client;
use super::kinds::{SubscribeError, SubscribeErrorKind, subscribe_refused};
use super::subscriber::{QUEUE_BOUNDS, Subscriber};

/// # Subscribing
/// A subscription is registered when the method returns: whatever is published afterwards, by anybody, is delivered.
impl Client {
    /// Subscribes to all subjects that match `subject`, which may hold the wildcards `*` and `>`.
    ///
    /// Cancel-safe: registered at the first poll; dropping the future ends the subscription.
    ///
    /// # Errors
    /// See [`SubscribeErrorKind`].
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn subscribe<S: ToSubject>(&self, subject: S) -> Result<Subscriber, SubscribeError> {
        self.subscribe_now(&subject, None)
    }

    /// Subscribes as a member of `queue_group`: each message goes to one member of the group.
    ///
    /// Cancel-safe: registered at the first poll; dropping the future ends the subscription.
    ///
    /// # Errors
    /// See [`SubscribeErrorKind`].
    #[expect(clippy::unused_async, reason = "the signature is that of async-nats")]
    pub async fn queue_subscribe<S: ToSubject>(
        &self,
        subject: S,
        queue_group: String,
    ) -> Result<Subscriber, SubscribeError> {
        self.subscribe_now(&subject, Some(&queue_group))
    }

    pub(super) fn subscribe_now<S: ToSubject>(
        &self,
        subject: &S,
        queue_group: Option<&str>,
    ) -> Result<Subscriber, SubscribeError> {
        let subject = subject.to_subject();
        if !subject.is_valid() {
            return Err(SubscribeError::with_source(SubscribeErrorKind::InvalidSubject, SubjectError::InvalidFormat));
        }
        if queue_group.is_some_and(|name| !is_valid_queue_group(name)) {
            return Err(SubscribeErrorKind::InvalidQueueName.into());
        }
        let local = &self.shared.local;
        let subscription = local.subscribe(&subject, queue_group, QUEUE_BOUNDS).map_err(subscribe_refused)?;
        Ok(Subscriber::new(subscription, Arc::clone(local)))
    }
}

fn is_valid_queue_group(name: &str) -> bool {
    !name.is_empty() && !name.contains([' ', '\t', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_queue_groups_are_checked() {
        for bad in ["", "a b", "\t", "a\r\n"] {
            assert!(!is_valid_queue_group(bad), "{bad:?}");
        }
        assert!(is_valid_queue_group("workers.1"));
    }
}
