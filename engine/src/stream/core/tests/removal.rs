//! Purges and deletes.

use super::super::*;
use super::fixture::{Bench, stream};

fn six() -> Bench {
    let mut s = stream(|_| {});
    for number in 0..6 {
        s.store(["a", "b"][number % 2], &[], "");
    }
    s
}

fn purge(filter: Option<&str>, sequence: Option<u64>, keep: Option<u64>) -> Purge {
    Purge { filter: filter.map(|filter| filter.as_bytes().to_vec()), sequence, keep }
}

#[track_caller]
fn check(request: &Purge, purged: u64, left: &[u64], first: u64, last: u64) {
    let mut s = six();
    assert_eq!(s.core.purge(request), Ok(purged), "{request:?}");
    assert_eq!(s.sequences(), left, "{request:?}");
    let state = s.state();
    assert_eq!((state.first_sequence, state.last_sequence), (first, last), "{request:?}");
    assert_eq!(s.store("a", &[], ""), last + 1);
}

#[test]
fn purges() {
    for all in [purge(None, None, None), purge(None, Some(0), Some(0)), purge(Some(">"), None, None)] {
        check(&all, 6, &[], 7, 6);
    }
    check(&purge(None, Some(1), None), 0, &[1, 2, 3, 4, 5, 6], 1, 6);
    check(&purge(None, Some(4), None), 3, &[4, 5, 6], 4, 6);
    check(&purge(None, Some(7), None), 6, &[], 7, 6);
    check(&purge(None, Some(100), None), 6, &[], 100, 99);
    check(&purge(None, None, Some(2)), 4, &[5, 6], 5, 6);
    check(&purge(None, None, Some(9)), 0, &[1, 2, 3, 4, 5, 6], 1, 6);
    check(&purge(Some("a"), None, None), 3, &[2, 4, 6], 2, 6);
    check(&purge(Some("*"), None, None), 6, &[], 7, 6);
    check(&purge(Some("b"), None, Some(1)), 2, &[1, 3, 5, 6], 1, 6);
    check(&purge(Some("a"), Some(4), None), 2, &[2, 4, 5, 6], 2, 6);
    check(&purge(Some("c"), None, None), 0, &[1, 2, 3, 4, 5, 6], 1, 6);
    check(&purge(Some("a..b"), None, None), 0, &[1, 2, 3, 4, 5, 6], 1, 6);
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, ApiError>, code: u16, text: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.err_code, &*error.description), (code, text));
}

#[test]
fn purges_that_are_refused() {
    let mut s = six();
    refused(s.core.purge(&purge(None, Some(1), Some(1))), 10003, "bad request");
    s.update(|config| config.deny_purge = true);
    refused(s.core.purge(&Purge::default()), 10110, "stream purge not permitted");
    s.update(|config| config.sealed = true);
    refused(s.core.purge(&Purge::default()), 10109, "invalid operation on sealed stream");
}

#[test]
fn deletes() {
    let mut s = six();
    assert_eq!(s.core.delete_message(3), Ok(()));
    refused(s.core.delete_message(3), 10043, "sequence 3 not found");
    refused(s.core.delete_message(0), 10057, "no message found");
    refused(s.core.delete_message(7), 10057, "stream store EOF");
    s.core.delete_message(1).unwrap();
    s.core.delete_message(6).unwrap();
    let state = s.state();
    assert_eq!((state.first_sequence, state.last_sequence, state.deleted), (2, 6, 2));
    s.update(|config| config.deny_delete = true);
    refused(s.core.delete_message(2), 10057, "message delete not permitted");
    s.update(|config| config.sealed = true);
    refused(s.core.delete_message(2), 10109, "invalid operation on sealed stream");
}
