//! What is listened for besides plain clients: TLS, WebSocket, and the ports for other servers.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
};

use crate::server::{Client, DEADLINE, Server, address_in, output, poll};

/// A certificate for this machine and its key, in files.
fn certificate(directory: &Path) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let write = |name: &str, content: String| {
        let path = directory.join(name);
        fs::write(&path, content).expect("a file");
        path.to_str().expect("a path in UTF-8").to_owned()
    };
    (write("own.pem", made.cert.pem()), write("own.key", made.signing_key.serialize_pem()))
}

/// What a port says to a first line, until it closes.
fn refusal(address: SocketAddr, line: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the port is open");
    stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
    stream.write_all(line.as_bytes()).expect("the server reads");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

fn ports(server: &Server, directory: &Path) -> serde_json::Value {
    let path = directory.join(format!("embus_{}.ports", server.pid()));
    let text = poll(|| fs::read_to_string(&path).ok()).expect("the file appears");
    serde_json::from_str(&text).expect("JSON")
}

fn port(ports: &serde_json::Value, name: &str, scheme: &str) -> SocketAddr {
    let url = ports[name][0].as_str().unwrap_or_else(|| panic!("{name} in {ports}"));
    url.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")).expect("the scheme").parse().expect("an address")
}

/// The blocks that the harness of nats.js has in every test.
#[test]
fn harnesses_find_all_their_ports() {
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().to_str().unwrap();
    let text = format!(
        "host: 127.0.0.1\nport: -1\nhttp: '127.0.0.1:-1'\nports_file_dir: '{own}'\n\
         websocket {{ port: -1, no_tls: true }}\nleafnodes {{ listen: '127.0.0.1:-1' }}\n\
         cluster {{ name: alone, listen: '127.0.0.1:-1' }}\n"
    );
    let path = directory.path().join("c.conf");
    fs::write(&path, text).unwrap();
    let server = Server::start(&["-c", path.to_str().unwrap()]);
    server.wait_for("Listening for websocket clients on ws://127.0.0.1:");
    server.wait_for("Listening for leafnode connections on 127.0.0.1:");
    server.wait_for("Listening for route connections on 127.0.0.1:");
    let address = address_in(&server.wait_for("Listening for client connections on "));
    server.wait_for("Cluster name is alone");
    server.wait_for("Server is ready");
    let (_client, info) = Client::connect(address);
    assert!(info.contains("\"cluster\":\"alone\""), "{info}");
    let ports = ports(&server, directory.path());
    port(&ports, "nats", "nats");
    port(&ports, "monitoring", "http");
    let leaf = refusal(port(&ports, "leafnodes", "nats"), "CONNECT {\"name\":\"leaf\"}\r\n");
    assert!(leaf.starts_with("INFO {") && leaf.contains("\"leafnode_urls\":["), "{leaf}");
    assert!(leaf.ends_with("-ERR 'leaf node connections are not supported'\r\n"), "{leaf}");
    let leaf = refusal(port(&ports, "leafnodes", "nats"), "CONNECT {\"lang\":\"go\"}\r\n");
    assert!(leaf.ends_with("-ERR 'attempted to connect to leaf node port'\r\n"), "{leaf}");
    let route = refusal(port(&ports, "cluster", "nats"), "CONNECT {}\r\n");
    assert!(route.ends_with("-ERR 'route connections are not supported'\r\n"), "{route}");
    let web = upgraded(port(&ports, "websocket", "ws"));
    assert!(web.starts_with("HTTP/1.1 101 "), "{web}");
}

fn upgraded(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("the port is open");
    stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
    let request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("an answer");
    line
}

#[test]
fn a_file_asks_for_tls_everywhere() {
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().to_str().unwrap();
    let (certificate, key) = certificate(directory.path());
    let tls = format!("tls {{ cert_file: '{certificate}', key_file: '{key}', timeout: 1 }}");
    let text = format!(
        "listen: '127.0.0.1:-1'\nhttps: '127.0.0.1:-1'\nports_file_dir: '{own}'\n{tls}\nwebsocket {{ listen: '127.0.0.1:-1', {tls} }}\n"
    );
    let path = directory.path().join("c.conf");
    fs::write(&path, text).unwrap();
    let server = Server::start(&["-c", path.to_str().unwrap()]);
    server.wait_for("Starting https monitor on 127.0.0.1:");
    server.wait_for("Listening for websocket clients on wss://127.0.0.1:");
    let address = address_in(&server.wait_for("Listening for client connections on "));
    server.wait_for("TLS required for client connections");
    server.wait_for("Server is ready");
    let ports = ports(&server, directory.path());
    port(&ports, "nats", "tls");
    port(&ports, "monitoring", "https");
    let answer = refusal(address, "CONNECT {}\r\nPING\r\n");
    assert!(answer.contains("\"tls_required\":true") && !answer.contains("PONG"), "{answer}");
    let answer = refusal(port(&ports, "websocket", "wss"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!answer.contains("HTTP"), "{answer}");
}

#[test]
fn flags_ask_for_tls() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(directory.path());
    let words = ["--tls", "--tlscert", &certificate, "-tlskey", &key, "--tlsverify", "--tlscacert", &certificate];
    let server = Server::start(&[&["-a", "127.0.0.1", "-p", "-1"][..], &words].concat());
    let address = address_in(&server.wait_for("Listening for client connections on "));
    let (_client, info) = Client::connect(address);
    assert!(info.contains("\"tls_required\":true") && info.contains("\"tls_verify\":true"), "{info}");
}

#[test]
fn tls_that_cannot_be_starts_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(directory.path());
    for (words, part) in [
        (&["--tls"][..], "TLS Server certificate must be present and valid"),
        (&["--tlscert", &certificate], "TLS Server private key must be present and valid"),
        (&["--tlscert", "/missing.pem", "--tlskey", &key], "cannot read /missing.pem"),
        (&["--tlscert", &key, "--tlskey", &key], "own.key: no certificate in it"),
        (&["--tlscert", &certificate, "--tlskey", &key, "--tlsverify"], "ca_file"),
        (&["-ms", "-1"], "TLS Server certificate must be present and valid"),
        (&["--cluster", "nonsense"], "could not parse cluster listen URL"),
    ] {
        let (code, _, stderr) = output(&[&["-a", "127.0.0.1", "-p", "-1"][..], words].concat());
        assert!(code == 1 && stderr.contains("[FTL]") && stderr.contains(part), "{words:?}: {stderr}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.conf");
    for (block, words) in [
        (format!("websocket {{ listen: '{address}', no_tls: true }}"), "Unable to listen for websocket connections"),
        (format!("leafnodes {{ listen: '{address}' }}"), "Error listening on leafnode port"),
        (format!("cluster {{ listen: '{address}' }}"), "Error listening on router port"),
    ] {
        fs::write(&path, format!("listen: '127.0.0.1:-1'\n{block}\n")).unwrap();
        let (code, _, stderr) = output(&["-c", path.to_str().unwrap()]);
        assert!(code == 1 && stderr.contains(words) && stderr.contains("address already in use"), "{stderr}");
    }
}
