//! A running broker takes on other settings: who may stay, what clients may do from then on, and what is refused.

mod accounts;

use std::time::Duration;

use async_nats::ConnectOptions;
use embus::auth::{
    Authenticator, Credential, Identity, Login, PermissionRules, Permissions, Refused, SubjectRules, User, Verdict,
};
use embus::statistics::CloseReason;
use embus::{Broker, Builder, ReloadError};
use futures_util::StreamExt;
use tokio::sync::oneshot;

use crate::support::{Raw, arrived, connect_with, eventually, listening, next, run, subscribe, within};

fn user(name: &str, password: &str) -> User {
    User::new(Credential::password(name, password))
}

/// What a client with these rights may publish and subscribe to.
fn limited(name: &str, publish: &str, subscribe: &[&str]) -> User {
    let rules = PermissionRules {
        publish: SubjectRules::allow([publish]),
        subscribe: SubjectRules::allow(subscribe.iter().copied()),
        ..PermissionRules::default()
    };
    user(name, "pw").with_permissions(Permissions::new(rules).expect("rules"))
}

fn with_users(users: impl IntoIterator<Item = User>) -> Builder {
    users.into_iter().fold(listening(), Builder::user)
}

async fn raw_as(broker: &Broker, name: &str, password: &str) -> Raw {
    let mut raw = Raw::connect(broker).await;
    raw.send(format!("CONNECT {{\"verbose\":false,\"user\":\"{name}\",\"pass\":\"{password}\"}}\r\n")).await;
    assert_eq!(raw.fence().await, "");
    raw
}

fn reasons(broker: &Broker) -> Vec<CloseReason> {
    broker.closed_connections().iter().filter_map(|gone| gone.reason).collect()
}

#[test]
fn clients_stay_whose_users_do() {
    run(async {
        let broker = with_users([user("ann", "a"), user("bob", "b"), user("cay", "c")]).start().await.unwrap();
        let mut stays = raw_as(&broker, "ann", "a").await.subscribed("x").await;
        let changed = raw_as(&broker, "bob", "b").await;
        let gone = raw_as(&broker, "cay", "c").await;
        let reloaded = broker.reload(with_users([user("ann", "a"), user("bob", "new")])).await.unwrap();
        assert_eq!(reloaded.changes(), ["authorization users"]);
        assert_eq!(changed.rest().await, "-ERR 'Authorization Violation'\r\n");
        assert_eq!(gone.rest().await, "");
        stays.send("PUB x 2\r\nhi\r\n").await;
        stays.expect("MSG x 1 2\r\nhi\r\n").await;
        eventually("two clients to be gone", || reasons(&broker).len() == 2).await;
        let reasons = reasons(&broker);
        assert!(reasons.contains(&CloseReason::AuthenticationFailure), "{reasons:?}");
        assert!(reasons.contains(&CloseReason::ClientClosed), "{reasons:?}");
        // Whoever comes now meets the new list.
        raw_as(&broker, "bob", "new").await;
    });
}

#[test]
fn rights_are_the_new_ones_at_once() {
    run(async {
        let rights = |publish, subscribe: &[&str]| with_users([limited("ann", publish, subscribe), user("bob", "pw")]);
        let broker = rights("x.>", &["x.>"]).start().await.unwrap();
        let mut client = raw_as(&broker, "ann", "pw").await;
        client.send("SUB x.1 1\r\nSUB x.2 q 2\r\n").await;
        assert_eq!(client.fence().await, "");
        broker.reload(rights("y.>", &["x.1"])).await.unwrap();
        client.expect("-ERR 'Permissions Violation for Subscription to \"x.2\" (sid \"2\")'\r\n").await;
        client.send("PUB x.1 1\r\nx\r\nSUB x.2 3\r\n").await;
        client.expect("-ERR 'Permissions Violation for Publish to \"x.1\"'\r\n").await;
        client.expect("-ERR 'Permissions Violation for Subscription to \"x.2\"'\r\n").await;
        let sender = broker.client_as("bob").unwrap();
        for subject in ["x.2", "x.1"] {
            sender.publish(subject, "m".into()).await.unwrap();
        }
        client.expect("MSG x.1 1 1\r\nm\r\n").await;
    });
}

/// What a subscription asks for and may not have any more is kept from it, although it stays.
#[test]
fn what_is_denied_now_is_not_delivered_any_more() {
    run(async {
        let with = |deny: Vec<&str>| {
            let rules = PermissionRules {
                subscribe: SubjectRules { deny: deny.into_iter().map(Into::into).collect(), ..SubjectRules::default() },
                ..PermissionRules::default()
            };
            with_users([user("ann", "pw").with_permissions(Permissions::new(rules).unwrap())])
        };
        let broker = with(vec![]).start().await.unwrap();
        let options = ConnectOptions::with_user_and_password("ann".into(), "pw".into());
        let client = connect_with(&broker, options).await;
        let mut all = subscribe(&broker, &client, "x.*").await;
        let sender = broker.client();
        sender.publish("x.secret", "1".into()).await.unwrap();
        assert_eq!(next(&mut all).await.payload, "1");
        broker.reload(with(vec!["x.secret"])).await.unwrap();
        sender.publish("x.secret", "2".into()).await.unwrap();
        sender.publish("x.open", "3".into()).await.unwrap();
        assert_eq!(next(&mut all).await.payload, "3");
        assert!(arrived(&mut all).await.is_empty());
    });
}

#[test]
fn in_process_clients_follow_their_users() {
    run(async {
        let broker = with_users([limited("ann", ">", &["x", "y"]), user("bob", "b")]).start().await.unwrap();
        let (ann, bob, free) = (broker.client_as("ann").unwrap(), broker.client_as("bob").unwrap(), broker.client());
        let (mut x, mut y) = (ann.subscribe("x").await.unwrap(), ann.subscribe("y").await.unwrap());
        broker.reload(with_users([limited("ann", "z", &["x"])])).await.unwrap();
        assert!(within("the end of what is not allowed", y.next()).await.is_none());
        assert!(ann.publish("x", "1".into()).await.is_err() && ann.publish("z", "1".into()).await.is_ok());
        assert!(bob.publish("x", "2".into()).await.is_err(), "bob is gone");
        free.publish("x", "3".into()).await.unwrap();
        assert_eq!(next(&mut x).await.payload, "3");
        assert!(broker.client_as("bob").is_err());
    });
}

#[test]
fn logins_begin_and_end_to_be_asked_for() {
    run(async {
        let broker = listening().start().await.unwrap();
        let unnamed = Raw::connect(&broker).await.modern().await;
        broker.reload(with_users([user("ann", "a")])).await.unwrap();
        assert_eq!(unnamed.rest().await, "-ERR 'Authorization Violation'\r\n");
        assert!(broker.server_info().auth_required);
        let ann = raw_as(&broker, "ann", "a").await;
        broker.reload(listening()).await.unwrap();
        assert_eq!(ann.rest().await, "");
        assert!(!broker.server_info().auth_required);
        let mut unnamed = Raw::connect(&broker).await.modern().await;
        broker.reload(with_users([user("ann", "a")]).no_auth_user("ann")).await.unwrap();
        assert_eq!(unnamed.fence().await, "");
        assert_eq!(broker.connections()[0].user, "ann");
    });
}

#[test]
fn limits_hold_for_those_who_are_there() {
    run(async {
        let broker = listening().start().await.unwrap();
        let mut first = Raw::connect(&broker).await.plain().await.subscribed("x").await;
        let mut second = Raw::connect(&broker).await.plain().await.subscribed("x").await;
        let mut third = Raw::connect(&broker).await.plain().await;
        assert_eq!(third.fence().await, "");
        let limits = listening().max_connections(2).max_payload(10).max_control_line(64);
        let reloaded = broker.reload(limits.max_subscriptions(1).ping_interval(Duration::from_secs(60))).await.unwrap();
        let expected = [
            "max_connections = 2",
            "max_subscriptions = 1",
            "ping_interval = 60s",
            "max_control_line = 64",
            "max_payload = 10",
        ];
        assert_eq!(reloaded.changes(), expected);
        assert_eq!(third.rest().await, "-ERR 'maximum connections exceeded'\r\n");
        first.send("SUB y 2\r\n").await;
        first.expect("-ERR 'maximum subscriptions exceeded'\r\n").await;
        first.send("PUB z 11\r\n").await;
        first.expect("-ERR 'Maximum Payload Violation'\r\n").await;
        second.send(format!("PUB {} 1\r\n", "z".repeat(70))).await;
        second.expect("-ERR 'maximum control line exceeded'\r\n").await;
        assert_eq!(broker.server_info().max_payload, 10);
    });
}

#[test]
fn more_subscriptions_than_there_may_be_end_the_client() {
    run(async {
        let broker = listening().start().await.unwrap();
        let mut client = Raw::connect(&broker).await.plain().await;
        client.send("SUB a 1\r\nSUB b 2\r\n").await;
        assert_eq!(client.fence().await, "");
        broker.reload(listening().max_subscriptions(1)).await.unwrap();
        assert_eq!(client.rest().await, "-ERR 'maximum subscriptions exceeded'\r\n");
        eventually("the client to be gone", || reasons(&broker) == [CloseReason::MaximumSubscriptionsExceeded]).await;
    });
}

#[test]
fn what_cannot_change_is_refused_and_nothing_changes() {
    run(async {
        let broker = with_users([user("ann", "a")]).start().await.unwrap();
        let mut ann = raw_as(&broker, "ann", "a").await;
        let other = Broker::builder().listen("127.0.0.1:1").server_name("other").user(user("bob", "b")).max_payload(10);
        let error = broker.reload(other).await.unwrap_err();
        assert!(matches!(&error, ReloadError::Fixed(names) if names == &["server_name", "listen"]), "{error:?}");
        assert_eq!(error.to_string(), "config reload not supported for server_name, listen");
        let twice = with_users([user("bob", "b"), user("bob", "c")]).max_payload(10);
        assert!(matches!(broker.reload(twice).await, Err(ReloadError::Invalid(_))));
        assert!(matches!(broker.reload(listening().ping_max(0)).await, Err(ReloadError::Invalid(_))));
        assert_eq!(ann.fence().await, "");
        assert!(broker.server_info().max_payload > 10);
        broker.shutdown(Duration::from_secs(5)).await;
        assert!(matches!(broker.reload(listening()).await, Err(ReloadError::Stopping)));
    });
}

/// Gives its verdict when the test says so.
struct Slow(parking_lot::Mutex<Option<oneshot::Receiver<()>>>);

impl Authenticator for Slow {
    fn authenticate(&self, _: Login) -> Verdict {
        let verdict = self.0.lock().take();
        Verdict::later(async move {
            match verdict {
                Some(verdict) => verdict.await.map(|()| Identity::new("slow")).map_err(|_| Refused::Credentials),
                None => Err(Refused::Credentials),
            }
        })
    }
}

/// A verdict that is under way when the users change is worth what the new ones make of it.
#[test]
fn who_is_being_judged_meets_the_new_users() {
    run(async {
        let (sender, receiver) = oneshot::channel();
        let slow = Slow(parking_lot::Mutex::new(Some(receiver)));
        let broker = listening().authenticator(slow).start().await.unwrap();
        let mut client = Raw::connect(&broker).await;
        client.send("CONNECT {\"verbose\":false}\r\nPING\r\n").await;
        let reloaded = broker.reload(with_users([user("bob", "b")])).await.unwrap();
        assert_eq!(reloaded.changes(), ["authorization users", "authenticator"]);
        sender.send(()).unwrap();
        assert_eq!(client.rest().await, "-ERR 'Authorization Violation'\r\n");
    });
}
