//! `kill -9` under load, again and again, on the same store.

use rustix::process::Signal;

use super::load::{Load, Promises};
use super::start;
use crate::server::poll;

/// How often the server is killed.
const ROUNDS: u64 = 20;

#[test]
fn nothing_that_was_acknowledged_is_lost_by_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let mut promises = Promises::default();
    for round in 0..ROUNDS {
        // What a process leaves does not depend on when it syncs.
        let policy =
            ["--sync=always", "--sync=always", "--sync=os", "--sync=50ms"][usize::try_from(round % 4).unwrap()];
        let (server, address) = start(directory.path(), &[policy]);
        promises.check(address);
        let load = Load::start(address, round);
        // Killed at odd moments: some right after the start, some later.
        let enough = usize::try_from(round * 37 % 20 * 100 + 5).unwrap();
        poll(|| (load.acknowledged() >= enough).then_some(())).expect("messages are acknowledged");
        server.signal(Signal::KILL);
        assert_eq!(server.wait_exit().0.code(), None);
        load.end(&mut promises);
    }
    let (_server, address) = start(directory.path(), &[]);
    promises.check(address);
    assert!(promises.len() > 5000, "{}", promises.len());
}
