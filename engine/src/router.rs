//! The interest of one account and how it changes. Matching results are cached by workers; a generation number, raised
//! with every change, tells them when to match anew.

use std::sync::{OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use parking_lot::{Mutex, RwLock, RwLockWriteGuard};

use crate::connection::INTERNAL;
use crate::interest::Interest;
use crate::interest_watch::InterestWatch;
use crate::jetstream::JetStream;
use crate::members::Members;
use crate::route::Route;
use crate::sharing::{Mappings, Sharing, is_wanted_behind};
use crate::sink::Sink;
use crate::subscription::Subscription;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::tap::Tap;

/// One account's interest.
#[derive(Debug)]
pub struct Router {
    id: u64,
    account: String,
    interest: RwLock<Interest>,
    /// Raised under the write lock with each change of interest; starts at 1.
    generation: AtomicU64,
    watchers: Mutex<Vec<Waker>>,
    watching: AtomicUsize,
    watch: InterestWatch,
    /// Subscriptions of clients that see requests to the broker: read without the lock with each such request.
    observers: AtomicUsize,
    #[cfg(feature = "tap")]
    tap: std::sync::OnceLock<Arc<dyn Tap>>,
    inserts: AtomicU64,
    removes: AtomicU64,
    /// The account's streams, if it has any.
    jetstream: OnceLock<Arc<JetStream>>,
    members: Members,
    /// What it shares, as it was configured.
    sharing: Mutex<Sharing>,
    /// What becomes of subjects, if anything does; read only where `is_mapped` says so.
    mappings: Mutex<Option<Arc<Mappings>>>,
    is_mapped: AtomicBool,
    /// Whether imports lead out of here.
    has_crossings: AtomicBool,
    /// Whose messages come in here, by which filters: there, interest changes as it does here.
    upstream: OnceLock<Mutex<Vec<Upstream>>>,
}

/// Another account, and the filter of what comes from it.
type Upstream = (Weak<Router>, Box<[u8]>);

/// Wake-ups that are kept for those who wait for interest; a wait that was given up leaves one behind.
const MAX_WATCHERS: usize = 256;

impl Router {
    /// An account without any interest; `id` is unique in the broker.
    pub fn new(id: u64, account: &str) -> Self {
        Self {
            id,
            account: account.to_owned(),
            interest: RwLock::new(Interest::default()),
            generation: AtomicU64::new(1),
            watchers: Mutex::new(Vec::new()),
            watching: AtomicUsize::new(0),
            watch: InterestWatch::default(),
            observers: AtomicUsize::new(0),
            #[cfg(feature = "tap")]
            tap: std::sync::OnceLock::new(),
            inserts: AtomicU64::new(0),
            removes: AtomicU64::new(0),
            jetstream: OnceLock::new(),
            members: Members::default(),
            sharing: Mutex::default(),
            mappings: Mutex::default(),
            is_mapped: AtomicBool::new(false),
            has_crossings: AtomicBool::new(false),
            upstream: OnceLock::new(),
        }
    }

    /// The account's streams, if it has any.
    #[inline]
    pub fn jetstream(&self) -> Option<&Arc<JetStream>> {
        self.jetstream.get()
    }

    /// Gives the account streams, once.
    pub(crate) fn set_jetstream(&self, jetstream: Arc<JetStream>) {
        let _ = self.jetstream.set(jetstream);
    }

    /// Its wire clients.
    pub(crate) fn members(&self) -> &Members {
        &self.members
    }

    /// What it shares with other accounts.
    pub(crate) fn sharing(&self) -> Sharing {
        self.sharing.lock().clone()
    }

    /// Notes what it shares.
    pub(crate) fn set_sharing(&self, sharing: Sharing) {
        *self.sharing.lock() = sharing;
    }

    /// Whether something becomes of the subjects that clients publish to.
    #[inline]
    pub(crate) fn is_mapped(&self) -> bool {
        self.is_mapped.load(Ordering::Acquire)
    }

    /// What becomes of them.
    pub(crate) fn mappings(&self) -> Option<Arc<Mappings>> {
        self.mappings.lock().clone()
    }

    /// Has subjects become others.
    pub(crate) fn set_mappings(&self, mappings: Mappings) {
        let mappings = Some(mappings).filter(|mappings| !mappings.is_empty());
        self.is_mapped.store(mappings.is_some(), Ordering::Release);
        *self.mappings.lock() = mappings.map(Arc::new);
    }

    /// Has who wants what be found anew, as clients may have other rights.
    pub(crate) fn rematch(&self) {
        self.finish_change(self.interest.write());
    }

    /// Takes the subscription of an import out.
    pub(crate) fn close_crossing(&self, subscription: &Arc<Subscription>) {
        self.replace(std::slice::from_ref(subscription), &[]);
        self.tell_changed([&**subscription.filter()]);
    }

    /// Forgets what [`add_upstream`](Self::add_upstream) noted, once.
    pub(crate) fn remove_upstream(&self, from: &Arc<Self>, filter: &[u8]) {
        let Some(upstream) = self.upstream.get() else { return };
        let mut upstream = upstream.lock();
        let is_it = |(other, of): &Upstream| std::ptr::eq(other.as_ptr(), Arc::as_ptr(from)) && **of == *filter;
        if let Some(index) = upstream.iter().position(is_it) {
            upstream.swap_remove(index);
        }
    }

    /// Adds the subscription of an import.
    pub(crate) fn open_crossing(&self, subscription: Arc<Subscription>) {
        self.has_crossings.store(true, Ordering::Release);
        self.subscribe(subscription);
    }

    /// Notes that what `filter` matches in another account comes in here, if it is wanted here.
    pub(crate) fn add_upstream(&self, from: &Arc<Self>, filter: &[u8]) {
        self.upstream.get_or_init(Mutex::default).lock().push((Arc::downgrade(from), filter.into()));
    }

    /// Tells who watches, here and where messages come from.
    fn tell_changed<'a>(&self, filters: impl IntoIterator<Item = &'a [u8]>) {
        self.watch.changed(filters);
        let Some(upstream) = self.upstream.get() else { return };
        let upstream = upstream.lock().clone();
        for (from, filter) in upstream.iter().filter_map(|(from, filter)| Some((from.upgrade()?, filter))) {
            from.watch.changed([&**filter]);
        }
    }

    /// Its number within the broker.
    #[inline]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The account's name.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Number of the present state of interest.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Registers a subscription: every publish that starts after this returns sees it.
    pub fn subscribe(&self, subscription: Arc<Subscription>) {
        let is_of_client = subscription.connection().id() != INTERNAL;
        let filter = Arc::clone(subscription.filter());
        let mut interest = self.interest.write();
        interest.insert(subscription);
        self.finish_change(interest);
        self.inserts.fetch_add(u64::from(is_of_client), Ordering::Relaxed);
        self.wake_watchers();
        self.tell_changed([&*filter]);
    }

    fn finish_change(&self, interest: RwLockWriteGuard<'_, Interest>) {
        self.observers.store(interest.observers(), Ordering::Release);
        self.generation.fetch_add(1, Ordering::Release);
        drop(interest);
    }

    /// Whether somebody listens to what clients ask the broker for.
    #[inline]
    pub(crate) fn has_observers(&self) -> bool {
        self.observers.load(Ordering::Acquire) > 0
    }

    /// Shows `tap` from now on what is published. Only the first one counts.
    #[cfg(feature = "tap")]
    pub fn set_tap(&self, tap: Arc<dyn Tap>) {
        let _ = self.tap.set(tap);
    }

    /// Lets the tap see a message, if there is one.
    #[cfg(feature = "tap")]
    #[inline]
    pub(crate) fn show(&self, show: impl FnOnce(&dyn Tap)) {
        if let Some(tap) = self.tap.get() {
            show(&**tap);
        }
    }

    /// Nobody looks.
    #[cfg(not(feature = "tap"))]
    #[inline]
    #[allow(clippy::unused_self, reason = "the same signature as with a tap")]
    pub(crate) fn show(&self, _: impl FnOnce(&dyn Tap)) {}

    /// Who wants to know of changes of interest.
    pub(crate) fn watch(&self) -> &InterestWatch {
        &self.watch
    }

    /// Takes a subscription out: no publish that starts after this returns reaches it.
    pub fn unsubscribe(&self, subscription: &Arc<Subscription>) {
        self.unsubscribe_all(std::slice::from_ref(subscription));
    }

    /// Takes many subscriptions out under one lock.
    pub fn unsubscribe_all(&self, subscriptions: &[Arc<Subscription>]) {
        if subscriptions.is_empty() {
            return;
        }
        // A publish that is under way with an older match sees this.
        for subscription in subscriptions {
            subscription.close();
        }
        let mut interest = self.interest.write();
        let removed = subscriptions.iter().filter(|subscription| interest.remove(subscription)).count();
        self.finish_change(interest);
        self.removes.fetch_add(removed as u64, Ordering::Relaxed);
        self.tell_changed(subscriptions.iter().map(|subscription| &**subscription.filter()));
    }

    /// Takes subscriptions of the broker itself out and others in as one change: every publish sees the ones or the
    /// others.
    pub(crate) fn replace(&self, old: &[Arc<Subscription>], new: &[Arc<Subscription>]) {
        let mut interest = self.interest.write();
        for subscription in old {
            interest.remove(subscription);
        }
        for subscription in new {
            interest.insert(Arc::clone(subscription));
        }
        self.finish_change(interest);
        self.wake_watchers();
    }

    /// Collects who wants `subject`.
    pub(crate) fn fill_route(&self, subject: &[u8], route: &mut Route) {
        self.interest.read().for_each_match(subject, |subscription| route.push(subject, subscription));
        route.finish();
    }

    /// The only subscription that wants `prefix` and one more token, whichever that is, but for literal ones; nothing if
    /// there is none, more than one, or one in a queue group, or if it depends on the token.
    pub(crate) fn only_below(&self, prefix: &[u8]) -> Option<Arc<Subscription>> {
        let sample = [prefix, b".x"].concat();
        let (mut only, mut count) = (None, 0);
        let interest = self.interest.read();
        let is_known = interest.for_each_match_below(prefix, |subscription| {
            // A service that leaves such subjects to others is as good as not there.
            if !matches!(subscription.sink(), Sink::Service(service) if !service.takes(&sample)) {
                only = Some(subscription);
                count += 1;
            }
        });
        let is_plain = |only: &&Arc<Subscription>| only.queue().is_none() && !only.connection().gets_filtered();
        only.filter(is_plain).filter(|_| is_known && count == 1).map(Arc::clone)
    }

    /// Whether somebody wants exactly this subject.
    #[inline]
    pub(crate) fn has_literal(&self, subject: &[u8]) -> bool {
        self.interest.read().has_literal(subject)
    }

    /// Whether anyone wants `subject`.
    pub fn has_interest(&self, subject: &[u8]) -> bool {
        if !self.has_crossings.load(Ordering::Acquire) {
            return self.interest.read().has_match(subject);
        }
        let mut route = Route::default();
        self.fill_route(subject, &mut route);
        let is_wanted = |subscription: &Arc<Subscription>| is_wanted_behind(subscription, subject);
        route.destinations().next().is_some() || route.crossings().iter().any(is_wanted)
    }

    /// Whether there is a subscription that `wanted` holds for, among those that want `subject`.
    pub(crate) fn has_listener(&self, subject: &[u8], wanted: impl Fn(&Subscription) -> bool) -> bool {
        let mut is_found = false;
        self.interest.read().for_each_match(subject, |subscription| {
            is_found |= wanted(subscription) && subscription.may_receive(subject);
        });
        is_found
    }

    /// The first plain subscription that `wanted` holds for, among those that want `subject`.
    pub(crate) fn find_plain(
        &self,
        subject: &[u8],
        wanted: impl Fn(&Subscription) -> bool,
    ) -> Option<Arc<Subscription>> {
        let mut found = None;
        self.interest.read().for_each_match(subject, |subscription| {
            let may_have = || subscription.queue().is_none() && subscription.may_receive(subject);
            if found.is_none() && wanted(subscription) && may_have() {
                found = Some(Arc::clone(subscription));
            }
        });
        found
    }

    /// Waits until somebody wants `subject`.
    pub fn poll_interest(&self, subject: &[u8], cx: &mut Context<'_>) -> Poll<()> {
        if self.has_interest(subject) {
            return Poll::Ready(());
        }
        self.watch_any(cx);
        if self.has_interest(subject) { Poll::Ready(()) } else { Poll::Pending }
    }

    fn watch_any(&self, cx: &mut Context<'_>) {
        if self.watching.load(Ordering::Relaxed) >= MAX_WATCHERS {
            // Some may have given up long ago; those that have not look again and come back.
            self.wake_watchers();
        }
        let mut watchers = self.watchers.lock();
        if !watchers.iter().any(|waker| waker.will_wake(cx.waker())) {
            watchers.push(cx.waker().clone());
            self.watching.store(watchers.len(), Ordering::SeqCst);
        }
    }

    fn wake_watchers(&self) {
        if self.watching.load(Ordering::SeqCst) == 0 {
            return;
        }
        let woken = {
            let mut watchers = self.watchers.lock();
            self.watching.store(0, Ordering::SeqCst);
            std::mem::take(&mut *watchers)
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Subscriptions now, and different filters among them.
    pub fn sizes(&self) -> (usize, usize) {
        let interest = self.interest.read();
        (interest.len(), interest.filters())
    }

    /// Subscriptions ever registered and ever removed.
    pub fn changes(&self) -> (u64, u64) {
        (self.inserts.load(Ordering::Relaxed), self.removes.load(Ordering::Relaxed))
    }
}
