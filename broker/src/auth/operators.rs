//! What operators vouch for, as the settings of a broker.

use std::sync::Arc;
use std::time::SystemTime;

use embus_auth::jwt::{Objection, Operators};
use embus_engine::operators::{Described, describe};

use super::{Account, AuthSettings};
use crate::builder::NATS_VERSION;
use crate::error::StartError;

impl AuthSettings {
    /// Takes on the accounts and users of the operators, if some are trusted. `jetstream` says whether there are streams.
    ///
    /// # Errors
    /// [`StartError::Config`] when something is declared beside them, or their JWTs ask for what there is not.
    pub(crate) fn adopt_operators(&mut self, now: SystemTime, jetstream: bool) -> Result<(), StartError> {
        let Some(operators) = self.operators.take() else { return Ok(()) };
        let refuse = |error: &dyn std::fmt::Display| StartError::Config(error.to_string());
        self.check_beside(&operators)?;
        operators.check_server(NATS_VERSION, now).map_err(|error| refuse(&error))?;
        tell(&operators, now);
        let described = describe(&operators, now).map_err(|error| refuse(&error))?;
        self.accounts = described.into_iter().map(|account| Account::described(account, jetstream)).collect();
        self.system_account = operators.system_account().map(str::to_owned);
        self.authenticator = Some(operators);
        Ok(())
    }

    /// Users and accounts come from JWTs only. [nats-server: validateTrustedOperators]
    fn check_beside(&self, operators: &Operators) -> Result<(), StartError> {
        let refuse = |text: &str| Err(StartError::Config(text.to_owned()));
        if self.callout.is_some() {
            return refuse("operators do not allow authorization callouts to be configured directly");
        }
        if !self.users.is_empty() || self.authenticator.is_some() || self.no_auth_user.is_some() {
            return refuse("operators do not allow users to be configured directly");
        }
        if !self.accounts.is_empty() {
            return refuse("operators do not allow Accounts to be configured directly");
        }
        if self.system_account.is_some() && self.system_account.as_deref() != operators.system_account() {
            return refuse("system_account in config and operator JWT must be identical");
        }
        Ok(())
    }
}

impl Account {
    /// An account as its JWT describes it, without streams where there are none at all.
    fn described(account: Described, jetstream: bool) -> Self {
        let Described { name, clients, jetstream: limits, sharing } = account;
        if limits.is_some() && !jetstream {
            tracing::warn!(account = name, "account has no JetStream, as the server has none");
        }
        Self { name, jetstream: limits.filter(|_| jetstream), clients, sharing }
    }
}

/// What an operator of the server should know. Others go on without an account that is not good.
fn tell(operators: &Arc<Operators>, now: SystemTime) {
    if operators.system_account().is_none() {
        tracing::warn!("trusted operators should utilize a system account");
    }
    for (account, objection) in operators.unusable() {
        tracing::warn!(account, %objection, "account cannot be used");
    }
    for account in operators.accounts() {
        if let Err(untimely) = account.claims().check_time(now) {
            let objection = Objection::Account(untimely);
            tracing::warn!(account = account.key(), %objection, "account cannot be used now");
        }
    }
}
