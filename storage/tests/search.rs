//! Looking for messages where subjects lie far apart, against looking at each of them; and that it does not take as many steps
//! as there are messages times subjects: then these tests would take minutes.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::collections::BTreeMap;
use std::sync::Arc;

use embus_protocol::filter;
use embus_storage::log::{Accounting, Append, Log, LogOptions};
use embus_storage::medium::Medium;
use embus_storage::medium::memory::Memory;
use fastrand::Rng;

fn log() -> Log {
    let medium = Memory::new();
    medium.create_dir("/log".as_ref()).unwrap();
    let description = Arc::new(Vec::new());
    let accounting = Accounting::Memory;
    let options = LogOptions { segment_bytes: 1 << 18, accounting, compress: false, synced: false, description };
    Log::create(Arc::new(medium), "/log".into(), options).unwrap()
}

fn append(log: &mut Log, subject: &str) -> u64 {
    let subject = subject.as_bytes();
    log.append(&Append { time: 1, subject, headers: b"", payload: b"", marked: false, evict: 0 }).unwrap()
}

const FILTERS: [&str; 8] = ["a.*", "b.*", "*.1", "c.>", ">", "none.*", "a.1", "d.*.x"];

/// Runs of messages on one subject each, many of which are removed again.
fn scattered(random: &mut Rng) -> (Log, BTreeMap<u64, String>) {
    let (mut log, mut model) = (log(), BTreeMap::new());
    for _ in 0..12 {
        let subject = format!("{}.{}{}", random.char('a'..='d'), random.u8(..4), ["", ".x"][random.usize(..2)]);
        for _ in 0..random.u32(1..2500) {
            model.insert(append(&mut log, &subject), subject.clone());
        }
    }
    let all: Vec<u64> = model.keys().copied().collect();
    let sparse = random.u32(2..200);
    for sequence in all.into_iter().filter(|_| random.u32(..sparse) > 0) {
        assert!(log.remove(sequence).unwrap());
        model.remove(&sequence);
    }
    (log, model)
}

#[test]
fn agrees_with_looking_at_each_message() {
    for seed in 0..30 {
        let mut random = Rng::with_seed(seed);
        let (mut log, model) = scattered(&mut random);
        for _ in 0..40 {
            let filter = FILTERS[random.usize(..FILTERS.len())];
            let matching: Vec<u64> = model
                .iter()
                .filter(|(_, subject)| filter::matches(filter.as_bytes(), subject.as_bytes()))
                .map(|(&sequence, _)| sequence)
                .collect();
            let at = random.u64(..log.last_sequence() + 2);
            let (filter, place) = (filter.as_bytes(), format!("{filter} at {at} of seed {seed}"));
            let next = log.next(&[filter], at).unwrap().map(|(sequence, _)| sequence);
            assert_eq!(next, matching.iter().copied().find(|&it| it >= at), "{place}");
            let last = log.last(filter, at).unwrap().map(|(sequence, _)| sequence);
            assert_eq!(last, matching.iter().copied().rfind(|&it| it <= at), "{place}");
            let count = matching.iter().filter(|&&it| it >= at).count() as u64;
            assert_eq!(log.count(&[filter], at).unwrap(), count, "{place}");
            assert_eq!(log.last_matching(filter), matching.last().copied(), "{place}");
        }
        let mut lasts = BTreeMap::new();
        log.last_of_each(b">", &mut |subject, last| lasts.insert(subject.to_vec(), last).is_none());
        let expected: BTreeMap<_, _> = model.iter().map(|(&it, subject)| (subject.clone().into_bytes(), it)).collect();
        assert_eq!(lasts, expected);
    }
}

const MANY: u64 = 200_000;

#[test]
fn many_victims_on_one_subject_cost_one_pass() {
    let mut log = log();
    append(&mut log, "x");
    (0..MANY).for_each(|_| _ = append(&mut log, "a"));
    assert_eq!(log.keep_newest(1).unwrap(), MANY - 1);
    assert_eq!((log.messages(), log.first_sequence(), log.last_of(b"a")), (2, 1, Some(MANY + 1)));
}

#[test]
fn many_subjects_in_turn_cost_one_pass() {
    let mut log = log();
    let keys = MANY / 4;
    (0..MANY).for_each(|number| _ = append(&mut log, &format!("key.{}", number % keys)));
    assert_eq!(log.keep_newest(2).unwrap(), MANY / 2);
    assert_eq!((log.messages(), log.first_sequence()), (MANY / 2, MANY / 2 + 1));
    // What is known of each is but a bound now; counts and last ones do not need it.
    let (mut counted, mut last) = (0, 0);
    log.subject_counts(b">", &mut |_, count| {
        counted += count;
        true
    });
    log.last_of_each(b">", &mut |_, sequence| {
        last = last.max(sequence);
        true
    });
    assert_eq!((counted, last), (MANY / 2, MANY));
    // The newest ones leave, of all subjects: again one pass.
    (MANY - keys + 1..=MANY).for_each(|sequence| assert!(log.remove(sequence).unwrap()));
    let mut oldest = u64::MAX;
    log.last_of_each(b">", &mut |_, sequence| {
        oldest = oldest.min(sequence);
        true
    });
    assert_eq!(oldest, MANY / 2 + 1);
}

#[test]
fn what_matches_nothing_is_no_walk_through_everything() {
    let mut log = log();
    append(&mut log, "rare.1");
    (0..MANY).for_each(|_| _ = append(&mut log, "a"));
    for _ in 0..MANY {
        assert_eq!(log.last_matching(b"none.*"), None);
        assert_eq!(log.last_matching(b"rare.*"), Some(1));
        assert!(log.next(&[b"none.*"], 1).unwrap().is_none());
        assert!(log.next(&[b"rare.*"], 2).unwrap().is_none());
        assert_eq!(log.count(&[b"rare.*"], 2).unwrap(), 0);
        assert_eq!(log.count(&[b"a*", b">"], 1).unwrap(), MANY + 1);
    }
}
