//! The lines by which a harness learns that a server is there.

use std::{io::Read, io::Write, net::TcpStream};

use crate::server::{Client, Server, address_in};

#[test]
fn a_server_tells_what_it_is_and_where() {
    let server = Server::start(&["-a", "127.0.0.1", "-p", "-1", "-m", "-1", "-n", "station"]);
    let first = server.wait_for("Starting embus");
    assert!(first.starts_with(&format!("[{}] 2", server.pid())), "{first}");
    assert_eq!(first.split_once("] ").unwrap().1.len(), "2026/11/20 16:06:35.597700 [INF] Starting embus".len());
    server.wait_for("[INF]   Version:  ");
    server.wait_for("[INF]   Name:     station");
    let id = server.wait_for("[INF]   ID:       N");
    assert_eq!(id.rsplit(' ').next().unwrap().len(), 56);
    let monitor = address_in(&server.wait_for("[INF] Starting http monitor on 127.0.0.1:"));
    let clients = address_in(&server.wait_for("[INF] Listening for client connections on 127.0.0.1:"));
    server.wait_for("[INF] Server is ready");

    let (_client, info) = Client::connect(clients);
    assert!(info.starts_with("INFO {"), "{info}");
    for part in ["\"server_name\":\"station\"", "\"host\":\"127.0.0.1\"", &format!("\"port\":{}", clients.port())] {
        assert!(info.contains(part), "{part} is missing in {info}");
    }
    let mut monitor = TcpStream::connect(monitor).unwrap();
    monitor.write_all(b"GET /varz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut varz = String::new();
    monitor.read_to_string(&mut varz).unwrap();
    assert!(varz.starts_with("HTTP/1.1 200 OK") && varz.contains("\"server_name\": \"station\""), "{varz}");
}

#[test]
fn messages_flow_through_a_server() {
    let server = Server::start(&["-a", "127.0.0.1", "-p", "-1"]);
    let address = address_in(&server.wait_for("Listening for client connections on"));
    let (mut client, _) = Client::connect(address);
    client.send("CONNECT {\"verbose\":false}\r\nSUB foo 1\r\nPUB foo 5\r\nhello\r\nPING\r\n");
    assert_eq!([client.line(), client.line(), client.line()], ["MSG foo 1 5\r\n", "hello\r\n", "PONG\r\n"]);
}

#[test]
fn hosts_are_named_as_they_were_given() {
    for (host, shown) in [("localhost", "localhost:"), ("0.0.0.0", "0.0.0.0:")] {
        let server = Server::start(&["-a", host, "-p", "-1"]);
        server.wait_for(&format!("Listening for client connections on {shown}"));
    }
}

#[test]
fn the_time_can_be_left_out() {
    let server = Server::start(&["-a", "127.0.0.1", "-p", "-1", "-T=false"]);
    let line = server.wait_for("Starting embus");
    assert_eq!(line, format!("[{}] [INF] Starting embus", server.pid()));
}

#[test]
fn debug_lines_come_only_when_asked_for() {
    let server = Server::start(&["-a", "127.0.0.1", "-p", "-1", "-D"]);
    server.wait_for("[DBG] ");
    let server = Server::ready(&[]);
    server.signal(rustix::process::Signal::INT);
    let (_, lines) = server.wait_exit();
    assert!(!lines.iter().any(|line| line.contains("[DBG]")), "{lines:?}");
}

#[test]
fn a_store_directory_without_jetstream_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    let server = Server::ready(&["-sd", store.to_str().unwrap()]);
    assert!(!store.exists());
    drop(server);
}
