//! A cached match is never older than the interest.

use super::*;
use crate::fixtures::{connection, subscription};
use crate::sync::Arc;

fn fan_out(cache: &mut MatchCache, router: &Router, subject: &str) -> usize {
    cache.resolve(router, subject.as_bytes()).fan_out()
}

#[test]
fn a_change_of_interest_is_seen_at_once() {
    let (router, mut cache, client) = (Router::new(1, "$G"), MatchCache::new(4), connection(1));
    assert_eq!(fan_out(&mut cache, &router, "a"), 0);
    let (one, other) = (subscription(&client, "1", "a", None), subscription(&client, "2", "*", Some("q")));
    router.subscribe(Arc::clone(&one));
    assert_eq!(fan_out(&mut cache, &router, "a"), 1);
    router.subscribe(Arc::clone(&other));
    assert_eq!(fan_out(&mut cache, &router, "a"), 2);
    router.unsubscribe(&one);
    assert_eq!(fan_out(&mut cache, &router, "a"), 1);
    router.unsubscribe_all(&[other]);
    assert_eq!(fan_out(&mut cache, &router, "a"), 0);
}

#[test]
fn more_subjects_than_entries_share_them() {
    let (router, mut cache, client) = (Router::new(1, "$G"), MatchCache::new(2), connection(1));
    (0..20).step_by(2).for_each(|number| {
        router.subscribe(subscription(&client, &number.to_string(), &format!("s{number}"), None));
    });
    for _ in 0..3 {
        for number in 0..20 {
            assert_eq!(fan_out(&mut cache, &router, &format!("s{number}")), usize::from(number % 2 == 0));
        }
    }
}

#[test]
fn long_subjects_are_matched_anew() {
    let (router, mut cache, client) = (Router::new(1, "$G"), MatchCache::new(4), connection(1));
    let long = |end: &str| format!("{}{end}", "x".repeat(MAX_CACHED_SUBJECT_BYTES));
    router.subscribe(subscription(&client, "1", &long("a"), None));
    assert_eq!(fan_out(&mut cache, &router, &long("a")), 1);
    assert_eq!(fan_out(&mut cache, &router, &long("b")), 0);
    assert_eq!(fan_out(&mut cache, &router, &long("a")), 1);
}

#[test]
fn two_accounts_do_not_mix() {
    let (ours, theirs, client) = (Router::new(1, "$G"), Router::new(2, "$SYS"), connection(1));
    let mut cache = MatchCache::new(1);
    ours.subscribe(subscription(&client, "1", "a", None));
    theirs.unsubscribe_all(&[subscription(&client, "2", "a", None)]);
    assert_eq!(ours.generation(), theirs.generation());
    assert_eq!(fan_out(&mut cache, &ours, "a"), 1);
    assert_eq!(fan_out(&mut cache, &theirs, "a"), 0);
}

#[test]
fn hits_and_misses_are_counted() {
    let (router, mut cache) = (Router::new(1, "$G"), MatchCache::new(4));
    for _ in 0..3 {
        fan_out(&mut cache, &router, "a");
    }
    assert_eq!(cache.take_counts(), (2, 1));
    assert_eq!(cache.take_counts(), (0, 0));
}
