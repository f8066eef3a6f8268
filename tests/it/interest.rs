//! `wait_for_interest`: the event between a subscription and the first publish.

use std::pin::pin;

use futures_util::FutureExt;

use crate::support::{Raw, connect, run, run_in_virtual_time, start, virtual_time, within};

#[test]
fn it_waits_for_a_matching_filter_and_no_other() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let client = broker.client();
        let mut wait = pin!(broker.wait_for_interest("a.b"));
        assert!(wait.as_mut().now_or_never().is_none());
        let _others = [
            client.subscribe("a.c").await.unwrap(),
            client.subscribe("a").await.unwrap(),
            client.subscribe("a.b.>").await.unwrap(),
        ];
        assert!(wait.as_mut().now_or_never().is_none());
        let _wanted = client.subscribe("a.*").await.unwrap();
        within("interest", wait).await;
        // What is there already needs no waiting.
        assert!(broker.wait_for_interest("a.b").now_or_never().is_some());
    });
}

#[test]
fn all_who_wait_are_told() {
    run(async {
        let broker = start().await;
        let waiting: Vec<_> = (0..20)
            .map(|number| {
                let broker = broker.clone();
                tokio::spawn(async move { broker.wait_for_interest(format!("many.{number}")).await })
            })
            .collect();
        let client = connect(&broker).await;
        let _subscriber = client.subscribe("many.*").await.unwrap();
        for wait in waiting {
            within("interest", wait).await.unwrap();
        }
    });
}

#[test]
fn one_task_may_wait_for_many_subjects() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let client = broker.client();
        let both = async { tokio::join!(broker.wait_for_interest("x"), broker.wait_for_interest("y")) };
        let subscribing = async {
            tokio::task::yield_now().await;
            let x = client.subscribe("x").await.unwrap();
            tokio::task::yield_now().await;
            (x, client.subscribe("y").await.unwrap())
        };
        within("interest in both", async { tokio::join!(both, subscribing) }).await;
    });
}

#[test]
fn it_may_be_given_up() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        for _ in 0..100 {
            assert!(broker.wait_for_interest("later").now_or_never().is_none());
        }
        let _raw = Raw::duplex(&broker).await.plain().await.subscribed("later").await;
        within("interest", broker.wait_for_interest("later")).await;
    });
}

#[test]
fn interest_ends_with_its_subscription() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let subscriber = broker.client().subscribe("brief").await.unwrap();
        assert!(broker.wait_for_interest("brief").now_or_never().is_some());
        drop(subscriber);
        assert!(broker.wait_for_interest("brief").now_or_never().is_none());
    });
}
