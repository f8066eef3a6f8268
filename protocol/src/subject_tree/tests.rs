//! The tree against the plain matcher, and its use of memory.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::filter::matches;

/// A tree whose values are its filters.
fn tree(filters: &[&str]) -> SubjectTree<String> {
    let mut tree = SubjectTree::new();
    for filter in filters {
        tree.get_or_insert_with(&filter.as_bytes().into(), || (*filter).to_owned());
    }
    tree
}

#[track_caller]
fn check(filters: &[&str], subject: &str, expected: &[&str]) {
    let tree = tree(filters);
    let mut found = Vec::new();
    tree.for_each_match(subject.as_bytes(), |filter| found.push(filter.as_str()));
    found.sort_unstable();
    assert_eq!(found, expected, "{subject}");
    assert_eq!(tree.has_match(subject.as_bytes()), !expected.is_empty());
}

#[test]
fn a_tree_goes_between_threads() {
    fn check<T: Send + Sync>(_: &T) {}
    check(&tree(&[]));
}

#[test]
fn literals_and_wildcards_match_together() {
    let filters = ["a.b", "a.*", "*.b", "*.*", "a.>", ">", "*.>", "b.>", "a", "*", "a.b.c"];
    check(&filters, "a.b", &["*.*", "*.>", "*.b", ">", "a.*", "a.>", "a.b"]);
    check(&filters, "a", &["*", ">", "a"]);
    check(&filters, "a.b.c", &["*.>", ">", "a.>", "a.b.c"]);
}

#[track_caller]
fn check_below(filters: &[&str], prefix: &str, expected: Option<&[&str]>) {
    let tree = tree(filters);
    let mut found = Vec::new();
    let is_known = tree.for_each_match_below(prefix.as_bytes(), |filter| found.push(filter.as_str()));
    found.sort_unstable();
    assert_eq!(is_known.then_some(&found[..]), expected, "{prefix}");
}

#[test]
fn what_matches_whatever_the_last_token_is() {
    check_below(&[], "a", Some(&[]));
    let filters = ["a.*", "a.>", "*.*", ">", "a.b", "a", "a.*.c", "b.*.x", "c.*"];
    check_below(&filters, "a", Some(&["*.*", ">", "a.*", "a.>"]));
    check_below(&filters, "x", Some(&["*.*", ">"]));
    check_below(&filters, "b.y", None);
    check_below(&filters, "a.b", None);
    check_below(&filters, "a..b", None);
    check_below(&["*.b", "a.*"], "a", None);
    assert!(tree(&filters).has_literal(b"a.b") && !tree(&filters).has_literal(b"a.c"));
}

#[test]
fn empty_tokens_match_nothing() {
    let filters = ["", ".", "a.", ".a", "a..b", ">", "*.*.*", "a.>", "a.>.b", "*..b"];
    for subject in ["", ".", "a.", ".a", "a..b"] {
        check(&filters, subject, &[]);
    }
    // Neither does a subject that equals a filter that is not valid.
    check(&filters, "a.>.b", &["*.*.*", ">", "a.>"]);
}

#[test]
fn subjects_are_taken_literally() {
    check(&["foo.*", "foo.bar", "foo.>"], "foo.*", &["foo.*", "foo.>"]);
    check(&["foo.*", "foo.bar", "foo.>"], "foo.>", &["foo.*", "foo.>"]);
}

#[test]
fn one_value_per_filter() {
    let mut tree = SubjectTree::new();
    for filter in ["a", "a.*", "a..b"] {
        let filter: Arc<[u8]> = filter.as_bytes().into();
        *tree.get_or_insert_with(&filter, || 1) += 1;
        *tree.get_or_insert_with(&filter, || unreachable!("it is there")) += 1;
        *tree.get_mut(&filter).expect("it is there") += 1;
        assert_eq!(tree.get(&filter), Some(&4));
    }
    assert_eq!(tree.len(), 3);
    assert_eq!((tree.get(b"b"), tree.get(b"*"), tree.get(b"a.>"), tree.get(b".")), (None, None, None, None));
}

#[test]
fn removal_frees_what_nothing_else_needs() {
    let mut tree = tree(&["a.*.c", "a.*", "a.>", "x.*"]);
    assert_eq!(tree.remove(b"a.*.c").as_deref(), Some("a.*.c"));
    assert_eq!(tree.remove(b"a.*.c"), None);
    assert_eq!(tree.remove(b"a"), None);
    assert!(tree.has_match(b"a.b") && tree.remove(b"a.*").is_some_and(|filter| filter == "a.*"));
    assert!(tree.has_match(b"a.b") && tree.remove(b"a.>").is_some() && !tree.has_match(b"a.b"));
    assert_eq!((tree.len(), tree.wildcards.nodes_in_use()), (1, 3));
    assert!(tree.remove(b"x.*").is_some() && tree.is_empty());
    assert_eq!(tree.wildcards.nodes_in_use(), 0);
}

#[test]
fn churn_reuses_its_room() {
    let mut tree = tree(&["keep.*"]);
    for number in 0..10_000 {
        let filter = Arc::<[u8]>::from(format!("work.{number}.a token of more than twenty-two bytes.*.>").into_bytes());
        tree.get_or_insert_with(&filter, String::new);
        assert!(tree.remove(&filter).is_some());
    }
    assert!(tree.wildcards.nodes_allocated() < 16);
    assert_eq!(tree.wildcards.nodes_in_use(), 3);
}

/// The widest trie a few filters can make costs no more visits than it has nodes.
#[test]
fn hostile_filters_stay_bounded() {
    let mut tree = SubjectTree::new();
    for bits in 0..1_u32 << 10 {
        let tokens: Vec<_> = (0..10).map(|bit| if bits >> bit & 1 == 1 { "*" } else { "a" }).collect();
        tree.get_or_insert_with(&format!("{}.*", tokens.join(".")).into_bytes().into(), || ());
    }
    let mut count = 0;
    tree.for_each_match("a.a.a.a.a.a.a.a.a.a.b".as_bytes(), |()| count += 1);
    assert_eq!(count, 1 << 10);
}

#[test]
fn long_subjects_do_not_overflow() {
    let deep = vec!["*"; 2048].join(".");
    let subject = vec!["a"; 2048].join(".");
    check(&[&deep, ">", "*.>"], &subject, &[&deep, "*.>", ">"]);
}

/// Few letters and many wildcards, so that filters meet; now and then an empty token.
fn text() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec!["a", "a", "b", "*", "*", ">", "", "a*", "a token of more than 22 bytes"]);
    prop::collection::vec(token, 0..6).prop_map(|tokens| tokens.join("."))
}

fn sorted<'a>(values: impl Iterator<Item = &'a u32>) -> Vec<u32> {
    let mut values: Vec<u32> = values.copied().collect();
    values.sort_unstable();
    values
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn agrees_with_the_plain_matcher(steps in prop::collection::vec((any::<bool>(), text(), text()), 1..60)) {
        let mut tree = SubjectTree::new();
        let mut model: BTreeMap<String, u32> = BTreeMap::new();
        for (number, (insert, filter, subject)) in (0..).zip(steps) {
            if insert {
                let kept = *tree.get_or_insert_with(&filter.as_bytes().into(), || number);
                prop_assert_eq!(kept, *model.entry(filter).or_insert(number));
            } else {
                prop_assert_eq!(tree.remove(filter.as_bytes()), model.remove(&filter));
            }
            let mut found = Vec::new();
            tree.for_each_match(subject.as_bytes(), |value| found.push(value));
            let expected = model.iter().filter(|(filter, _)| matches(filter.as_bytes(), subject.as_bytes()));
            prop_assert_eq!(sorted(found.into_iter()), sorted(expected.map(|(_, value)| value)));
            prop_assert_eq!((tree.len(), tree.get(subject.as_bytes())), (model.len(), model.get(&subject)));
        }
        let mut listed: Vec<_> = tree.iter().map(|(filter, value)| (filter.into_owned(), *value)).collect();
        listed.sort_unstable();
        let kept: Vec<_> = model.into_iter().map(|(filter, value)| (filter.into_bytes(), value)).collect();
        prop_assert_eq!(listed, kept);
    }
}
