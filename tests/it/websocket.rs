//! The protocol in frames of WebSocket.

mod agreed;
mod hostile;
mod mounted;

use std::net::SocketAddr;

use async_nats::ConnectOptions;
use embus::auth::{ConnectionType, Credential, User};
use embus::statistics::ConnectionKind;
use embus::tls::TlsConfig;
use embus::websocket::{Cookies, WebSocketConfig};
use embus::{Broker, Builder};

use crate::support::{Authority, Frames, connect, eventually, next, run, subscribe, upgrade_request};

fn listening(config: WebSocketConfig) -> Builder {
    Broker::builder().listen("127.0.0.1:0").listen_websocket("127.0.0.1:0", config)
}

async fn start(config: WebSocketConfig) -> Broker {
    listening(config).start().await.expect("a free port is free")
}

fn address(broker: &Broker) -> SocketAddr {
    broker.websocket_addrs()[0]
}

async fn connect_ws(broker: &Broker, options: ConnectOptions) -> async_nats::Client {
    options.connect(broker.websocket_url().unwrap()).await.expect("the broker accepts clients")
}

#[test]
fn official_clients_meet_those_on_tcp() {
    run(async {
        let broker = start(WebSocketConfig::new()).await;
        let (web, tcp) = (connect_ws(&broker, ConnectOptions::new()).await, connect(&broker).await);
        let mut on_web = subscribe(&broker, &web, "to.web").await;
        let mut on_tcp = subscribe(&broker, &tcp, "to.tcp").await;
        for size in [0, 1, 125, 126, 4096, 65_535, 65_536, 1_000_000] {
            let payload = bytes::Bytes::from(vec![b'x'; size]);
            tcp.publish("to.web", payload.clone()).await.unwrap();
            assert!(next(&mut on_web).await.payload == payload, "{size} bytes to the web");
            web.publish("to.tcp", payload.clone()).await.unwrap();
            assert!(next(&mut on_tcp).await.payload == payload, "{size} bytes from the web");
        }
        let info = web.server_info();
        assert_eq!((info.port, info.tls_required), (address(&broker).port(), false));
        let kinds: Vec<_> = broker.connections().iter().map(|known| known.kind).collect();
        assert!(kinds.contains(&ConnectionKind::WebSocket) && kinds.contains(&ConnectionKind::Tcp), "{kinds:?}");
    });
}

#[test]
fn many_messages_come_in_their_order() {
    const COUNT: usize = 20_000;
    run(async {
        let broker = start(WebSocketConfig::new()).await;
        let web = connect_ws(&broker, ConnectOptions::new()).await;
        let mut subscriber = subscribe(&broker, &web, "many").await;
        let publisher = connect_ws(&broker, ConnectOptions::new()).await;
        let publishing = async {
            for number in 0..COUNT {
                publisher.publish("many", number.to_string().into()).await.unwrap();
            }
        };
        let reading = async {
            for number in 0..COUNT {
                assert_eq!(next(&mut subscriber).await.payload, number.to_string());
            }
        };
        tokio::join!(publishing, reading);
    });
}

#[test]
fn tls_comes_before_all() {
    run(async {
        let authority = Authority::new();
        let pair = authority.server();
        let broker = start(WebSocketConfig::new().tls(TlsConfig::from_pem(pair.certificate, pair.key))).await;
        assert!(broker.websocket_url().unwrap().starts_with("wss://"));
        assert!(broker.client_url().unwrap().starts_with("nats://"));
        let config = authority.trust(None, embus::tls::rustls::ALL_VERSIONS);
        let stream = crate::support::connect_tls(address(&broker), config).await.unwrap();
        let (mut frames, head) = Frames::ask_over(stream, &upgrade_request("")).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let info = frames.line().await;
        assert!(info.contains(r#""tls_required":true"#), "{info}");
        frames.fence().await;
        assert!(broker.connections()[0].tls.is_some());
    });
}

#[test]
fn users_may_be_bound_to_it() {
    run(async {
        let user = |name: &str, way| User::new(Credential::password(name, "pw")).connecting_as([way]);
        let builder = listening(WebSocketConfig::new());
        let builder = builder.user(user("web", ConnectionType::WebSocket)).user(user("tcp", ConnectionType::Standard));
        let broker = builder.start().await.unwrap();
        let as_user = |name: &str| ConnectOptions::with_user_and_password(name.into(), "pw".into());
        let (web, tcp) = (broker.websocket_url().unwrap(), broker.client_url().unwrap());
        assert!(as_user("web").connect(&web).await.is_ok() && as_user("tcp").connect(&tcp).await.is_ok());
        assert!(as_user("web").connect(&tcp).await.is_err() && as_user("tcp").connect(&web).await.is_err());
    });
}

#[test]
fn cookies_say_who_a_client_is() {
    run(async {
        let cookies = Cookies { user: Some("u".into()), password: Some("p".into()), ..Cookies::default() };
        let builder = listening(WebSocketConfig::new().cookies(cookies));
        let user = |name: &str| User::new(Credential::password(name, "s3cret"));
        let broker = builder.user(user("joe")).user(user("ann")).start().await.unwrap();
        let logged_in = async |cookie: &str, connect: &str| {
            let (mut frames, _) = Frames::ask(address(&broker), &upgrade_request(cookie)).await;
            assert!(frames.line().await.starts_with("INFO "));
            frames.say(&format!("CONNECT {{\"verbose\":false{connect}}}\r\nPING\r\n")).await;
            (frames.line().await, broker.connections().last().map(|known| known.user.clone()))
        };
        let good = "Cookie: u=joe; p=s3cret\r\n";
        assert_eq!(logged_in(good, "").await, ("PONG\r\n".into(), Some("joe".into())));
        let (line, user) = logged_in(good, r#","user":"ann","pass":"s3cret""#).await;
        assert_eq!((line.as_str(), user.as_deref()), ("PONG\r\n", Some("ann")));
        for bad in ["", "Cookie: u=joe\r\n", "Cookie: u=joe; p=x\r\n", "Cookie: user=joe; pass=s3cret\r\n"] {
            assert_eq!(logged_in(bad, "").await.0, "-ERR 'Authorization Violation'\r\n", "{bad}");
        }
    });
}

#[test]
fn a_proxy_tells_where_a_client_is() {
    run(async {
        let broker = start(WebSocketConfig::new()).await;
        let request = upgrade_request("X-Forwarded-For: 203.0.113.9, 10.0.0.1\r\n");
        let (mut frames, _) = Frames::ask(address(&broker), &request).await;
        let info = frames.line().await;
        assert!(info.contains(r#""client_ip":"203.0.113.9""#), "{info}");
        assert_eq!(broker.connections()[0].ip, "203.0.113.9");
        let (mut frames, _) = Frames::ask(address(&broker), &upgrade_request("X-Forwarded-For: nonsense\r\n")).await;
        assert!(frames.line().await.contains(r#""client_ip":"127.0.0.1""#));
    });
}

#[test]
fn the_end_is_said_with_its_reason() {
    run(async {
        let broker = start(WebSocketConfig::new()).await;
        let close = |code: u16, reason: &str| [&code.to_be_bytes()[..], reason.as_bytes()].concat();
        let mut frames = Frames::connect(address(&broker)).await;
        frames.say("FOO\r\n").await;
        let rest = frames.rest().await;
        assert_eq!(rest[0].payload, b"-ERR 'Unknown Protocol Operation'\r\n");
        assert_eq!((rest[1].first, &rest[1].payload), (0x88, &close(1002, "Parse Error")));
        let frames = Frames::connect(address(&broker)).await;
        broker.shutdown(crate::support::STOP_DEADLINE).await;
        let rest = frames.rest().await;
        assert_eq!(rest.last().unwrap().payload, close(1001, "Server Shutdown"));
    });
}

#[test]
fn pings_and_ends_are_answered() {
    run(async {
        let broker = start(WebSocketConfig::new()).await;
        let mut frames = Frames::connect(address(&broker)).await;
        frames.send(&crate::support::masked(0x89, b"there?")).await;
        let pong = frames.frame().await.unwrap();
        assert_eq!((pong.first, pong.payload.as_slice()), (0x8a, b"there?".as_slice()));
        // A message in parts, with a ping between them, in a text.
        let parts = [(0x01, &b"PI"[..]), (0x89, b""), (0x00, b"NG"), (0x80, b"\r\n")];
        for (first, payload) in parts {
            frames.send(&crate::support::masked(first, payload)).await;
        }
        assert_eq!(frames.frame().await.unwrap().first, 0x8a);
        assert_eq!(frames.line().await, "PONG\r\n");
        frames.send(&crate::support::masked(0x88, &[0x03, 0xe8, b'b', b'y', b'e'])).await;
        let rest = frames.rest().await;
        assert_eq!(
            (rest.len(), rest[0].first, rest[0].payload.as_slice()),
            (1, 0x88, &[0x03, 0xe8, b'b', b'y', b'e'][..])
        );
        eventually("the client is gone", || broker.connections().is_empty()).await;
    });
}
