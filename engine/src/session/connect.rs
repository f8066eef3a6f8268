//! CONNECT, and the second INFO that confirms it.

use embus_protocol::connect::ConnectOptions;
use embus_protocol::encode;
use embus_protocol::error::ClientError;

use super::{Options, Phase, Session};
use crate::close::CloseReason;
use crate::connection::Identity;
use crate::worker::Worker;

impl Session {
    /// A CONNECT that does not parse closes without a word. [reference §1.1]
    pub(super) fn handle_connect(&mut self, worker: &mut Worker, json: &[u8]) {
        let mut connect = self.connect_so_far();
        if connect.merge(json).is_err() {
            // What is wrong with it may be the password.
            tracing::debug!(cid = self.connection.id().0, "CONNECT does not parse");
            return self.handle_malformed_arguments();
        }
        if let Some((error, reason)) = check_connect(&connect) {
            return self.refuse(worker, &error, reason);
        }
        if self.phase != Phase::Connecting {
            self.forget_subscriptions();
        }
        self.log_in(worker, connect);
    }

    /// The client is who it says: its wishes hold from now on.
    pub(super) fn welcome(&mut self, worker: &mut Worker, connect: ConnectOptions, identity: &embus_auth::Identity) {
        self.accept_connect(connect, identity);
        self.reply_ok(worker);
    }

    /// A field that CONNECT leaves out keeps its value.
    pub(super) fn connect_so_far(&self) -> ConnectOptions {
        let Identity { name, lang, version, .. } = self.connection.identity();
        let Options { verbose, pedantic, echo, headers, no_responders } = self.options;
        let protocol = i64::from(self.connection.understands_async_info());
        ConnectOptions {
            name,
            lang,
            version,
            verbose,
            pedantic,
            echo,
            headers,
            no_responders,
            protocol,
            ..ConnectOptions::default()
        }
    }

    pub(super) fn accept_connect(&mut self, connect: ConnectOptions, identity: &embus_auth::Identity) {
        self.options = Options {
            verbose: connect.verbose,
            pedantic: connect.pedantic,
            echo: connect.echo,
            headers: connect.headers,
            no_responders: connect.no_responders,
        };
        self.outbox.set_headers(connect.headers);
        self.connection.set_async_info(connect.protocol >= 1);
        let is_new = self.phase == Phase::Connecting;
        if self.phase != Phase::Ready {
            self.phase = Phase::Greeting;
        }
        self.connection.set_identity(Identity {
            user: identity.user.clone(),
            account: identity.account.clone(),
            name: connect.name,
            lang: connect.lang,
            version: connect.version,
        });
        if self.trace.is_some() {
            self.take_trace();
        }
        if is_new {
            self.engine.tell_connected(&self.connection);
        }
    }

    /// A second CONNECT starts over. [reference §1.3]
    fn forget_subscriptions(&mut self) {
        let subscriptions = self.connection.subscriptions().lock().take_all();
        self.take_back(&subscriptions);
    }

    /// INFO behind the first PONG: now with the account. [reference §1.2]
    pub(super) fn confirm_connect(&self, worker: &mut Worker) {
        let mut info = self.engine.info_for(&self.connection);
        info.connect_info = true;
        self.router.account().clone_into(&mut info.remote_account);
        info.max_payload = self.max_payload;
        let mut line = Vec::new();
        encode::info(&mut line, &info);
        self.reply(worker, &line);
    }

    /// Arguments that do not parse close without a word. [reference §1.1]
    pub(super) fn handle_malformed_arguments(&mut self) {
        self.phase = Phase::Closing(CloseReason::ParseError);
    }
}

fn check_connect(connect: &ConnectOptions) -> Option<(ClientError, CloseReason)> {
    if !(0..=1).contains(&connect.protocol) {
        return Some((ClientError::InvalidClientProtocol, CloseReason::BadClientProtocolVersion));
    }
    if !connect.account.is_empty() || connect.new_account {
        return Some((ClientError::AuthorizationViolation, CloseReason::AuthenticationFailure));
    }
    if connect.no_responders && !connect.headers {
        return Some((ClientError::NoRespondersRequiresHeaders, CloseReason::NoRespondersRequiresHeaders));
    }
    None
}
