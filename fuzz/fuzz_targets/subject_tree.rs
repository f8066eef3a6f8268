//! Any filters in and out of the tree, beside the plain matcher.
//!
//! The input is a script of lines: `+filter` inserts, `-filter` removes, any other line is a subject to match.
#![no_main]

use std::collections::BTreeMap;

use embus_protocol::filter::matches;
use embus_protocol::subject_tree::SubjectTree;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut tree = SubjectTree::new();
    let mut model: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (number, line) in data.split(|byte| *byte == b'\n').enumerate() {
        match line {
            [b'+', filter @ ..] => {
                let kept = *tree.get_or_insert_with(&filter.into(), || number);
                assert_eq!(kept, *model.entry(filter).or_insert(number));
            }
            [b'-', filter @ ..] => assert_eq!(tree.remove(filter), model.remove(filter)),
            subject => check_match(&tree, &model, subject),
        }
        assert_eq!(tree.len(), model.len());
    }
    let mut listed: Vec<_> = tree.iter().map(|(filter, value)| (filter.into_owned(), *value)).collect();
    listed.sort_unstable();
    assert!(listed.iter().map(|(filter, value)| (&filter[..], *value)).eq(model));
});

fn check_match(tree: &SubjectTree<usize>, model: &BTreeMap<&[u8], usize>, subject: &[u8]) {
    let mut found = Vec::new();
    tree.for_each_match(subject, |value| found.push(*value));
    found.sort_unstable();
    let matching = model.iter().filter(|(filter, _)| matches(filter, subject));
    let mut expected: Vec<_> = matching.map(|(_, value)| *value).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(tree.has_match(subject), !expected.is_empty());
    assert_eq!(tree.get(subject), model.get(subject));
}
