use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;

#[test]
fn finds_within_the_window_only() {
    let mut dedupe = Dedupe::new(2 * SECOND);
    dedupe.note(b"a", 1, 10 * SECOND);
    assert_eq!(dedupe.find(b"a", 10 * SECOND), Some(1));
    assert_eq!(dedupe.find(b"a", 12 * SECOND - 1), Some(1));
    assert_eq!(dedupe.find(b"a", 12 * SECOND), None);
    assert_eq!(dedupe.find(b"b", 10 * SECOND), None);
}

#[test]
fn younger_message_of_an_id_outlives_the_older_one() {
    let mut dedupe = Dedupe::new(2 * SECOND);
    dedupe.note(b"a", 1, 0);
    dedupe.note(b"b", 2, SECOND);
    dedupe.note(b"a", 3, 2 * SECOND);
    dedupe.forget(3 * SECOND - 1);
    assert_eq!(dedupe.find(b"a", 3 * SECOND), Some(3));
    dedupe.forget(3 * SECOND);
    assert_eq!(dedupe.find(b"b", 2 * SECOND), None);
    assert_eq!(dedupe.find(b"a", 3 * SECOND), Some(3));
}

#[test]
fn no_window_knows_nothing() {
    let mut dedupe = Dedupe::new(0);
    dedupe.note(b"a", 1, 0);
    assert_eq!(dedupe.find(b"a", 0), None);
    assert_eq!(dedupe.deadline(), None);
    dedupe.set_window(SECOND);
    dedupe.note(b"a", 2, 0);
    assert_eq!(dedupe.find(b"a", 0), Some(2));
    dedupe.set_window(0);
    assert_eq!(dedupe.all().len(), 0);
}

#[test]
fn memory_goes_with_the_ids() {
    let mut dedupe = Dedupe::new(SECOND);
    for number in 0..10_000_i64 {
        dedupe.note(format!("id-{number}").as_bytes(), 1, number);
    }
    assert_eq!(dedupe.all().len(), 10_000);
    assert_eq!(dedupe.all().nth(17).unwrap().id, b"id-17");
    dedupe.forget(SECOND + 9_989);
    assert_eq!(dedupe.all().len(), 10);
    assert!(dedupe.entries.capacity() < 1000 && dedupe.table.capacity() < 1000);
    assert_eq!(dedupe.find(b"id-9999", SECOND), Some(1));
    dedupe.forget(2 * SECOND);
    assert_eq!((dedupe.entries.capacity(), dedupe.table.capacity()), (0, 0));
}

#[test]
fn busy_streams_forget_while_they_note() {
    let mut dedupe = Dedupe::new(100);
    for number in 0..10_000_i64 {
        dedupe.note(format!("{number}").as_bytes(), 1, number);
    }
    assert!(dedupe.all().len() <= 100);
}

#[test]
fn deadline_leaves_time_to_gather() {
    let mut dedupe = Dedupe::new(80 * SECOND);
    dedupe.note(b"a", 1, 0);
    assert_eq!(dedupe.deadline(), Some(90 * SECOND));
}

proptest! {
    #[test]
    fn agrees_with_a_map(steps in prop::collection::vec((0_u8..12, 0_i64..40, 0_u8..8), 1..300)) {
        const WINDOW: i64 = 100;
        let mut dedupe = Dedupe::new(WINDOW);
        let mut model = HashMap::<String, (u64, i64)>::new();
        let mut now = 0;
        for (sequence, (id, passed, forget)) in (1..).zip(steps) {
            now += passed;
            // Ids of all lengths, so that they wrap in the ring.
            let id = "x".repeat(id.into());
            let known = model.get(&id).filter(|(_, time)| *time > now - WINDOW).map(|(sequence, _)| *sequence);
            prop_assert_eq!(dedupe.find(id.as_bytes(), now), known);
            if known.is_none() {
                dedupe.note(id.as_bytes(), sequence, now);
                model.insert(id, (sequence, now));
            }
            if forget == 0 {
                dedupe.forget(now);
            }
        }
    }
}
