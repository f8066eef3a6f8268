//! A disk without room, played by a limit on the size of files: publishers hear of it at once, everything else goes on,
//! and so do they once there is room.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use super::peer::Peer;
use super::start;
use crate::server::{Server, poll};

/// Lets the server's files have so many bytes.
fn limit(server: &Server, bytes: Option<u64>) {
    let pid = Pid::from_raw(server.pid().cast_signed());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).expect("a child can be limited");
}

/// Publishes; the sequence, or the error.
fn publish(peer: &mut Peer, payload: &str) -> Result<u64, String> {
    let start = Instant::now();
    let ack = peer.request("a", payload);
    assert!(start.elapsed() < Duration::from_secs(5), "silence for {:?}", start.elapsed());
    match &ack["error"] {
        error if error.is_null() => Ok(ack["seq"].as_u64().expect("an acknowledgement has a sequence")),
        error => Err(error.to_string()),
    }
}

#[test]
fn a_full_disk_is_an_error_and_no_end() {
    let directory = tempfile::tempdir().unwrap();
    let (server, address) = start(directory.path(), &[]);
    let mut peer = Peer::connect(address).unwrap();
    peer.create("A", r#"{"name":"A","subjects":["a"],"allow_direct":true}"#);
    let payload = "x".repeat(1000);
    assert_eq!(publish(&mut peer, &payload), Ok(1));
    limit(&server, Some(64 * 1024));
    let mut stored = 1;
    let error = loop {
        match publish(&mut peer, &payload) {
            Ok(sequence) => stored = sequence,
            Err(error) => break error,
        }
        assert!(stored < 64, "the limit is not felt");
    };
    assert!(error.contains("503") && error.contains("10077"), "{error}");
    for _ in 0..20 {
        publish(&mut peer, &payload).unwrap_err();
    }
    check_goes_on(&mut peer, stored);

    // It starts on a full disk as well.
    server.signal(Signal::KILL);
    server.wait_exit();
    let (server, address) = start(directory.path(), &[]);
    let mut peer = Peer::connect(address).unwrap();
    limit(&server, Some(4096));
    publish(&mut peer, &payload).unwrap_err();
    check_goes_on(&mut peer, stored);

    // Room again: no restart is needed.
    limit(&server, None);
    let next = poll(|| publish(&mut peer, "there is room").ok()).expect("publishing goes on");
    assert!(next > stored);
    assert_eq!(peer.direct_gets("A", &[format!("{{\"seq\":{next}}}")]), [Some("there is room".to_owned())]);
    check_goes_on(&mut peer, stored);
}

/// What was stored is read, and what is not stored is delivered.
fn check_goes_on(peer: &mut Peer, stored: u64) {
    let bodies: Vec<_> = (1..=stored).map(|sequence| format!("{{\"seq\":{sequence}}}")).collect();
    assert!(peer.direct_gets("A", &bodies).iter().all(Option::is_some));
    let info = peer.request("$JS.API.STREAM.INFO.A", "");
    assert!(info["state"]["messages"].as_u64() >= Some(stored), "{info}");
    peer.send(&format!("PUB {}.0 4\r\ncore\r\n", peer.inbox)).expect("the server reads");
    assert_eq!(peer.receive().expect("the server delivers").payload, "core");
}
