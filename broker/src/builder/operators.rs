//! Operators that a broker trusts.

use std::sync::Arc;

use super::Builder;
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
}
