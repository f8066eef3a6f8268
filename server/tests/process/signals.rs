//! Signals, sent by the system or by the executable as a tool.

use rustix::process::Signal;

use crate::server::{Client, Server, address_in, output};

#[test]
fn interrupt_and_terminate_stop_with_success() {
    for (signal, name) in [(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM")] {
        let server = Server::start(&["-a", "127.0.0.1", "-p", "-1"]);
        let address = address_in(&server.wait_for("Listening for client connections on"));
        server.wait_for("Server is ready");
        let (mut client, _) = Client::connect(address);
        server.signal(signal);
        let (status, lines) = server.wait_exit();
        assert_eq!(status.code(), Some(0));
        assert!(lines.iter().any(|line| line.contains(&format!("Received {name}"))), "{lines:?}");
        assert!(lines.last().is_some_and(|line| line.ends_with("Stopped")), "{lines:?}");
        while !client.line().is_empty() {}
    }
}

#[test]
fn hangup_is_no_end() {
    let server = Server::ready(&[]);
    server.signal(Signal::HUP);
    server.wait_for("[ERR] Failed to reload server configuration: ");
    server.signal(Signal::USR1);
    server.wait_for("[INF] There is no log file to open again");
    server.signal(Signal::INT);
    assert!(server.wait_exit().0.success());
}

#[test]
fn lame_duck_tells_clients_and_takes_no_new_ones() {
    let server = Server::start(&["-a", "127.0.0.1", "-p", "-1"]);
    let address = address_in(&server.wait_for("Listening for client connections on"));
    server.wait_for("Server is ready");
    let (mut client, _) = Client::connect(address);
    client.send("CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
    client.wait_for("PONG");
    let (code, _, stderr) = output(&["--signal", &format!("ldm={}", server.pid())]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    server.wait_for("Lame duck mode");
    client.wait_for("\"ldm\":true");
    assert!(std::net::TcpStream::connect(address).is_err());
    server.signal(Signal::INT);
    assert!(server.wait_exit().0.success());
}

#[test]
fn a_lame_duck_without_clients_stops_at_once() {
    let server = Server::ready(&[]);
    server.signal(Signal::USR2);
    let (status, lines) = server.wait_exit();
    assert!(status.success() && lines.last().is_some_and(|line| line.ends_with("Stopped")), "{status} {lines:?}");
}

#[test]
fn the_tool_reads_pid_files_and_reports_who_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let pid_file = directory.path().join("pid");
    let server = Server::ready(&["-P", pid_file.to_str().unwrap()]);
    let request = format!("term={}", pid_file.display());
    assert_eq!(output(&["-sl", &request]).0, 0);
    assert!(server.wait_exit().0.success());
    let (code, _, stderr) = output(&["-sl", &request]);
    assert!(code == 1 && stderr.starts_with("embus: signal to process "), "{code} {stderr}");
}

#[test]
fn stop_and_quit_are_the_hard_and_the_gentle_end() {
    let server = Server::ready(&[]);
    assert_eq!(output(&["-sl", &format!("quit={}", server.pid())]).0, 0);
    assert_eq!(server.wait_exit().0.code(), Some(0));
    let server = Server::ready(&[]);
    assert_eq!(output(&["-sl", &format!("stop={}", server.pid())]).0, 0);
    assert_eq!(server.wait_exit().0.code(), None);
}
