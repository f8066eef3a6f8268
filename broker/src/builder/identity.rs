//! Who may use a broker: users, accounts, and who else decides.

use std::sync::Arc;
use std::time::Duration;

use super::Builder;
use crate::auth::{Account, Authenticator, Credential, User};

impl Builder {
    /// Adds a user: clients over the network have to log in from then on, as one of the users. See [`auth`](crate::auth).
    pub fn user(mut self, user: User) -> Self {
        self.auth.users.push(user);
        self
    }

    /// Lets clients in that know this token, which may be given as a bcrypt hash.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = embus::Broker::builder().listen("127.0.0.1:0").token("s3cret").start().await?;
    /// assert!(broker.server_info().auth_required);
    /// # Ok(())
    /// # }
    /// ```
    pub fn token(self, token: impl Into<String>) -> Self {
        self.user(User::new(Credential::token(token.into())))
    }

    /// Lets clients without credentials in as the user of this name.
    pub fn no_auth_user(mut self, name: impl Into<String>) -> Self {
        self.auth.no_auth_user = Some(name.into());
        self
    }

    /// Lets clients without credentials into the global account, with all rights, although there are users: those of the
    /// system account, for example.
    pub fn allow_anonymous(mut self) -> Self {
        self.auth.allow_anonymous = true;
        self
    }

    /// Asks `authenticator` who a client is, in place of a list of users.
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.auth.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// Declares an account: its users have subjects of their own, apart from those of other accounts, and streams of their
    /// own if the account has [any](Account::jetstream). `$G` and `$SYS` are always there; what is declared for `$G` holds
    /// for clients that are in no other account.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::auth::{Account, Credential, JetStreamLimits, User};
    /// use embus::jetstream;
    ///
    /// let broker = embus::Broker::builder()
    ///     .account(Account::new("ORDERS").jetstream(JetStreamLimits::default()))
    ///     .user(User::new(Credential::password("shop", "s3cret")).in_account("ORDERS"))
    ///     .start()
    ///     .await?;
    /// jetstream::new(broker.client_as("shop")?).create_stream("PAID").await?;
    /// assert!(jetstream::new(broker.client()).get_stream("PAID").await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn account(mut self, account: impl Into<Account>) -> Self {
        self.auth.accounts.push(account.into());
        self
    }

    /// Has this account, which has to be declared, be the one of the broker itself in place of `$SYS`: its users hear of
    /// clients that come and go, and ask the server for its numbers (feature `monitor`).
    pub fn system_account(mut self, name: impl Into<String>) -> Self {
        self.auth.system_account = Some(name.into());
        self
    }

    /// How long a client may take for its login; 2 seconds by default.
    pub fn login_timeout(mut self, timeout: Duration) -> Self {
        self.auth.timeout = Some(timeout);
        self
    }
}
