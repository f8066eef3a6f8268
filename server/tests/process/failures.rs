//! What keeps a server from starting: a line that says so, exit code 1, and nothing that listens.

use std::net::{TcpListener, TcpStream};

use crate::server::{Server, output, plain_file};

/// The server ends with code 1, and its last line contains `part`.
#[track_caller]
fn check_fails(words: &[&str], part: &str) {
    let (status, lines) = Server::start(words).wait_exit();
    assert_eq!(status.code(), Some(1), "{words:?}: {lines:?}");
    assert!(lines.last().is_some_and(|line| line.contains(part)), "{words:?}: {lines:?}");
}

#[test]
fn a_port_in_use_is_fatal() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, port) = (other.local_addr().unwrap(), other.local_addr().unwrap().port().to_string());
    let reason = format!("\"listen tcp {address}: bind: address already in use\"");
    check_fails(&["-a", "127.0.0.1", "-p", &port], &format!("[FTL] Error listening on port: {address}, {reason}"));
    let text = format!("[FTL] Can't start monitoring: can't listen to the monitor port: listen tcp {address}: bind: ");
    check_fails(&["-a", "127.0.0.1", "-p", "-1", "-m", &port], &text);
}

#[test]
fn an_address_that_does_not_exist_is_fatal() {
    check_fails(&["-a", "999.999.999.999", "-p", "-1"], "[FTL] Error listening on port: 999.999.999.999:0, \"listen");
    check_fails(&["-a", "198.51.100.1", "-p", "-1"], "bind: cannot assign requested address\"");
    let text = "[FTL] Error listening on port: 0.0.0.0:70000, \"listen tcp: address 70000: invalid port\"";
    check_fails(&["-p", "70000"], text);
    check_fails(
        &["-p", "-1", "-m", "-5"],
        "[FTL] Can't start monitoring: can't listen to the monitor port: listen tcp",
    );
}

#[test]
fn files_that_cannot_be_written_are_fatal_before_anything_listens() {
    let directory = tempfile::tempdir().unwrap();
    let below_file = plain_file(directory.path()).join("x");
    let path = below_file.to_str().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let port = free.port().to_string();
    let common = ["-a", "127.0.0.1", "-p", &port];
    check_fails(&[&common[..], &["-P", path]].concat(), "[FTL] Could not write pidfile: open ");
    check_fails(&[&common[..], &["--ports_file_dir", path]].concat(), "[FTL] Could not write ports file in ");
    let (code, _, stderr) = output(&[&common[..], &["-l", path]].concat());
    assert_eq!(code, 1);
    assert!(stderr.starts_with("embus: error opening log file "), "{stderr}");
    assert!(TcpStream::connect(free).is_err());
}
