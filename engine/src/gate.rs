//! The gate of a broker that asks who its clients are: one authenticator for every way in, and the threads for what it
//! takes long over.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use embus_auth::{Authenticator, Dismissed, Identity, Login, Refused, Verdict};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::jobs::{Executor, Jobs};
use crate::sync::Arc;

/// Where logins are judged.
pub struct Gate {
    authenticator: Arc<dyn Authenticator>,
    jobs: Arc<Jobs>,
    /// Of the kind that nobody can foresee.
    random: Mutex<StdRng>,
    /// How long a client may take for its login.
    pub(crate) timeout: Duration,
}

/// What a login came to.
pub(crate) type Outcome = Result<Identity, Refused>;

/// A verdict that is not there yet.
pub(crate) type Pending = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What the gate says of a login at once.
pub(crate) enum Judgement {
    Done(Outcome),
    Pending(Pending),
}

/// Slow password checks that run at once: they are there to cost a processor much.
const MAX_CHECKS: usize = 2;

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Gate {
    /// Asks `authenticator`, and gives each client `timeout` for its login. What may block runs on threads of `executor`;
    /// `seed` has to be unknown to clients, as all nonces come of it.
    pub fn new(
        authenticator: Arc<dyn Authenticator>,
        timeout: Duration,
        executor: Arc<dyn Executor>,
        seed: [u8; 32],
    ) -> Self {
        let random = Mutex::new(StdRng::from_seed(seed));
        Self { authenticator, jobs: Jobs::new(executor, MAX_CHECKS), random, timeout }
    }

    /// What the next client signs. [nats-server: 11 bytes]
    pub(crate) fn nonce(&self) -> String {
        BASE64URL_NOPAD.encode(&self.random.lock().random::<[u8; 11]>())
    }

    /// Whether clients without credentials may come in.
    pub(crate) fn allows_anonymous(&self) -> bool {
        self.authenticator.allows_anonymous()
    }

    pub(crate) fn judge(&self, login: Login) -> Judgement {
        match self.authenticator.authenticate(login) {
            Verdict::Accepted(identity) => Judgement::Done(Ok(identity)),
            Verdict::Refused(refused) => Judgement::Done(Err(refused)),
            Verdict::Later(future) => Judgement::Pending(future),
            Verdict::Blocking(work) => Judgement::Pending(self.spawn(work)),
            _ => Judgement::Done(Err(Refused::Other("a verdict of an unknown kind".to_owned()))),
        }
    }

    /// Judges a client again that was let in before.
    pub(crate) fn review(&self, identity: &Identity, login: &Login) -> Result<Identity, Dismissed> {
        self.authenticator.review(identity, login)
    }

    fn spawn(&self, work: impl FnOnce() -> Outcome + Send + 'static) -> Pending {
        let slot = Arc::new(Slot::default());
        let promise = Promise(Some(Arc::clone(&slot)));
        self.jobs.spawn(Box::new(move || {
            // Who has gone meanwhile costs nobody else a check.
            if promise.is_wanted() {
                promise.keep(work());
            }
        }));
        Box::pin(std::future::poll_fn(move |cx| slot.poll(cx)))
    }
}

/// Where a thread leaves its verdict.
#[derive(Default)]
struct Slot(Mutex<(Option<Outcome>, Option<Waker>)>);

impl Slot {
    fn poll(&self, cx: &Context<'_>) -> Poll<Outcome> {
        let (outcome, waker) = &mut *self.0.lock();
        if let Some(outcome) = outcome.take() {
            return Poll::Ready(outcome);
        }
        *waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn fill(&self, new: Outcome) {
        let waker = {
            let (outcome, waker) = &mut *self.0.lock();
            *outcome = Some(new);
            waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The thread's side; taken out when the verdict is there.
struct Promise(Option<Arc<Slot>>);

impl Promise {
    /// Whether a session still waits for it.
    fn is_wanted(&self) -> bool {
        self.0.as_ref().is_some_and(|slot| Arc::strong_count(slot) > 1)
    }

    fn keep(mut self, outcome: Outcome) {
        if let Some(slot) = self.0.take() {
            slot.fill(outcome);
        }
    }
}

impl Drop for Promise {
    /// The check panicked, or was never run.
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.fill(Err(Refused::Other("the check broke off".to_owned())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::ByHand;
    use crate::sync::atomic::{AtomicUsize, Ordering};

    struct Slow(Arc<AtomicUsize>);

    impl Authenticator for Slow {
        fn authenticate(&self, _: Login) -> Verdict {
            let checks = Arc::clone(&self.0);
            Verdict::blocking(move || {
                checks.fetch_add(1, Ordering::Relaxed);
                Ok(Identity::new("slow"))
            })
        }
    }

    fn login() -> Login {
        let connect = embus_protocol::connect::ConnectOptions::default();
        Login {
            connect,
            nonce: String::new(),
            address: None,
            connection_type: embus_auth::ConnectionType::Standard,
            ..Login::default()
        }
    }

    /// Else whoever connects and goes again, without a password that is right, keeps everybody out.
    #[test]
    fn who_has_gone_is_not_checked() {
        let (executor, checks) = (Arc::new(ByHand::default()), Arc::new(AtomicUsize::new(0)));
        let authenticator = Arc::new(Slow(Arc::clone(&checks)));
        let threads = Arc::clone(&executor) as Arc<dyn Executor>;
        let gate = Gate::new(authenticator, Duration::from_secs(2), threads, [1; 32]);
        for _ in 0..100 {
            drop(gate.judge(login()));
        }
        let Judgement::Pending(mut verdict) = gate.judge(login()) else { panic!("it takes time") };
        executor.run();
        assert_eq!(checks.load(Ordering::Relaxed), 1);
        let outcome = verdict.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(outcome, Poll::Ready(Ok(identity)) if identity.user == "slow"));
    }
}
