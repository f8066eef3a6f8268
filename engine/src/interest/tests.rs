//! Interest against a plain list of subscriptions.

use embus_protocol::filter;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{connection, subscription};

const FILTERS: [&str; 6] = ["a", "a.b", "a.*", "a.>", "*", ">"];
const SUBJECTS: [&str; 5] = ["a", "b", "a.b", "a.c", "a.b.c"];
const QUEUES: [Option<&str>; 4] = [None, None, Some("q"), Some("w")];

/// The sids that get a message on `subject`.
fn found(interest: &Interest, subject: &str) -> Vec<String> {
    let mut sids = Vec::new();
    interest.for_each_match(subject.as_bytes(), |subscription| sids.push(format!("{:?}", subscription.sid())));
    sids.sort();
    sids
}

fn wanted(held: &[Arc<Subscription>], subject: &str) -> Vec<String> {
    let matching = held.iter().filter(|held| filter::matches(held.filter(), subject.as_bytes()));
    let mut sids: Vec<_> = matching.map(|held| format!("{:?}", held.sid())).collect();
    sids.sort();
    sids
}

proptest! {
    /// Each step adds a subscription, or (`Some`) takes one out that is there.
    #[test]
    fn who_is_interested_is_found(steps in vec((0..6_usize, 0..4_usize, proptest::option::of(any::<usize>())), 0..60)) {
        let client = connection(1);
        let mut interest = Interest::default();
        let mut held: Vec<Arc<Subscription>> = Vec::new();
        for (number, (filter, queue, remove)) in steps.into_iter().enumerate() {
            match remove {
                Some(index) if !held.is_empty() => {
                    let gone = held.swap_remove(index % held.len());
                    prop_assert!(interest.remove(&gone));
                    prop_assert!(!interest.remove(&gone), "it is gone");
                }
                _ => {
                    let new = subscription(&client, &number.to_string(), FILTERS[filter], QUEUES[queue]);
                    held.push(Arc::clone(&new));
                    interest.insert(new);
                }
            }
            prop_assert_eq!(interest.len(), held.len());
            let filters: std::collections::BTreeSet<_> = held.iter().map(|held| held.filter()).collect();
            prop_assert_eq!(interest.filters(), filters.len());
            for subject in SUBJECTS {
                prop_assert_eq!(found(&interest, subject), wanted(&held, subject));
                prop_assert_eq!(interest.has_match(subject.as_bytes()), !wanted(&held, subject).is_empty());
            }
        }
    }
}
