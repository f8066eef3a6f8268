//! What one client may do, as its login said.

use embus_auth::{Identity, Permissions};
use parking_lot::Mutex;

use crate::clock::{Clock, Monotonic};
use crate::connection::Connection;
use crate::grants::Grants;
use crate::reserved;
use crate::router::Router;
use crate::subscription::Subscription;
use crate::sync::Arc;

/// The rights of a client that has not all of them.
#[derive(Debug)]
pub(crate) struct Rights {
    permissions: Arc<Permissions>,
    /// Only of who may answer requests.
    grants: Option<Mutex<Grants>>,
    clock: Arc<dyn Clock>,
}

impl Rights {
    /// The rights of `identity`, unless it has all.
    pub(crate) fn of(identity: &Identity, clock: &Arc<dyn Clock>) -> Option<Arc<Self>> {
        let permissions = Arc::clone(identity.permissions.as_ref()?);
        let grants = permissions.responses().map(|responses| Mutex::new(Grants::new(*responses)));
        Some(Arc::new(Self { permissions, grants, clock: Arc::clone(clock) }))
    }

    /// The rules that it is held to.
    pub(crate) fn permissions(&self) -> &Arc<Permissions> {
        &self.permissions
    }

    /// Whether it may publish to this subject as an answer, which is counted.
    pub(crate) fn may_answer(&self, subject: &[u8]) -> bool {
        self.grants.as_ref().is_some_and(|grants| grants.lock().take(subject, self.now()))
    }

    /// Whether it may publish to this subject at any time.
    #[inline]
    pub(crate) fn may_always_publish(&self, subject: &[u8]) -> bool {
        self.permissions.may_publish(subject)
    }

    /// Whether the broker may answer a request of this client on `reply`: where it may publish itself, or where it listens.
    /// What the broker says there would else be a message that the client must not send, a request to the broker perhaps.
    pub(crate) fn may_be_answered(
        &self,
        router: &Router,
        client: &Arc<Connection>,
        subject: &[u8],
        reply: Option<&[u8]>,
    ) -> bool {
        let Some(reply) = reply.filter(|_| reserved::is_for_the_broker(subject)) else { return true };
        let listens = || {
            let own = |subscription: &Subscription| Arc::ptr_eq(subscription.connection(), client);
            !reserved::is_for_the_broker(reply) && router.has_listener(reply, own)
        };
        self.may_always_publish(reply) || listens()
    }

    /// Whether it may publish to every subject that matches a filter.
    pub(crate) fn may_publish_all(&self, filter: &[u8]) -> bool {
        self.permissions.may_publish_all(filter)
    }

    /// Whether it may have such a subscription.
    pub(crate) fn may_subscribe(&self, filter: &[u8], queue: Option<&[u8]>) -> bool {
        self.permissions.may_subscribe(filter, queue)
    }

    /// Whether a message on this subject may go to a subscription of its in this queue group.
    pub(crate) fn may_receive(&self, subject: &[u8], queue: Option<&[u8]>) -> bool {
        self.permissions.may_receive(subject, queue)
    }

    /// Whether a subscription that it may have does not get all that it asked for.
    pub(crate) fn filters_deliveries(&self) -> bool {
        self.permissions.filters_deliveries()
    }

    /// Whether requests have to be told with [`requested`](Self::requested).
    pub(crate) fn answers_requests(&self) -> bool {
        self.grants.is_some()
    }

    /// A request goes to the client: it may answer.
    pub(crate) fn requested(&self, reply: &[u8]) {
        if let Some(grants) = self.grants.as_ref().filter(|_| !self.permissions.may_publish(reply)) {
            grants.lock().give(reply, self.now());
        }
    }

    fn now(&self) -> Monotonic {
        self.clock.monotonic()
    }
}
