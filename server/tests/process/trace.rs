//! The protocol trace, as harnesses look for it, and logs that go to a syslog.

use std::{fs, net::UdpSocket};

use crate::server::{Client, DEADLINE, Server, address_in, output, wait_for_file};

fn started(words: &[&str]) -> (Server, std::net::SocketAddr) {
    let server = Server::start(&[&["-a", "127.0.0.1", "-p", "-1"], words].concat());
    let address = address_in(&server.wait_for("Listening for client connections on"));
    server.wait_for("Server is ready");
    (server, address)
}

/// The harnesses of nats.js and nats.c look for such lines. [drop-in §1b: trace log]
#[test]
fn what_clients_say_and_hear_is_logged() {
    let (server, address) = started(&["-DV", "--user", "ann", "--pass", "s3cret"]);
    let (mut client, _) = Client::connect(address);
    client.send("CONNECT {\"verbose\":false,\"user\":\"ann\",\"pass\":\"s3cret\",\"name\":\"n\",\"lang\":\"l\",\"version\":\"1\"}\r\n");
    client.send("SUB foo 1\r\nSUB bar q 2\r\nPUB foo re 3\r\na\"b\r\nUNSUB 1 5\r\nUNSUB 2\r\nPING\r\n");
    client.wait_for("PONG");
    let connect = server.wait_for("<<- [CONNECT {");
    assert!(connect.contains("[TRC] 127.0.0.1:") && connect.contains("\"user\":\"ann\""), "{connect}");
    assert!(connect.contains("\"pass\":\"[REDACTED]\"") && !connect.contains("s3cret"), "{connect}");
    let line = server.wait_for("<<- [SUB foo 1]");
    assert!(line.contains(" - cid:1 - \"v1:l:n\" - \"$G/user:ann\" - <<- [SUB foo 1]"), "{line}");
    server.wait_for("<<- [SUB bar q 2]");
    server.wait_for("<<- [PUB foo re 3]");
    server.wait_for("<<- MSG_PAYLOAD: [\"a\\\"b\"]");
    server.wait_for("<<- [UNSUB 1 5]");
    server.wait_for("<<- [UNSUB 2]");
    server.wait_for("<<- [PING]");
    server.wait_for("->> [MSG foo 1 re 3]");
    server.wait_for("->> MSG_PAYLOAD: [\"a\\\"b\"]");
    server.wait_for("->> [PONG]");
    client.send("FOO\r\n");
    server.wait_for("->> [-ERR Unknown Protocol Operation]");
}

#[test]
fn a_reload_begins_and_ends_it_for_those_who_are_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.conf");
    let write = |text: &str| fs::write(&path, format!("listen: '127.0.0.1:-1'\n{text}")).unwrap();
    write("");
    let server = Server::start(&["-c", path.to_str().unwrap()]);
    let address = address_in(&server.wait_for("Listening for client connections on"));
    server.wait_for("Server is ready");
    let (mut client, _) = Client::connect(address);
    client.send("CONNECT {\"verbose\":false}\r\nSUB quiet 1\r\nPING\r\n");
    client.wait_for("PONG");
    write("trace: true\nmax_traced_msg_len: 2\n");
    server.signal(rustix::process::Signal::HUP);
    server.wait_for("[INF] Reloaded: trace = true");
    client.send("PUB loud 5\r\nhello\r\nPING\r\n");
    client.wait_for("PONG");
    let line = server.wait_for("<<- [");
    assert!(line.contains("PUB loud 5"), "{line}");
    server.wait_for("<<- MSG_PAYLOAD: [\"he\"...]");
    write("");
    server.signal(rustix::process::Signal::HUP);
    server.wait_for("[INF] Reloaded: trace = false");
    client.send("PUB quiet 0\r\n\r\nPING\r\n");
    client.wait_for("PONG");
    server.signal(rustix::process::Signal::INT);
    let (_, lines) = server.wait_exit();
    assert!(lines.iter().all(|line| !line.contains("[TRC]")), "{lines:?}");
}

#[test]
fn lines_go_to_a_syslog() {
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    daemon.set_read_timeout(Some(DEADLINE)).unwrap();
    let url = format!("udp://{}", daemon.local_addr().unwrap());
    let server = Server::start(&["-a", "127.0.0.1", "-p", "-1", "-r", &url]);
    let mut buffer = [0; 8192];
    let mut next = || {
        let read = daemon.recv(&mut buffer).expect("a line");
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    };
    let first = next();
    assert!(
        first.starts_with("<29>") && first.ends_with(&format!(" embus[{}]: Starting embus", server.pid())),
        "{first}"
    );
    while !next().ends_with("Server is ready") {}
    let (code, _, stderr) = output(&["-r", "nowhere"]);
    assert!(code == 1 && stderr.contains("invalid address of a syslog"), "{stderr}");
}

#[test]
fn a_log_file_goes_before_a_syslog() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let _server =
        Server::start(&["-a", "127.0.0.1", "-p", "-1", "-r", "udp://127.0.0.1:9", "-l", log.to_str().unwrap()]);
    wait_for_file(&log, "Server is ready");
}
