//! Who else than a list of users decides about clients: operators that a broker trusts, a service that it asks.

use std::sync::Arc;

use super::Builder;
use crate::auth::callout::AuthCallout;
use crate::auth::jwt::Operators;

impl Builder {
    /// Takes users and accounts from the JWTs of operators: clients over the network show the JWT of their user, and its
    /// account's has to be among those that the operators vouch for. Users and accounts cannot be declared beside them.
    /// In the process, [`Broker::client`](crate::Broker::client) is in the global account, in which nobody else is.
    ///
    /// ```
    /// # fn read(_: &str) -> Result<String, std::io::Error> { Ok(String::new()) }
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::auth::jwt::Operators;
    ///
    /// let operators = Operators::builder().operator(read("operator.jwt")?).account(read("shop.jwt")?).build()?;
    /// let broker = embus::Broker::builder().listen("127.0.0.1:0").operators(operators).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn operators(mut self, operators: impl Into<Arc<Operators>>) -> Self {
        self.auth.operators = Some(operators.into());
        self
    }

    /// Asks a service in one of the accounts who clients are, all but the [users](Self::user) that it logs in as itself.
    /// It subscribes to `$SYS.REQ.USER.AUTH` and answers with JWTs that it signs. [ADR-26]
    ///
    /// ```
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::auth::callout::AuthCallout;
    /// use embus::auth::{Credential, User};
    ///
    /// let issuer = "ACYZAYTGQAFI2KX46JWEH7HTRZZ7WEEQYCZGHFLA5QS7Q2TN2JXIEKAT";
    /// let broker = embus::Broker::builder()
    ///     .listen("127.0.0.1:0")
    ///     .account("AUTH")
    ///     .user(User::new(Credential::password("service", "s3cret")).in_account("AUTH"))
    ///     .auth_callout(AuthCallout::new(issuer).in_account("AUTH").user("service"))
    ///     .start()
    ///     .await?;
    /// let questions = broker.client_as("service")?.subscribe("$SYS.REQ.USER.AUTH").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn auth_callout(mut self, callout: AuthCallout) -> Self {
        self.auth.callout = Some(callout);
        self
    }
}
