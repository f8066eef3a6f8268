//! Accounts change while clients are in them.

use embus::auth::{Account, ClientLimits, Export, Import, Mapping};

use super::{listening, user};
use crate::support::{next, run};

#[test]
fn accounts_come_and_share_and_stop_sharing() {
    run(async {
        let exporter = || {
            listening().user(user("ann", "a").in_account("A")).account(Account::new("A").export(Export::stream("s.>")))
        };
        let both = |import: &str| {
            let importer = Account::new("B").import(Import::stream("A", import));
            exporter().account(importer).user(user("bob", "b").in_account("B"))
        };
        let broker = exporter().start().await.unwrap();
        let ann = broker.client_as("ann").unwrap();
        assert_eq!(broker.reload(both("s.1")).await.unwrap().changes(), ["authorization users", "accounts"]);
        let bob = broker.client_as("bob").unwrap();
        let mut heard = bob.subscribe("s.*").await.unwrap();
        let publish = async |subject: &'static str| ann.publish(subject, subject.into()).await.unwrap();
        publish("s.2").await;
        publish("s.1").await;
        assert_eq!(next(&mut heard).await.payload, "s.1");
        broker.reload(both("s.2")).await.unwrap();
        publish("s.1").await;
        publish("s.2").await;
        assert_eq!(next(&mut heard).await.payload, "s.2");
        let bad = both("s.2").account(Account::new("C").import(Import::stream("A", "private")));
        assert!(broker.reload(bad).await.is_err());
        publish("s.2").await;
        assert_eq!(next(&mut heard).await.payload, "s.2");
        broker.reload(exporter()).await.unwrap();
        assert!(bob.publish("x", "".into()).await.is_err(), "its user is gone");
        assert!(ann.publish("x", "".into()).await.is_ok());
    });
}

#[test]
fn services_stay_while_others_change() {
    run(async {
        let with = |more: Option<Import>| {
            let exports = Account::new("A").export(Export::service("ask")).export(Export::stream("s"));
            let importer =
                more.into_iter().fold(Account::new("B").import(Import::service("A", "ask")), Account::import);
            let users = [user("ann", "a").in_account("A"), user("bob", "b").in_account("B")];
            users.into_iter().fold(listening().account(exports).account(importer), embus::Builder::user)
        };
        let broker = with(None).start().await.unwrap();
        let (ann, bob) = (broker.client_as("ann").unwrap(), broker.client_as("bob").unwrap());
        let mut asked = ann.subscribe("ask").await.unwrap();
        let waiting = tokio::spawn(async move { bob.request("ask", "?".into()).await.unwrap().payload });
        let question = next(&mut asked).await;
        broker.reload(with(Some(Import::stream("A", "s")))).await.unwrap();
        ann.publish(question.reply.unwrap(), "!".into()).await.unwrap();
        assert_eq!(waiting.await.unwrap(), "!");
    });
}

#[test]
fn mappings_and_limits_change() {
    run(async {
        let with = |account: Account| listening().account(account).user(user("ann", "a").in_account("A"));
        let broker = with(Account::new("A")).start().await.unwrap();
        let ann = broker.client_as("ann").unwrap();
        let mut all = ann.subscribe(">").await.unwrap();
        let mapped = Account::new("A").map(Mapping::new("a", "b"));
        let small = ClientLimits { max_payload: Some(5), ..ClientLimits::default() };
        broker.reload(with(mapped.clients(small))).await.unwrap();
        ann.publish("a", "1".into()).await.unwrap();
        assert_eq!(next(&mut all).await.subject.as_str(), "b");
        assert!(ann.publish("a", "123456".into()).await.is_err());
        broker.reload(with(Account::new("A"))).await.unwrap();
        ann.publish("a", "123456".into()).await.unwrap();
        assert_eq!(next(&mut all).await.subject.as_str(), "a");
    });
}
