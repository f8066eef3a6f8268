//! Who may use the broker, and what for: users with passwords, tokens, nkeys or
//! JWTs, their permissions and accounts.
//!
//! A broker without any of it is open to whoever reaches it. With users, or an [`Authenticator`] of the program's own,
//! clients over the network have to log in; clients in the process are who the program says they are.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use embus::auth::{Credential, PermissionRules, Permissions, SubjectRules, User};
//!
//! let meter = PermissionRules { publish: SubjectRules::allow(["meters.>"]), ..Default::default() };
//! let broker = embus::Broker::builder()
//!     .listen("127.0.0.1:0")
//!     .user(User::new(Credential::password("admin", "s3cret")))
//!     .user(User::new(Credential::password("meter", "t1ck")).with_permissions(Permissions::new(meter)?))
//!     .start()
//!     .await?;
//! let meter = broker.client_as("meter")?;
//! meter.publish("meters.7", "42".into()).await?;
//! assert!(meter.publish("orders", "42".into()).await.is_err());
//! # Ok(())
//! # }
//! ```

mod account;
mod asking;
mod operators;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use account::{
    Account, ClientLimits, Destination, Export, ExportKind, Import, ImportKind, JetStreamLimits, Mapping, ResponseType,
};
use embus_auth::callout::{Asker, AuthCallout};
pub use embus_auth::*;
use embus_engine::engine::{AccountChange, GLOBAL_ACCOUNT, SYSTEM_ACCOUNT};
use embus_engine::gate::Gate;

use crate::error::StartError;
use crate::jobs::BlockingThreads;
use crate::shell::Shell;

/// How long a client may take for its login. [nats-server: `auth_timeout`]
pub(crate) const LOGIN_TIMEOUT: Duration = Duration::from_secs(2);

/// What a broker is told of its users.
#[derive(Clone, Default)]
pub(crate) struct AuthSettings {
    pub(crate) users: Vec<User>,
    pub(crate) no_auth_user: Option<String>,
    pub(crate) allow_anonymous: bool,
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    pub(crate) operators: Option<Arc<jwt::Operators>>,
    pub(crate) callout: Option<AuthCallout>,
    /// Who asks the service, once the server has a key.
    pub(crate) asker: Option<Arc<Asker>>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) system_account: Option<String>,
    pub(crate) timeout: Option<Duration>,
}

impl fmt::Debug for AuthSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthSettings")
            .field("users", &self.users.len())
            .field("accounts", &self.accounts)
            .finish_non_exhaustive()
    }
}

impl AuthSettings {
    /// The list of users, if there is one.
    ///
    /// # Errors
    /// [`StartError::Config`] when it does not hold together, or names an account that was not declared.
    pub(crate) fn users(&self) -> Result<Option<Arc<Users>>, StartError> {
        let refuse = |text: String| Err(StartError::Config(text));
        if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return refuse("the time for a login must not be zero".to_owned());
        }
        self.check_accounts()?;
        self.check_callout()?;
        if self.users.is_empty() && self.no_auth_user.is_none() {
            return Ok(None);
        }
        if self.authenticator.is_some() {
            return refuse("a list of users and an authenticator exclude each other".to_owned());
        }
        let builder = self.users.iter().cloned().fold(Users::builder(), UsersBuilder::user);
        let builder = self.no_auth_user.iter().fold(builder, UsersBuilder::no_auth_user);
        let builder = if self.allow_anonymous { builder.allow_anonymous() } else { builder };
        let users = builder.build().map_err(|error| StartError::Config(error.to_string()))?;
        if let Some(unknown) = users.accounts().find(|name| !self.has_account(name)) {
            return refuse(format!("account {unknown:?} of a user is not declared"));
        }
        Ok(Some(Arc::new(users)))
    }

    fn check_accounts(&self) -> Result<(), StartError> {
        let refuse = |text: String| Err(StartError::Config(text));
        let mut names = BTreeSet::new();
        let system = self.system_account.as_deref().unwrap_or(SYSTEM_ACCOUNT);
        if system == GLOBAL_ACCOUNT || !self.has_account(system) {
            return refuse(format!("{system:?} can not be the system account"));
        }
        for Account { name, jetstream, .. } in &self.accounts {
            if name.is_empty() || name.contains(char::is_whitespace) {
                return refuse(format!("{name:?} is not a name of an account"));
            }
            // Requests to `$SYS.REQ.ACCOUNT.PING` are to all accounts.
            if name == "PING" {
                return refuse("an account can not be named PING: requests to all accounts are".to_owned());
            }
            if !names.insert(name) {
                return refuse(format!("account {name:?} is declared twice"));
            }
            if *name == system && jetstream.is_some() {
                return refuse("the system account can not have streams".to_owned());
            }
        }
        Ok(())
    }

    pub(crate) fn has_account(&self, name: &str) -> bool {
        [GLOBAL_ACCOUNT, SYSTEM_ACCOUNT].contains(&name) || self.accounts.iter().any(|account| account.name == name)
    }

    /// The accounts that were declared with streams, with what each may use.
    pub(crate) fn with_streams(&self) -> BTreeMap<String, JetStreamLimits> {
        let limits = self.accounts.iter().map(|account| Some((account.name.clone(), account.jetstream?)));
        limits.flatten().collect()
    }

    /// Makes the accounts, with what each of them may and shares.
    ///
    /// # Errors
    /// [`StartError::Config`] when they do not go together.
    pub(crate) fn open_accounts(&self, shell: &Shell) -> Result<(), StartError> {
        if let Some(name) = &self.system_account {
            shell.engine.set_system_account(name);
        }
        self.change_accounts(shell)
    }

    /// Has accounts be as they are declared; those that are not there yet are made.
    ///
    /// # Errors
    /// As for [`open_accounts`](Self::open_accounts); nothing has changed then.
    pub(crate) fn change_accounts(&self, shell: &Shell) -> Result<(), StartError> {
        let mut change = AccountChange::default();
        for Account { name, clients, sharing, .. } in &self.accounts {
            change.limits.insert(name.clone(), *clients);
            change.sharing.insert(name.clone(), sharing.clone());
        }
        shell.engine.change_accounts(&change).map_err(|error| StartError::Config(error.to_string()))
    }

    /// Where logins are judged, if they are asked for.
    pub(crate) fn gate(&self, shell: &Arc<Shell>, users: Option<Arc<Users>>, seed: [u8; 32]) -> Option<Gate> {
        let users = users.map(|users| self.with_callout(shell, users));
        let authenticator = self.authenticator.clone().or(users)?;
        let (timeout, threads) = (self.timeout.unwrap_or(LOGIN_TIMEOUT), BlockingThreads::new(&shell.tasks));
        Some(Gate::new(authenticator, timeout, Arc::new(threads), seed))
    }
}
