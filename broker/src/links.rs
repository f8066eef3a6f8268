//! The ports for other servers, leaf nodes and routes: they greet as nats-server does, and refuse every peer in words, as
//! there are no links yet. Harnesses and clients look for the ports of a lone server, too.
//!
//! What a stranger can cost is bounded: peers at a time, bytes of its first line, time for it.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use embus_protocol::error::ClientError;
use embus_protocol::info::ServerInfo;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::listener::TcpAcceptor;
use crate::shell::Shell;

/// Which kind of server connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Leaf,
    Route,
}

/// Peers that are being refused at one time; more wait in the kernel's accept queue.
const MAX_PEERS: usize = 64;
/// A first line may have a JWT in it. [nats-server: 16 times `max_control_line`]
const MAX_LINE_BYTES: usize = 64 * 1024;
/// [nats-server: `auth_timeout`]
const TIMEOUT: Duration = Duration::from_secs(2);
/// Time for the peer to read why it is refused.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// The level of the protocol between servers that INFO speaks of. [reference §2.1]
const PROTOCOL: i8 = 3;

/// Accepts and refuses until dropped.
pub(crate) async fn serve(acceptor: TcpAcceptor, kind: Link, shell: Arc<Shell>) {
    let peers = Arc::new(Semaphore::new(MAX_PEERS));
    let host = acceptor.told.host.clone();
    let port = acceptor.local_addr.port();
    loop {
        // It is never closed.
        let Ok(slot) = Arc::clone(&peers).acquire_owned().await else { return };
        let Some((stream, _)) = acceptor.accept().await else { continue };
        let info = greeting(kind, &shell.engine.info(), &host, port);
        shell.tasks.spawn_until_stop(async move {
            refuse(stream, kind, &info).await;
            drop(slot);
        });
    }
}

/// INFO of a port for servers. [reference §2.1]
#[derive(Debug, Serialize)]
struct Greeting<'a> {
    server_id: &'a str,
    server_name: &'a str,
    version: &'a str,
    proto: i8,
    go: &'a str,
    host: &'a str,
    port: u16,
    headers: bool,
    auth_required: bool,
    max_payload: usize,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    jetstream: bool,
    client_id: u64,
    nonce: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
    compression: &'static str,
    /// A list on the port for leaf nodes: that is how a peer knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    leafnode_urls: Option<[String; 1]>,
}

fn greeting(kind: Link, info: &ServerInfo, host: &str, port: u16) -> String {
    let url = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let greeting = Greeting {
        server_id: &info.server_id,
        server_name: &info.server_name,
        version: &info.version,
        proto: PROTOCOL,
        go: &info.go,
        host,
        port,
        headers: true,
        // Nobody gets further without a CONNECT.
        auth_required: true,
        max_payload: info.max_payload,
        jetstream: info.jetstream,
        client_id: 1,
        nonce: BASE64URL_NOPAD.encode(&StdRng::from_os_rng().random::<[u8; 11]>()),
        cluster: info.cluster.as_deref(),
        domain: info.domain.as_deref(),
        compression: "off",
        leafnode_urls: (kind == Link::Leaf).then_some([url]),
    };
    // Plain data always becomes JSON.
    format!("INFO {} \r\n", serde_json::to_string(&greeting).unwrap_or_default())
}

async fn refuse(mut stream: TcpStream, kind: Link, info: &str) {
    let told = async {
        stream.write_all(info.as_bytes()).await.ok()?;
        let line = timeout(TIMEOUT, first_line(&mut stream)).await;
        let error = match line {
            Ok(line) => reason(kind, &line?),
            Err(_) => ClientError::AuthenticationTimeout,
        };
        tracing::debug!(?kind, %error, "another server is refused");
        stream.write_all(format!("-ERR '{error}'\r\n").as_bytes()).await.ok()?;
        stream.shutdown().await.ok()
    };
    if told.await.is_some() {
        // Else what it still sends would have the socket reset, and the reason lost.
        let _ = timeout(CLOSE_TIME, linger(&mut stream)).await;
    }
}

/// Nothing if the peer goes.
async fn first_line(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    while !line.contains(&b'\n') && line.len() < MAX_LINE_BYTES {
        if stream.read_buf(&mut line).await.ok()? == 0 {
            return None;
        }
    }
    Some(line)
}

async fn linger(stream: &mut TcpStream) {
    let mut left = MAX_LINE_BYTES;
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        left = left.saturating_sub(read);
        if left == 0 {
            return;
        }
    }
}

/// Clients tell the language they are written in, servers do not.
fn reason(kind: Link, line: &[u8]) -> ClientError {
    let text = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_connect = text.get(..7).is_some_and(|verb| verb.eq_ignore_ascii_case(b"CONNECT"));
    let options = text.get(7..).and_then(|json| serde_json::from_slice::<serde_json::Value>(json).ok());
    let is_client =
        options.as_ref().and_then(|options| options.get("lang")?.as_str()).is_some_and(|lang| !lang.is_empty());
    match (is_connect, is_client, kind) {
        (false, ..) => ClientError::AuthorizationViolation,
        (true, true, Link::Leaf) => ClientError::LeafNodePort,
        (true, true, Link::Route) => ClientError::RoutePort,
        (true, false, Link::Leaf) => ClientError::LeafNodesUnsupported,
        (true, false, Link::Route) => ClientError::RoutesUnsupported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_knocks_is_told_why_it_is_refused() {
        let check =
            |kind, line: &str, text: &str| assert_eq!(reason(kind, line.as_bytes()).to_string(), text, "{line}");
        check(Link::Leaf, "CONNECT {\"lang\":\"go\"}\r\nPING\r\n", "attempted to connect to leaf node port");
        check(Link::Route, "connect {\"lang\":\"go\"}\r\n", "attempted to connect to route port");
        check(Link::Leaf, "CONNECT {\"lang\":\"\",\"name\":\"x\"}\r\n", "leaf node connections are not supported");
        check(Link::Route, "CONNECT {}\r\n", "route connections are not supported");
        for line in ["PING\r\n", "", "FOO\n", "CONN", "INFO {}\r\n"] {
            check(Link::Leaf, line, "Authorization Violation");
        }
    }

    #[test]
    fn the_port_for_leaf_nodes_is_known_by_its_urls() {
        let info = ServerInfo { server_id: "N".into(), cluster: Some("c".into()), ..ServerInfo::default() };
        let leaf = greeting(Link::Leaf, &info, "::1", 7422);
        assert!(leaf.contains(r#""leafnode_urls":["[::1]:7422"]"#) && leaf.contains(r#""cluster":"c""#), "{leaf}");
        assert!(leaf.ends_with("} \r\n") && leaf.contains(r#""proto":3"#), "{leaf}");
        assert!(!greeting(Link::Route, &info, "h", 1).contains("leafnode_urls"));
    }
}
