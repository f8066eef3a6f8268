//! What users may do, in the process and over the wire, by every way that a message takes.

use embus::auth::{Credential, PermissionRules, Permissions, Responses, SubjectRules, User};
use embus::jetstream;
use embus::{Broker, PublishErrorKind, SubscribeErrorKind};
use futures_util::{FutureExt, StreamExt};

use crate::support::{Raw, listening, next, run};

fn user(name: &str, rules: PermissionRules) -> User {
    User::new(Credential::password(name, "x")).with_permissions(Permissions::new(rules).unwrap())
}

fn publisher(name: &str, publish: SubjectRules) -> User {
    user(name, PermissionRules { publish, ..PermissionRules::default() })
}

fn subscriber(name: &str, subscribe: SubjectRules) -> User {
    user(name, PermissionRules { subscribe, ..PermissionRules::default() })
}

async fn start(users: impl IntoIterator<Item = User>) -> Broker {
    users.into_iter().fold(listening(), embus::Builder::user).start().await.unwrap()
}

#[test]
fn an_in_process_client_is_held_to_the_rights_of_its_user() {
    run(async {
        let rules = PermissionRules {
            publish: SubjectRules::allow(["a.*"]),
            subscribe: SubjectRules { allow: Some(vec!["b.>".into()]), deny: vec!["b.secret".into()] },
            responses: None,
        };
        let broker = start([user("u", rules)]).await;
        let (client, all) = (broker.client_as("u").unwrap(), broker.client());
        client.publish("a.b", "".into()).await.unwrap();
        let error = client.publish("c", "".into()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().contains("may not publish")),
            (PublishErrorKind::Send, true),
            "{error}"
        );
        let error = client.subscribe(">").await.map(drop).unwrap_err();
        assert_eq!((error.kind(), error.to_string().contains("may not subscribe")), (SubscribeErrorKind::Other, true));
        let mut subscriber = client.subscribe("b.>").await.unwrap();
        all.publish("b.secret", "hidden".into()).await.unwrap();
        all.publish("b.open", "seen".into()).await.unwrap();
        assert_eq!(next(&mut subscriber).await.payload, "seen");
        assert!(subscriber.next().now_or_never().is_none());
    });
}

#[test]
fn who_may_answer_answers_once_in_the_process_too() {
    run(async {
        let rules = PermissionRules {
            subscribe: SubjectRules::allow(["service"]),
            responses: Some(Responses::default()),
            ..PermissionRules::default()
        };
        let broker = start([user("u", rules)]).await;
        let (service, all) = (broker.client_as("u").unwrap(), broker.client());
        let mut requests = service.subscribe("service").await.unwrap();
        let answer = async {
            let request = next(&mut requests).await;
            let reply = request.reply.unwrap();
            service.publish(reply.clone(), "yes".into()).await.unwrap();
            assert!(service.publish(reply, "yes".into()).await.is_err());
        };
        let (response, ()) = tokio::join!(all.request("service", "?".into()), answer);
        assert_eq!(response.unwrap().payload, "yes");
        assert!(service.publish("other", "".into()).await.is_err());
    });
}

/// Republished, taken from a stream by a consumer, got directly: what is denied does not come by another way.
#[test]
fn what_is_denied_comes_by_no_way() {
    run(async {
        let broker = start([subscriber("u", SubjectRules::deny(["secret.>"]))]).await;
        let context = jetstream::new(broker.client());
        let config = jetstream::stream::Config {
            name: "S".into(),
            subjects: vec!["in.*".into()],
            allow_direct: true,
            republish: Some(jetstream::stream::Republish {
                source: "in.*".into(),
                destination: "secret.again.{{wildcard(1)}}".into(),
                headers_only: false,
            }),
            ..Default::default()
        };
        let stream = context.create_stream(config).await.unwrap();
        let mut raw = Raw::connect(&broker).await;
        raw.send("CONNECT {\"verbose\":false,\"user\":\"u\",\"pass\":\"x\"}\r\nSUB *.*.* 1\r\nSUB *.* q 2\r\n").await;
        assert_eq!(raw.fence().await, "");
        context.publish("in.a", "1".into()).await.unwrap().await.unwrap();
        // Live, it may have it.
        assert!(raw.fence().await.starts_with("MSG in.a 2"));
        let push = jetstream::consumer::push::Config { deliver_subject: "secret.push".into(), ..Default::default() };
        stream.create_consumer(push).await.unwrap();
        broker
            .client()
            .publish_with_reply("$JS.API.DIRECT.GET.S", "secret.direct", r#"{"seq":1}"#.into())
            .await
            .unwrap();
        let seen = raw.fence().await;
        // It listens to inboxes, too.
        let secrets: Vec<_> =
            seen.lines().filter(|line| line.contains("MSG secret.") || line.contains("MSG in.")).collect();
        assert!(secrets.is_empty(), "{secrets:?}");
    });
}

#[test]
fn calls_that_skip_the_protocol_need_the_whole_api() {
    run(async {
        let users = [
            publisher("some", SubjectRules::allow(["$JS.API.STREAM.>", "_INBOX.>"])),
            publisher("most", SubjectRules::deny(["$JS.API.STREAM.DELETE.*"])),
            publisher("every", SubjectRules::allow(["$JS.>"])),
        ];
        let broker = start(users).await;
        jetstream::new(broker.client()).create_stream("S").await.unwrap();
        for name in ["some", "most"] {
            let context = jetstream::new(broker.client_as(name).unwrap());
            assert!(context.get_stream("S").await.is_err(), "{name}");
            // By the protocol it is asked subject by subject.
            let info: serde_json::Value = context.request("STREAM.INFO.S", &()).await.unwrap();
            assert_eq!(info["config"]["name"], "S");
            assert!(
                context.request::<_, _, serde_json::Value>("CONSUMER.LIST.S", &()).await.is_err() == (name == "some")
            );
        }
        let context = jetstream::new(broker.client_as("every").unwrap());
        context.get_stream("S").await.unwrap();
    });
}

#[test]
fn streams_are_out_of_reach_of_other_accounts() {
    run(async {
        let bob = User::new(Credential::password("bob", "x")).in_account("B");
        let broker = listening().user(bob).account("B").start().await.unwrap();
        let stream = jetstream::stream::Config { name: "S".into(), subjects: vec!["s".into()], ..Default::default() };
        let stream = jetstream::new(broker.client()).create_stream(stream).await.unwrap();
        let stranger = jetstream::new(broker.client_as("bob").unwrap());
        assert!(stranger.get_stream("S").await.is_err());
        let answer: serde_json::Value = stranger.request("STREAM.INFO.S", &()).await.unwrap();
        assert_eq!(answer["error"]["err_code"], 10039);
        broker.client_as("bob").unwrap().publish("s", "x".into()).await.unwrap();
        assert_eq!(stream.get_info().await.unwrap().state.messages, 0);
    });
}

/// The broker answers on the reply's subject: it would send what the client must not.
#[test]
fn no_answer_of_the_broker_goes_where_the_client_may_not_publish() {
    run(async {
        let rules = PermissionRules {
            publish: SubjectRules::allow(["$JS.ACK.S.>", "$JS.API.CONSUMER.MSG.NEXT.S.C", "$JS.API.DIRECT.GET.S"]),
            ..PermissionRules::default()
        };
        let broker = start([user("u", rules)]).await;
        let context = jetstream::new(broker.client());
        let config = jetstream::stream::Config {
            name: "S".into(),
            subjects: vec!["s".into()],
            allow_direct: true,
            ..Default::default()
        };
        let stream = context.create_stream(config).await.unwrap();
        let durable = jetstream::consumer::pull::Config { durable_name: Some("C".into()), ..Default::default() };
        let consumer = stream.create_consumer(durable).await.unwrap();
        context.publish("s", "secret".into()).await.unwrap().await.unwrap();
        consumer.fetch().messages().await.unwrap().next().await.unwrap().unwrap();
        let mut raw = Raw::connect(&broker).await;
        raw.send("CONNECT {\"user\":\"u\",\"pass\":\"x\",\"verbose\":false,\"headers\":true}\r\nSUB in.* 1\r\n").await;
        for (subject, body) in [
            ("$JS.ACK.S.C.1.1.1.1.0", ""),
            ("$JS.API.CONSUMER.MSG.NEXT.S.C", r#"{"expires":-1}"#),
            ("$JS.API.DIRECT.GET.S", r#"{"seq":1}"#),
        ] {
            for reply in ["$JS.API.STREAM.DELETE.S", "elsewhere"] {
                raw.send(format!("PUB {subject} {reply} {}\r\n{body}\r\n", body.len())).await;
                let line = raw.line().await;
                assert_eq!(line, format!("-ERR 'Permissions Violation for Publish with Reply of \"{reply}\"'\r\n"));
            }
        }
        raw.send("PUB $JS.API.DIRECT.GET.S in.1 9\r\n{\"seq\":1}\r\n").await;
        assert!(raw.fence().await.contains("secret"), "where it listens it is answered");
        assert!(context.get_stream("S").await.is_ok());
    });
}
