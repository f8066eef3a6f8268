//! Streams over a stop in good order, and stores that can't be used.

use std::net::TcpListener;

use rustix::process::Signal;

use super::load::{Load, Promises};
use super::start;
use crate::server::{Server, plain_file, poll};

#[test]
fn a_server_that_was_stopped_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    // It and what is above it is made.
    let store = directory.path().join("a/b");
    let mut promises = Promises::default();
    for (round, signal) in (0..).zip([Signal::TERM, Signal::INT, Signal::TERM]) {
        let (server, address) = start(&store, &[]);
        promises.check(address);
        let load = Load::start(address, round);
        poll(|| (load.acknowledged() >= 200).then_some(())).expect("messages are acknowledged");
        server.signal(signal);
        let (status, lines) = server.wait_exit();
        assert_eq!(status.code(), Some(0));
        assert!(lines.last().is_some_and(|line| line.ends_with("Stopped")), "{lines:?}");
        load.end(&mut promises);
    }
    let (_server, address) = start(&store, &[]);
    promises.check(address);
}

/// The server ends with code 1 and says why, before anything listens.
#[track_caller]
fn check_fails(store: &std::path::Path, reason: &str) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let free = free.expect("there are free ports");
    let (port, place) = (free.port().to_string(), store.to_str().expect("temporary directories have plain names"));
    let (status, lines) = Server::start(&["-a", "127.0.0.1", "-p", &port, "-js", "-sd", place]).wait_exit();
    assert_eq!(status.code(), Some(1), "{lines:?}");
    let last = lines.last().expect("there is a last line");
    assert!(last.contains(&format!("[FTL] Can't start JetStream: {}", store.display())), "{last}");
    assert!(last.contains(reason), "{last}");
    assert!(std::net::TcpStream::connect(free).is_err());
}

#[test]
fn a_store_that_is_a_file_is_fatal() {
    let directory = tempfile::tempdir().unwrap();
    check_fails(&plain_file(directory.path()), "is not a directory");
}

#[test]
fn a_store_that_another_server_has_is_fatal() {
    let directory = tempfile::tempdir().unwrap();
    let (server, _) = start(directory.path(), &[]);
    check_fails(directory.path(), &format!("is in use by process {} (embus)", server.pid()));
    server.signal(Signal::KILL);
    server.wait_exit();
    // The lock ends with its process.
    start(directory.path(), &[]);
}
