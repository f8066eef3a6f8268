//! Asking a service in one of the accounts who a client is. [ADR-26]

use std::fmt;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use embus_auth::callout::{Asker, CALLOUT_SUBJECT, Server, XKEY_HEADER};
use embus_auth::jwt::Objection;
use embus_auth::{Authenticator, Identity, Login, Refused, Users, Verdict};
use embus_protocol::headers::HeaderMap;
use nkeys::KeyPair;

use super::{AuthSettings, LOGIN_TIMEOUT};
use crate::client::Request;
use crate::error::StartError;
use crate::shell::Shell;

/// The list of users for the service itself, and the service for everybody else.
pub(super) struct Callout {
    users: Arc<Users>,
    asker: Arc<Asker>,
    /// Has the client that asks. The engine holds the authenticator, and this the engine.
    shell: Weak<Shell>,
}

impl fmt::Debug for Callout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callout").field("asker", &self.asker).finish_non_exhaustive()
    }
}

impl AuthSettings {
    /// Has the service be asked in the name of a server with this key; says for which key answers can be encrypted.
    ///
    /// # Errors
    /// [`StartError::Config`] when it cannot be asked.
    pub(crate) fn prepare_callout(&mut self, server: KeyPair) -> Result<String, StartError> {
        let Some(rules) = self.callout.clone() else { return Ok(String::new()) };
        let asker = Asker::new(rules, server, self.timeout.unwrap_or(LOGIN_TIMEOUT));
        let asker = asker.map_err(|error| StartError::Config(error.to_string()))?;
        let xkey = asker.xkey().unwrap_or_default();
        self.asker = Some(Arc::new(asker));
        Ok(xkey)
    }

    /// The service has to be able to log in, and its accounts to be there.
    pub(super) fn check_callout(&self) -> Result<(), StartError> {
        let Some(callout) = &self.callout else { return Ok(()) };
        let refuse = |text: String| Err(StartError::Config(text));
        if self.authenticator.is_some() {
            return refuse("an auth callout needs a list of users, and no other authenticator".to_owned());
        }
        if let Some(name) = callout.users().iter().find(|name| !self.users.iter().any(|user| user.name() == *name)) {
            return refuse(format!("{name:?} of the auth callout is none of the users"));
        }
        let mut accounts = callout.account().into_iter().chain(callout.allowed_accounts().iter().map(String::as_str));
        match accounts.find(|name| !self.has_account(name)) {
            Some(name) => refuse(format!("account {name:?} of the auth callout is not declared")),
            None => Ok(()),
        }
    }

    /// The list of users, or the service that is asked beside it.
    pub(super) fn with_callout(&self, shell: &Arc<Shell>, users: Arc<Users>) -> Arc<dyn Authenticator> {
        let Some(asker) = &self.asker else { return users };
        shell.ask_as(asker.rules().account());
        Arc::new(Callout { users, asker: Arc::clone(asker), shell: Arc::downgrade(shell) })
    }
}

impl Authenticator for Callout {
    /// Users of the list that are not the service are asked about, too. [nats-server 2.15.1, probed]
    fn authenticate(&self, login: Login) -> Verdict {
        if self.asker.is_service(&login) {
            return guarded(self.users.authenticate(login), &self.asker);
        }
        Verdict::later(ask(Arc::clone(&self.asker), self.shell.clone(), login))
    }
}

/// The verdict of the list, which leaves questions to the server.
fn guarded(verdict: Verdict, asker: &Arc<Asker>) -> Verdict {
    let asker = Arc::clone(asker);
    let guard = move |identity| asker.guarded(identity).map_err(Refused::from);
    match verdict {
        Verdict::Accepted(identity) => guard(identity).into(),
        Verdict::Blocking(work) => Verdict::blocking(move || work().and_then(guard)),
        Verdict::Later(future) => Verdict::later(async move { future.await.and_then(guard) }),
        other => other,
    }
}

/// The connection waits for this as long as a login may take, and no longer.
async fn ask(asker: Arc<Asker>, shell: Weak<Shell>, login: Login) -> Result<Identity, Refused> {
    let unanswered = || Refused::from(Objection::Content("auth callout: nobody answers".to_owned()));
    let (client, server) = {
        let shell = shell.upgrade().ok_or_else(unanswered)?;
        (shell.asking_client().ok_or_else(unanswered)?, server(&shell))
    };
    let question = asker.ask(&login, &server).ok_or_else(unanswered)?;
    let mut request = Request::new().payload(Bytes::from(question.payload.clone())).timeout(None);
    if let Some(xkey) = &question.xkey {
        let mut headers = HeaderMap::new();
        headers.insert(XKEY_HEADER, xkey.as_str());
        request = request.headers(headers);
    }
    let answer = client.send_request(CALLOUT_SUBJECT, request).await.map_err(|_| unanswered())?;
    Ok(asker.read(&question, &answer.payload, &login)?)
}

fn server(shell: &Shell) -> Server {
    let info = shell.engine.info();
    Server { name: info.server_name, host: info.host, version: info.version, cluster: info.cluster }
}
