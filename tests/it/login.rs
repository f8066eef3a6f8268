//! Logging in, over the wire and in the process: who is let in, as whom, and until when.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectErrorKind, ConnectOptions};
use embus::auth::{Authenticator, Credential, Identity, Login, Refused, User, Verdict};
use embus::clock::{Clock, ManualClock};
use embus::statistics::CloseReason;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::support::{Raw, connect_with, eventually, listening, next, run, subscribe, within};

fn with_users(users: impl IntoIterator<Item = User>) -> embus::Builder {
    users.into_iter().fold(listening(), embus::Builder::user)
}

fn alice() -> User {
    User::new(Credential::password("alice", "secret"))
}

async fn refused(broker: &embus::Broker, options: ConnectOptions) {
    let url = broker.client_url().unwrap();
    let error = options.connect(url).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::AuthorizationViolation, "{error:?}");
}

/// What async-nats says at the login works as with any other server.
async fn lets_in(broker: &embus::Broker, options: ConnectOptions) {
    let client = connect_with(broker, options).await;
    let mut subscriber = subscribe(broker, &client, "echo").await;
    client.publish("echo", "hi".into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, "hi");
}

#[test]
fn a_password() {
    run(async {
        let broker = with_users([alice()]).start().await.unwrap();
        lets_in(&broker, ConnectOptions::with_user_and_password("alice".into(), "secret".into())).await;
        refused(&broker, ConnectOptions::with_user_and_password("alice".into(), "other".into())).await;
        refused(&broker, ConnectOptions::with_token("secret".into())).await;
        refused(&broker, ConnectOptions::new()).await;
        let reasons: Vec<_> = broker.closed_connections().iter().filter_map(|gone| gone.reason).collect();
        let failures = reasons.iter().filter(|reason| **reason == CloseReason::AuthenticationFailure).count();
        assert_eq!(failures, 3, "{reasons:?}");
    });
}

#[test]
fn a_token() {
    run(async {
        let broker = listening().token("t0ken").start().await.unwrap();
        lets_in(&broker, ConnectOptions::with_token("t0ken".into())).await;
        refused(&broker, ConnectOptions::with_token("token".into())).await;
    });
}

#[test]
fn an_nkey() {
    run(async {
        let pair = nkeys::KeyPair::new_user();
        let broker = with_users([User::new(Credential::Nkey(pair.public_key()))]).start().await.unwrap();
        lets_in(&broker, ConnectOptions::with_nkey(pair.seed().unwrap())).await;
        refused(&broker, ConnectOptions::with_nkey(nkeys::KeyPair::new_user().seed().unwrap())).await;
        assert_ne!(nonce(&broker).await, nonce(&broker).await, "a nonce is for one connection");
    });
}

async fn nonce(broker: &embus::Broker) -> String {
    let mut raw = Raw::over(TcpStream::connect(broker.local_addr().unwrap()).await.unwrap());
    let line = raw.line().await;
    let info: serde_json::Value = serde_json::from_str(line.strip_prefix("INFO ").unwrap()).unwrap();
    info["nonce"].as_str().unwrap().to_owned()
}

#[test]
fn users_and_accounts_show_in_snapshots() {
    run(async {
        let broker = with_users([alice().in_account("A")]).account("A").start().await.unwrap();
        let options = ConnectOptions::with_user_and_password("alice".into(), "secret".into());
        let client = connect_with(&broker, options).await;
        let _subscriber = subscribe(&broker, &client, "a").await;
        let row = &broker.connections()[0];
        assert_eq!((row.user.as_str(), row.account.as_str()), ("alice", "A"));
        assert_eq!(broker.subscriptions()[0].account, "A");
        assert_eq!(broker.statistics().subscriptions, 1 + open_broker_subscriptions().await);
    });
}

/// What a broker with streams listens to by itself.
async fn open_broker_subscriptions() -> usize {
    listening().start().await.unwrap().statistics().subscriptions
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    run(async {
        for (builder, text) in [
            (with_users([alice(), alice()]), "duplicate user \"alice\""),
            (with_users([alice().in_account("B")]), "account \"B\" of a user is not declared"),
            (with_users([alice()]).no_auth_user("bob"), "no_auth_user \"bob\" is none of the users"),
            (with_users([alice()]).authenticator(Everybody), "exclude each other"),
            (listening().account("a b"), "\"a b\" is not a name of an account"),
            (listening().login_timeout(Duration::ZERO), "must not be zero"),
        ] {
            let error = builder.start().await.unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    });
}

struct Everybody;

impl Authenticator for Everybody {
    fn authenticate(&self, login: Login) -> Verdict {
        Identity::new(login.connect.name).into()
    }
}

/// Gives its verdict when the test says so.
struct Slow(parking_lot::Mutex<Option<oneshot::Receiver<bool>>>);

impl Authenticator for Slow {
    fn authenticate(&self, _: Login) -> Verdict {
        let verdict = self.0.lock().take();
        Verdict::later(async move {
            let is_good = match verdict {
                Some(verdict) => verdict.await.unwrap_or(false),
                None => false,
            };
            if is_good { Ok(Identity::new("slow")) } else { Err(Refused::Credentials) }
        })
    }
}

fn slow() -> (oneshot::Sender<bool>, Slow) {
    let (sender, receiver) = oneshot::channel();
    (sender, Slow(parking_lot::Mutex::new(Some(receiver))))
}

const EAGER: &str = "CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n";

#[test]
fn what_is_sent_before_the_verdict_waits_for_it() {
    run(async {
        let (verdict, authenticator) = slow();
        let broker = listening().authenticator(authenticator).start().await.unwrap();
        let mut raw = Raw::connect(&broker).await;
        raw.send(EAGER).await;
        eventually("the login is looked at", || broker.connections().len() == 1).await;
        assert!(broker.subscriptions().is_empty());
        verdict.send(true).unwrap();
        assert_eq!(raw.line().await, "MSG a 1 2\r\n");
        assert_eq!(raw.line().await, "hi\r\n");
        assert_eq!(raw.line().await, "PONG\r\n");
        assert_eq!(broker.connections()[0].user, "slow");
    });
}

#[test]
fn and_is_dropped_when_it_is_bad() {
    run(async {
        let (verdict, authenticator) = slow();
        let broker = listening().authenticator(authenticator).start().await.unwrap();
        let mut seen = broker.client().subscribe("a").await.unwrap();
        let mut raw = Raw::connect(&broker).await;
        raw.send(EAGER).await;
        verdict.send(false).unwrap();
        assert_eq!(raw.rest().await, "-ERR 'Authorization Violation'\r\n");
        broker.client().publish("a", "later".into()).await.unwrap();
        assert_eq!(next(&mut seen).await.payload, "later");
    });
}

#[test]
fn a_verdict_that_does_not_come_is_not_waited_for() {
    run(async {
        let (_verdict, authenticator) = slow();
        let authenticator = Arc::new(authenticator);
        let clock = ManualClock::new();
        let builder = listening().authenticator(Arc::clone(&authenticator)).clock(Arc::new(clock.clone()));
        let broker = builder.login_timeout(Duration::from_secs(60)).start().await.unwrap();
        let mut raw = Raw::connect(&broker).await;
        raw.send(EAGER).await;
        eventually("it is asked about", || authenticator.0.lock().is_none()).await;
        clock.advance(Duration::from_secs(60));
        assert_eq!(raw.rest().await, "-ERR 'Authorization Violation'\r\n");
        eventually("it is gone", || broker.connections().is_empty()).await;
        assert_eq!(broker.closed_connections()[0].reason, Some(CloseReason::AuthenticationFailure));
    });
}

struct Panicking;

impl Authenticator for Panicking {
    fn authenticate(&self, _: Login) -> Verdict {
        Verdict::blocking(|| panic!("as an authenticator should not"))
    }
}

#[test]
fn a_check_that_panics_lets_nobody_in() {
    run(async {
        let broker = listening().authenticator(Panicking).start().await.unwrap();
        refused(&broker, ConnectOptions::new()).await;
        refused(&broker, ConnectOptions::new()).await;
    });
}

/// Credentials with an hour to go.
struct ForAnHour(ManualClock);

impl Authenticator for ForAnHour {
    fn authenticate(&self, _: Login) -> Verdict {
        Identity::new("guest").expires_at(self.0.wall() + Duration::from_secs(3600)).into()
    }
}

#[test]
fn whose_credentials_end_is_told_and_cut() {
    run(async {
        let clock = ManualClock::new();
        let builder = listening().authenticator(ForAnHour(clock.clone())).ping_interval(Duration::from_secs(36_000));
        let broker = builder.clock(Arc::new(clock.clone())).start().await.unwrap();
        let mut raw = Raw::connect(&broker).await.plain().await;
        assert_eq!(raw.fence().await, "");
        clock.advance(Duration::from_secs(3599));
        assert_eq!(raw.fence().await, "");
        clock.advance(Duration::from_secs(1));
        assert_eq!(within("the end", raw.rest()).await, "-ERR 'User Authentication Expired'\r\n");
        eventually("it is gone", || broker.connections().is_empty()).await;
        assert_eq!(broker.closed_connections()[0].reason, Some(CloseReason::AuthenticationExpired));
    });
}

/// What an authenticator says of a login that is over before it began.
struct Expired;

impl Authenticator for Expired {
    fn authenticate(&self, _: Login) -> Verdict {
        Identity::new("guest").expires_at(std::time::SystemTime::UNIX_EPOCH).into()
    }
}

#[test]
fn credentials_that_have_ended_are_none() {
    run(async {
        let broker = listening().authenticator(Expired).start().await.unwrap();
        refused(&broker, ConnectOptions::new()).await;
        let identity = Identity::new("guest").expires_at(std::time::SystemTime::UNIX_EPOCH);
        assert!(broker.client_with(&identity).is_err());
        assert!(broker.client_with(&Identity::new("guest").in_account("none")).is_err());
        assert!(broker.client_as("guest").is_err());
    });
}

/// Strangers cost what they send and no more: lines without end, messages, half a login, all at once.
#[test]
fn strangers_get_no_memory_and_keep_nobody_out() {
    run(async {
        let broker = with_users([alice()]).start().await.unwrap();
        let inputs = [
            "PUB a 1000000\r\n",
            "CONNECT {",
            "CONNECT {\"user\":\"alice\"",
            "SUB a 1\r\n",
            "\r\n",
            "\x16\x03\x01",
            "",
        ];
        let mut strangers = Vec::new();
        for number in 0..200 {
            let mut raw = Raw::connect(&broker).await;
            let _ = raw.try_send(inputs[number % inputs.len()].as_bytes()).await;
            strangers.push(raw);
        }
        lets_in(&broker, ConnectOptions::with_user_and_password("alice".into(), "secret".into())).await;
        assert_eq!(broker.statistics().buffered_bytes, 0);
    });
}
