//! The broker on a program's own HTTP port.

use async_nats::ConnectOptions;
use embus::Broker;
use embus::statistics::ConnectionKind;
use embus::websocket::{WebSocketConfig, axum_handler};
use std::net::SocketAddr;

use crate::support::{Frames, next, run, subscribe, upgrade_request};

async fn mounted(broker: &Broker) -> SocketAddr {
    let app = axum::Router::new()
        .route("/nats", axum_handler(broker, WebSocketConfig::new().compression(true)))
        .route("/other", axum::routing::get(async || "the program's own"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

#[test]
fn clients_come_in_by_a_route() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let address = mounted(&broker).await;
        let client = ConnectOptions::new().connect(format!("ws://{address}/nats")).await.unwrap();
        let mut subscriber = subscribe(&broker, &client, "a").await;
        broker.client().publish("a", "hello".into()).await.unwrap();
        assert_eq!(next(&mut subscriber).await.payload, "hello");
        let known = broker.connections().into_iter().find(|known| known.kind == ConnectionKind::WebSocket).unwrap();
        assert_eq!(known.ip, "127.0.0.1");
    });
}

#[test]
fn what_is_no_upgrade_is_turned_down_and_the_rest_is_the_programs() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let address = mounted(&broker).await;
        let request = upgrade_request("").replace("/any", "/nats");
        let (mut frames, head) = Frames::ask(address, &request).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(frames.line().await.starts_with("INFO "));
        let (_, head) = Frames::ask(address, &request.replace("Version: 13", "Version: 12")).await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
        let (_, head) = Frames::ask(address, "GET /other HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        // A broker that has stopped takes nobody any more, and says the end to those who are there.
        broker.shutdown(crate::support::STOP_DEADLINE).await;
        assert_eq!(frames.rest().await.last().unwrap().first, 0x88);
    });
}
