//! What becomes of clients that are there when the users change.
//!
//! Nothing is kept of what a client proved itself with: it stays if its user still has the credential that it had then.

use std::sync::Arc;

use crate::identity::Identity;
use crate::login::{ConnectionType, Refused};
use crate::users::{Credential, User, Users};

/// How a client is sent away that may not stay. [nats-server: `reloadAuthorization`]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dismissed {
    /// Its user is there no more: it is closed without a word.
    Gone,
    /// It would not be let in any more: it is told so.
    Refused(Refused),
}

impl From<Refused> for Dismissed {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Users {
    /// Who a client without credentials is, if there may be any.
    pub(crate) fn anonymous(&self, connection_type: ConnectionType) -> Option<Result<Identity, Refused>> {
        if let Some(user) = &self.no_auth_user {
            let identity = user.identity(connection_type);
            // It proved nothing, and is not held to the user that it is now.
            return Some(identity.map(|identity| Identity { origin: None, ..identity }));
        }
        self.allows_anonymous.then(|| Ok(Identity::default()))
    }

    pub(crate) fn review_client(
        &self,
        identity: &Identity,
        connection_type: ConnectionType,
    ) -> Result<Identity, Dismissed> {
        let Some(user) = identity.origin::<User>() else {
            // Nobody asked who it is, and now somebody does; or it never said.
            return Ok(self.anonymous(connection_type).unwrap_or(Err(Refused::Credentials))?);
        };
        let now = self.successor(&user.credential).ok_or(Dismissed::Gone)?;
        if now.credential != user.credential {
            return Err(Refused::Credentials.into());
        }
        Ok(now.identity(connection_type)?)
    }

    /// The user that has the place of one with this credential.
    fn successor(&self, credential: &Credential) -> Option<&Arc<User>> {
        match credential {
            Credential::Nkey(key) => self.by_nkey.get(key),
            Credential::Token(_) => self.token.as_ref(),
            Credential::Password { .. } | Credential::Certificate(_) => self.by_name.get(credential.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Authenticator;
    use crate::login::Login;

    fn users(users: impl IntoIterator<Item = User>) -> Users {
        users.into_iter().fold(Users::builder(), crate::UsersBuilder::user).build().unwrap()
    }

    fn ann(password: &str) -> User {
        User::new(Credential::password("ann", password))
    }

    #[test]
    fn clients_follow_their_users() {
        let before = users([ann("a"), User::new(Credential::token("t"))]).identity("ann").unwrap();
        let review = |users: &Users| users.review(&before, &Login::default());
        let after = users([ann("a").in_account("A")]);
        assert_eq!(review(&after).unwrap().account.as_deref(), Some("A"));
        assert_eq!(review(&users([ann("b")])).unwrap_err(), Dismissed::Refused(Refused::Credentials));
        assert_eq!(review(&users([User::new(Credential::password("bob", "a"))])).unwrap_err(), Dismissed::Gone);
        let only = users([ann("a").connecting_as([ConnectionType::InProcess])]);
        assert!(matches!(review(&only), Err(Dismissed::Refused(Refused::ConnectionType(_)))));
    }

    #[test]
    fn clients_without_credentials_are_judged_as_such() {
        let open = Users::builder().user(ann("a")).no_auth_user("ann").build().unwrap();
        let unnamed = open.anonymous(ConnectionType::Standard).unwrap().unwrap();
        let login = Login::default();
        assert_eq!(open.review(&Identity::default(), &login).unwrap().user, "ann");
        assert_eq!(open.review(&unnamed, &login).unwrap().user, "ann");
        let closed = users([ann("a")]);
        for identity in [Identity::default(), unnamed] {
            assert_eq!(closed.review(&identity, &login).unwrap_err(), Dismissed::Refused(Refused::Credentials));
        }
    }
}
