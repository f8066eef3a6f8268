//! TLS on listeners: when the handshake comes, who is let in, and what happens to files.

mod clients;
mod files;
mod hostile;
mod modes;

use std::time::Duration;

use async_nats::ConnectOptions;
use embus::tls::TlsConfig;
use embus::tls::rustls::ALL_VERSIONS;
use embus::{Broker, Builder};
use tokio::net::TcpStream;

use crate::support::{Authority, Raw, connect_with, next, shake_hands, subscribe};

/// A broker's own certificate.
fn own(authority: &Authority) -> TlsConfig {
    let pair = authority.server();
    // Machines that run many tests at once are slow.
    TlsConfig::from_pem(pair.certificate, pair.key).timeout(Duration::from_secs(8))
}

async fn secured(authority: &Authority, change: impl FnOnce(TlsConfig) -> TlsConfig) -> Broker {
    start(Broker::builder().listen("127.0.0.1:0").tls(change(own(authority)))).await
}

async fn start(builder: Builder) -> Broker {
    builder.start().await.expect("certificates that fit")
}

fn trusting(authority: &Authority) -> ConnectOptions {
    ConnectOptions::new().add_root_certificates(authority.path())
}

/// An official client works as with any other server.
async fn echoes(broker: &Broker, options: ConnectOptions) {
    let client = connect_with(broker, options).await;
    let mut subscriber = subscribe(broker, &client, "echo").await;
    // More than one record each way.
    let payload = bytes::Bytes::from("0123456789".repeat(10_000));
    client.publish("echo", payload.clone()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload, payload);
}

/// INFO in the clear, then the handshake.
async fn upgraded(broker: &Broker, authority: &Authority) -> Raw {
    let (plain, info) = greeted(broker).await;
    assert!(info.starts_with("INFO {"), "{info}");
    let stream = shake_hands(plain, authority.trust(None, ALL_VERSIONS)).await.unwrap();
    Raw::over(stream).plain().await
}

/// A connection and the line of INFO.
async fn greeted(broker: &Broker) -> (TcpStream, String) {
    use tokio::io::AsyncReadExt;
    let mut stream = TcpStream::connect(broker.local_addr().unwrap()).await.unwrap();
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(crate::support::within("INFO", stream.read_u8()).await.unwrap());
    }
    (stream, String::from_utf8(line).unwrap())
}
