//! A running broker takes on other settings: all of them, or none.

mod changes;
mod fixed;

use std::future::poll_fn;
use std::time::Duration;

use super::Broker;
use crate::builder::Builder;
use crate::error::StartError;

/// What a reload changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    changes: Vec<String>,
}

impl Reloaded {
    /// The changes, one a line, such as `max_payload = 1024`, as nats-server's log has them; none where nothing changed.
    pub fn changes(&self) -> &[String] {
        &self.changes
    }
}

/// Why a broker did not take on other settings. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// These can not change while the broker runs: stop it and start another one.
    #[error("config reload not supported for {}", .0.join(", "))]
    Fixed(Vec<String>),
    /// The settings would not start a broker either.
    #[error(transparent)]
    Invalid(#[from] StartError),
    /// The broker stops.
    #[error("the broker is stopping")]
    Stopping,
}

/// A client in the middle of a TLS handshake takes a change on behind it, and is not waited for any longer. Real time: the
/// caller waits in it.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

impl Broker {
    /// Takes on other settings while the broker runs: all of them, or none.
    ///
    /// These may differ from what it runs with: users, tokens, [`no_auth_user`](Builder::no_auth_user), an
    /// [`Authenticator`](crate::auth::Authenticator) and the time for logins; accounts, their limits, exports, imports and
    /// mappings, but not their streams; `max_payload`, `max_control_line`, `max_connections`, `max_subscriptions`,
    /// `ping_interval`, `ping_max`, `write_deadline`; [`trace`](Builder::trace); the times of a lame duck; certificates and keys, whose files are read
    /// anew, and what else TLS asks for, but not whether there is TLS, whether clients show certificates, or when the
    /// handshake comes. Anything else that differs is refused by its name. A clock, a seed and a cancellation token say
    /// nothing here.
    ///
    /// Clients stay connected unless their user is gone, has another password or is in another account now. Their rights
    /// are the new ones when this returns, and subscriptions that those do not allow have ended, with an `-ERR` that says
    /// so. If there are more connections than there may be, the youngest are cut.
    ///
    /// Dropping the future before it is done leaves everything as it was, or changed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::Broker;
    /// use embus::auth::{Credential, User};
    ///
    /// let settings = |password: &str| {
    ///     let user = User::new(Credential::password("ann", password));
    ///     Broker::builder().listen("127.0.0.1:0").user(user)
    /// };
    /// let broker = settings("s3cret").start().await?;
    /// let reloaded = broker.reload(settings("t0psecret")).await?;
    /// assert_eq!(reloaded.changes(), ["authorization users"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ReloadError`]: nothing has changed then.
    pub async fn reload(&self, settings: Builder) -> Result<Reloaded, ReloadError> {
        // Apart from the future of the caller, which holds it within its own.
        Box::pin(self.change(Box::new(settings))).await
    }

    #[cfg_attr(not(feature = "tls"), allow(unused_mut, reason = "only TLS changes something"))]
    async fn change(&self, mut settings: Box<Builder>) -> Result<Reloaded, ReloadError> {
        let mut present = self.inner.settings.lock().await;
        let shell = &self.inner.shell;
        if shell.engine.is_stopping() {
            return Err(ReloadError::Stopping);
        }
        settings.check()?;
        #[cfg(feature = "tls")]
        settings.leave_time_for_handshakes();
        let fixed = fixed::differences(&present, &settings);
        if !fixed.is_empty() {
            return Err(ReloadError::Fixed(fixed));
        }
        #[cfg(feature = "tls")]
        let secured = crate::tls::Secured::load(&settings, &shell.tasks).await.map_err(StartError::from)?;
        let users = settings.auth.users()?;
        settings.auth.change_accounts(shell)?;
        // From here on nothing fails, and nothing waits before all is done.
        #[cfg(feature = "tls")]
        for (present, new) in self.inner.securities.iter().zip(secured.all()) {
            present.take_over(new);
        }
        let gate = settings.auth.gate(shell, users.clone(), settings.secret_seed());
        if gate.is_none() {
            self.warn_of_strangers();
        }
        *self.inner.users.lock() = users;
        *self.inner.lame_duck.lock() = settings.lame_duck;
        shell.engine.set_trace(settings.trace);
        let renewal = shell.engine.renew(&settings.limits, gate);
        shell.engine.set_loaded(&settings.digest);
        let clients = self.inner.clients.lock().clone();
        clients.iter().filter_map(std::sync::Weak::upgrade).for_each(|client| client.renew());
        let changes = changes::between(&present, &settings);
        *present = settings;
        let all = shell.tasks.stop_signal().run_until_cancelled(poll_fn(|cx| renewal.poll_done(cx)));
        let _ = tokio::time::timeout(LONGEST_WAIT, all).await;
        Ok(Reloaded { changes })
    }

    fn warn_of_strangers(&self) {
        for address in self.inner.local_addrs.iter().filter(|address| !address.ip().is_loopback()) {
            tracing::warn!(%address, "open to everybody who reaches the address: no users are configured");
        }
    }
}
