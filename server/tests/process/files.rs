//! Pid file, ports file and log file.

use std::fs;

use rustix::process::Signal;

use crate::server::{Client, Server, address_in, embus, full_pipe, poll, wait_for_file};

#[test]
fn pid_and_ports_files_are_written_before_ready() {
    let directory = tempfile::tempdir().unwrap();
    let (pid_file, place) = (directory.path().join("pid"), directory.path().to_str().unwrap());
    let server = Server::ready(&["-m", "-1", "-P", pid_file.to_str().unwrap(), "--ports_file_dir", place]);
    assert_eq!(fs::read_to_string(&pid_file).unwrap(), server.pid().to_string());

    let ports_file = directory.path().join(format!("embus_{}.ports", server.pid()));
    let ports: serde_json::Value = serde_json::from_slice(&fs::read(&ports_file).unwrap()).unwrap();
    for (name, scheme) in [("nats", "nats://"), ("monitoring", "http://")] {
        let url = ports[name][0].as_str().unwrap();
        assert!(url.starts_with(scheme), "{url}");
        assert!(std::net::TcpStream::connect(address_in(url)).is_ok(), "{url}");
    }
    server.signal(Signal::INT);
    assert!(server.wait_exit().0.success());
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["pid"]);
}

#[test]
fn the_ports_file_carries_the_name_of_the_link() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("nats-server");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_embus"), &link).unwrap();
    let words = ["-a", "127.0.0.1", "-p", "-1", "-l", "/dev/null", "--ports_file_dir"];
    let server = Server::spawn(std::process::Command::new(&link).args(words).arg(directory.path()));
    let ports_file = directory.path().join(format!("nats-server_{}.ports", server.pid()));
    // It appears complete: the first look that finds it can read it.
    let text = poll(|| fs::read_to_string(&ports_file).ok()).unwrap();
    assert!(text.starts_with("{\"nats\":[\"nats://127.0.0.1:") && text.ends_with('}'), "{text}");
    let version = std::process::Command::new(&link).arg("--version").output().unwrap();
    assert_eq!(String::from_utf8(version.stdout).unwrap(), format!("nats-server: v{}\n", embus::NATS_VERSION));
}

#[test]
fn the_log_file_takes_the_place_of_standard_error() {
    let directory = tempfile::tempdir().unwrap();
    let (log, moved) = (directory.path().join("log"), directory.path().join("log.1"));
    let server = Server::start(&["-a", "127.0.0.1", "-p", "-1", "-l", log.to_str().unwrap()]);
    let text = wait_for_file(&log, "Server is ready");
    assert!(text.contains("[INF] Listening for client connections on 127.0.0.1:"), "{text}");
    fs::rename(&log, &moved).unwrap();
    server.signal(Signal::USR1);
    wait_for_file(&log, "Log file opened again");
    server.signal(Signal::TERM);
    let (status, lines) = server.wait_exit();
    assert!(status.success() && lines.is_empty(), "{status} {lines:?}");
    assert!(fs::read_to_string(&log).unwrap().contains("Stopped"));
    assert!(!fs::read_to_string(&moved).unwrap().contains("Stopped"));
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let (reader, writer) = full_pipe();
    check_serves(writer.into());
    drop(reader);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    check_serves(writer.into());
}

/// A server with this as its standard error starts, serves and stops.
fn check_serves(stderr: std::process::Stdio) {
    let directory = tempfile::tempdir().expect("there is a place for files");
    let mut command = embus(&["-D", "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir"]);
    let server = Server::spawn(command.arg(directory.path()).stderr(stderr));
    let ports_file = directory.path().join(format!("embus_{}.ports", server.pid()));
    let ports: serde_json::Value =
        serde_json::from_str(&wait_for_file(&ports_file, "}")).expect("the ports file is JSON");
    let address = address_in(ports["nats"][0].as_str().expect("there is an address"));
    for _ in 0..100 {
        let (mut client, _) = Client::connect(address);
        client.send("PING\r\n");
        assert_eq!(client.line(), "PONG\r\n");
    }
    server.signal(Signal::TERM);
    assert!(server.wait_exit().0.success());
}
