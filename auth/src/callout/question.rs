//! What the service is asked.

use std::fmt;
use std::time::{Duration, SystemTime};

use nkeys::KeyPair;
use serde_json::{Value, json};

use super::rules::{AuthCallout, CalloutError};
use super::seal::Seal;
use crate::jwt::sign;
use crate::login::{ConnectionType, Login};

/// Makes questions for one server, and reads the answers.
pub struct Asker {
    pub(super) rules: AuthCallout,
    /// The server's own key, whose public half is its id.
    server: KeyPair,
    pub(super) seal: Option<Seal>,
    /// How long a question is good.
    timeout: Duration,
}

/// The server as it tells of itself.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub host: String,
    /// The version that it announces.
    pub version: String,
    /// The cluster that it is in, if it is in one.
    pub cluster: Option<String>,
}

/// One question.
#[derive(Debug, Clone)]
pub struct Question {
    /// What goes out.
    pub payload: Vec<u8>,
    /// The key that an answer can be encrypted for, if questions are encrypted: it goes out in a header.
    pub xkey: Option<String>,
    /// Whom the answer has to be about. The key is new for each question, so no answer counts twice.
    pub(super) user: String,
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Asker {
    /// Asks in the name of `server`, and has each question be good for `timeout`.
    ///
    /// # Errors
    /// [`CalloutError`] when the service cannot be asked.
    pub fn new(rules: AuthCallout, server: KeyPair, timeout: Duration) -> Result<Self, CalloutError> {
        rules.check()?;
        let seal = rules.xkey.as_deref().and_then(Seal::new);
        Ok(Self { rules, server, seal, timeout })
    }

    /// Who is asked.
    pub fn rules(&self) -> &AuthCallout {
        &self.rules
    }

    /// The public key for answers, if questions are encrypted.
    pub fn xkey(&self) -> Option<String> {
        self.seal.as_ref().map(Seal::public_key)
    }

    /// The server's id.
    pub(super) fn id(&self) -> String {
        self.server.public_key()
    }

    /// Whether the client says it is the service itself: it is not asked about. [nats-server: getRawAuthUser]
    pub fn is_service(&self, login: &Login) -> bool {
        let nkey = login.connect.nkey.expose();
        let name = if nkey.is_empty() { &login.connect.user } else { nkey };
        self.rules.users.iter().any(|user| user == name)
    }

    /// The question about one client; nothing if it cannot be signed or encrypted.
    pub fn ask(&self, login: &Login, server: &Server) -> Option<Question> {
        let user = KeyPair::new_user().public_key();
        let claims = json!({
            "aud": "nats-authorization-request",
            "sub": self.rules.issuer,
            "iat": seconds(login.now),
            "exp": seconds(login.now + self.timeout),
            "nats": {
                "server_id": self.server_id(server),
                "user_nkey": user,
                "client_info": client_info(login),
                "connect_opts": connect_options(login),
                "client_tls": client_tls(login),
                "type": "authorization_request",
                "version": 2,
            },
        });
        let jwt = sign(without_empty(claims), &self.server).ok()?;
        let payload = match &self.seal {
            Some(seal) => seal.close(&jwt)?,
            None => jwt.into_bytes(),
        };
        Some(Question { payload, xkey: self.xkey(), user })
    }

    fn server_id(&self, server: &Server) -> Value {
        json!({
            "name": server.name,
            "host": server.host,
            "id": self.id(),
            "version": server.version,
            "cluster": server.cluster,
            "xkey": self.xkey(),
        })
    }
}

fn client_info(login: &Login) -> Value {
    let connect = &login.connect;
    let nkey = connect.nkey.expose();
    let has_signed = !connect.sig.is_empty();
    json!({
        "host": login.address.map(|address| address.to_string()),
        "id": login.client_id,
        "user": if nkey.is_empty() { &connect.user } else { nkey },
        "name": connect.name,
        "kind": "Client",
        "type": if login.connection_type == ConnectionType::WebSocket { "websocket" } else { "nats" },
        "nonce": has_signed.then_some(&login.nonce),
    })
}

/// Secrets among it: the service is who judges them.
fn connect_options(login: &Login) -> Value {
    let connect = &login.connect;
    json!({
        "jwt": connect.jwt.expose(),
        "nkey": connect.nkey.expose(),
        "sig": connect.sig.expose(),
        "auth_token": connect.auth_token.expose(),
        "user": connect.user,
        "pass": connect.pass.expose(),
        "name": connect.name,
        "lang": connect.lang,
        "version": connect.version,
        "protocol": connect.protocol,
    })
}

fn client_tls(login: &Login) -> Option<Value> {
    let tls = login.tls.as_ref()?;
    let chain = login.certificate.as_ref().map(|certificate| vec![certificate.pem.clone()]);
    Some(json!({ "version": tls.version, "cipher": tls.cipher_suite, "verified_chains": chain }))
}

/// What is empty is left out, as Go does.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, field)| (name, without_empty(field)));
            let is_there = |field: &Value| !field.is_null() && field.as_str() != Some("");
            Value::Object(fields.filter(|(_, field)| is_there(field)).collect())
        }
        other => other,
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
