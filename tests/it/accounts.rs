//! Accounts over the wire and in the process: streams of their own, what they share, what they may.

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream;
use async_nats::{ConnectOptions, RequestErrorKind};
use embus::auth::{Account, ClientLimits, Credential, Export, Import, JetStreamLimits, Mapping, ResponseType, User};
use embus::{Broker, Builder, jetstream};
use futures_util::StreamExt;

use crate::support::{STOP_DEADLINE, connect_with, listening, next, run, subscribe, text, within};

/// A broker with these accounts, and in each a user of its name.
fn with_accounts(accounts: impl IntoIterator<Item = Account>, names: &[&str]) -> Builder {
    let builder = accounts.into_iter().fold(listening(), Builder::account);
    let user = |name: &str| User::new(Credential::password(name, "x")).in_account(name);
    names.iter().map(|name| user(name)).fold(builder, Builder::user)
}

async fn client(broker: &Broker, account: &str) -> async_nats::Client {
    connect_with(broker, ConnectOptions::with_user_and_password(account.into(), "x".into())).await
}

fn with_streams(name: &str) -> Account {
    Account::new(name).jetstream(JetStreamLimits::default())
}

fn config(name: &str, subject: &str) -> stream::Config {
    stream::Config { name: name.into(), subjects: vec![subject.into()], ..Default::default() }
}

#[test]
fn each_account_has_streams_and_buckets_of_its_own() {
    run(async {
        let store = tempfile::tempdir().unwrap();
        let start = || with_accounts([with_streams("A"), with_streams("B/..")], &["A", "B/.."]).store_dir(store.path());
        let broker = start().start().await.unwrap();
        for (account, count) in [("A", 1), ("B/..", 2)] {
            let context = async_nats::jetstream::new(client(&broker, account).await);
            context.create_stream(config("S", "s")).await.unwrap();
            for _ in 0..count {
                context.publish("s", account.to_owned().into()).await.unwrap().await.unwrap();
            }
        }
        let users = jetstream::new(broker.client_as("A").unwrap());
        let bucket = users.create_key_value(jetstream::kv::Config { bucket: "K".into(), ..Default::default() }).await;
        bucket.unwrap().put("k", "a".into()).await.unwrap();
        let others = jetstream::new(broker.client_as("B/..").unwrap());
        assert!(others.get_key_value("K").await.is_err());
        assert_eq!(others.query_account().await.unwrap().streams, 1);
        assert!(jetstream::new(broker.client()).get_stream("S").await.is_err());
        broker.shutdown(STOP_DEADLINE).await;

        let broker = start().start().await.unwrap();
        for (account, count) in [("A", 1), ("B/..", 2)] {
            let context = jetstream::new(broker.client_as(account).unwrap());
            let mut stream = context.get_stream("S").await.unwrap();
            assert_eq!(stream.info().await.unwrap().state.messages, count, "{account}");
        }
        let context = jetstream::new(broker.client_as("A").unwrap());
        assert_eq!(context.get_key_value("K").await.unwrap().get("k").await.unwrap().unwrap(), "a");
    });
}

#[test]
fn an_account_without_streams_has_none() {
    run(async {
        let broker = with_accounts([Account::new("A")], &["A"]).start().await.unwrap();
        let context = async_nats::jetstream::new(client(&broker, "A").await);
        let error = context.query_account().await.unwrap_err();
        assert!(error.to_string().contains("not enabled for account"), "{error}");
        assert!(jetstream::new(broker.client_as("A").unwrap()).query_account().await.is_err());
        assert!(jetstream::new(broker.client()).query_account().await.is_ok());
        let off = listening().jetstream(false).account(with_streams("A")).start().await;
        assert!(off.unwrap_err().to_string().contains("JetStream is off"));
    });
}

#[test]
fn a_service_is_asked_from_another_account() {
    run(async {
        let a = Account::new("A").export(Export::service("svc.*"));
        let b = Account::new("B").import(Import::service("A", "svc.*").local("ask.*"));
        let broker = with_accounts([a, b], &["A", "B"]).start().await.unwrap();
        let (service, wire) = (client(&broker, "A").await, client(&broker, "B").await);
        let local = broker.client_as("B").unwrap();
        let error = wire.request("ask.1", "".into()).await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::NoResponders);
        assert_eq!(local.request("ask.1", "".into()).await.unwrap_err().kind(), embus::RequestErrorKind::NoResponders);
        let mut requests = subscribe(&broker, &service, "svc.>").await;
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let info = request.headers.unwrap().get("Nats-Request-Info").unwrap().to_string();
                service.publish(request.reply.unwrap(), format!("{} {info}", request.subject).into()).await.unwrap();
            }
        });
        let answer = within("an answer", wire.request("ask.1", "".into())).await.unwrap();
        assert!(text(&answer.payload).starts_with("svc.1 {\"acc\":\"B\""), "{answer:?}");
        let answer = within("an answer", local.request("ask.2", "".into())).await.unwrap();
        assert!(text(&answer.payload).starts_with("svc.2 {\"acc\":\"B\""), "{answer:?}");
    });
}

#[test]
fn streams_of_another_account_are_read_by_imports() {
    run(async {
        let service = |subject: &str| Export::service(subject).responses(ResponseType::Stream);
        let a =
            with_streams("A").export(service("$JS.API.>")).export(service("$JS.ACK.>")).export(Export::stream("to.>"));
        let b = Account::new("B")
            .import(Import::service("A", "$JS.API.>").local("js.API.>"))
            .import(Import::service("A", "$JS.ACK.>"))
            .import(Import::stream("A", "to.>"));
        let broker = with_accounts([a, b], &["A", "B"]).start().await.unwrap();
        let owner = async_nats::jetstream::new(client(&broker, "A").await);
        owner.create_stream(config("S", "s.*")).await.unwrap();
        for number in 1..=3 {
            owner.publish(format!("s.{number}"), number.to_string().into()).await.unwrap().await.unwrap();
        }
        let reader = client(&broker, "B").await;
        let context = async_nats::jetstream::with_prefix(reader.clone(), "js.API");
        let stream = context.get_stream("S").await.unwrap();
        let durable = pull::Config { durable_name: Some("D".into()), ..Default::default() };
        let consumer = stream.create_consumer(durable).await.unwrap();
        let mut messages = consumer.fetch().max_messages(3).messages().await.unwrap();
        for number in 1..=3 {
            let message = within("a message", messages.next()).await.unwrap().unwrap();
            assert_eq!(message.subject.as_str(), format!("s.{number}"));
            message.double_ack().await.unwrap();
        }
        let mut same = owner.get_consumer_from_stream::<pull::Config, _, _>("D", "S").await.unwrap();
        assert_eq!(same.info().await.unwrap().ack_floor.stream_sequence, 3);

        // A push consumer delivers as soon as somebody over there listens.
        let mut pushed = reader.subscribe("to.b").await.unwrap();
        reader.flush().await.unwrap();
        let push =
            async_nats::jetstream::consumer::push::Config { deliver_subject: "to.b".into(), ..Default::default() };
        owner.get_stream("S").await.unwrap().create_consumer(push).await.unwrap();
        assert_eq!(next(&mut pushed).await.payload, "1");
    });
}

#[test]
fn messages_in_the_process_are_mapped_and_imported() {
    run(async {
        let a = Account::new("A").map(Mapping::new("old.*", "new.$1")).export(Export::stream("new.>"));
        let b = Account::new("B").import(Import::stream("A", "new.>").with_prefix("a"));
        let broker = with_accounts([a, b], &["A", "B"]).start().await.unwrap();
        let (publisher, local) = (broker.client_as("A").unwrap(), broker.client_as("B").unwrap());
        let mut in_process = local.subscribe("a.>").await.unwrap();
        let wire = client(&broker, "B").await;
        let mut over_wire = subscribe(&broker, &wire, "a.>").await;
        publisher.publish("old.1", "x".into()).await.unwrap();
        assert_eq!(next(&mut in_process).await.subject.as_str(), "a.new.1");
        assert_eq!(next(&mut over_wire).await.subject.as_str(), "a.new.1");
    });
}

#[test]
fn what_accounts_are_told_has_to_go_together() {
    run(async {
        let importing = |import: Import| Account::new("B").import(import);
        for (accounts, part) in [
            (vec![Account::new("A"), Account::new("A")], "declared twice"),
            (vec![Account::new("A"), importing(Import::stream("A", "x"))], "not authorized"),
            (vec![importing(Import::stream("Z", "x"))], "does not exist"),
            (vec![Account::new("A").map(Mapping::new("a", "b.$1"))], "wildcard index out of range"),
            (vec![with_streams("$SYS")], "can not have streams"),
        ] {
            let error = with_accounts(accounts, &[]).start().await.unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    });
}

#[test]
fn limits_of_an_account_are_for_its_clients() {
    run(async {
        let limits = ClientLimits { max_connections: Some(1), max_payload: Some(10), max_subscriptions: Some(1) };
        let broker = with_accounts([Account::new("A").clients(limits)], &["A", "A2"]);
        let broker = broker.account("A2").start().await.unwrap();
        let first = client(&broker, "A").await;
        let url = broker.client_url().unwrap();
        let options = || ConnectOptions::with_user_and_password("A".into(), "x".into());
        assert!(options().connect(&url).await.is_err());
        let local = broker.client_as("A").unwrap();
        let _only = local.subscribe("a").await.unwrap();
        assert!(local.subscribe("b").await.is_err());
        assert!(local.publish("a", vec![0; 11].into()).await.is_err());
        drop(first);
        within("a free place", async {
            while Box::pin(options().connect(&url)).await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        client(&broker, "A2").await;
    });
}
