//! How long does matching one subject take with 1k, 100k and 1M subscriptions, when nothing of the tree is in the cache
//! because every subject is another, drawn at random?
//!
//! The target counts at 1M filters of which 10 % hold a wildcard: at most 700 ns.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use embus_protocol::subject_tree::SubjectTree;

/// Subjects matched before they repeat; enough of them to sweep any cache at 1M subscriptions.
const SUBJECTS: usize = 1 << 20;

/// Every subject has this length, so that they lie packed in one buffer that the processor prefetches.
const SUBJECT_BYTES: usize = 24;

fn subject(number: usize) -> String {
    format!("plant.{:03}.state.{number:08}", number % 1000)
}

/// The one filter that takes `subject(number)`: literal, or for a share of them with a `*` first or third.
fn filter(number: usize, wildcards_of_100: usize) -> String {
    let region = number % 1000;
    // Shifted by one from region to region, so that each region has its share.
    let is_wildcard = (number + number / 1000) % 100 < wildcards_of_100;
    match (is_wildcard, number / 7 % 2) {
        (false, _) => subject(number),
        (true, 0) => format!("plant.{region:03}.*.{number:08}"),
        (true, _) => format!("*.{region:03}.state.{number:08}"),
    }
}

fn tree(count: usize, wildcards_of_100: usize) -> SubjectTree<usize> {
    let mut tree = SubjectTree::new();
    for number in 0..count {
        tree.get_or_insert_with(&filter(number, wildcards_of_100).into_bytes().into(), || number);
    }
    assert_eq!(tree.len(), count);
    for number in (0..count).step_by(101) {
        let mut found = Vec::new();
        tree.for_each_match(subject(number).as_bytes(), |number| found.push(*number));
        assert_eq!(found, [number]);
    }
    tree
}

/// Subjects of subscriptions below `count`, drawn at random with a fixed seed, packed.
fn random_subjects(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut packed = Vec::with_capacity(SUBJECTS * SUBJECT_BYTES);
    for _ in 0..SUBJECTS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = usize::try_from(state >> 33).unwrap_or(0) % count;
        packed.extend_from_slice(subject(number).as_bytes());
    }
    packed
}

fn bench(criterion: &mut Criterion) {
    for (name, count) in [("1k", 1_000), ("100k", 100_000), ("1M", 1_000_000)] {
        let subjects = random_subjects(count);
        let mut group = criterion.benchmark_group(format!("match {name}"));
        for wildcards_of_100 in [0, 10, 50] {
            let tree = tree(count, wildcards_of_100);
            let mut next = subjects.chunks_exact(SUBJECT_BYTES).cycle();
            group.bench_function(format!("{wildcards_of_100} % wildcards"), |bencher| {
                bencher.iter(|| {
                    let mut found = 0;
                    if let Some(subject) = next.next() {
                        tree.for_each_match(black_box(subject), |number| found += black_box(*number));
                    }
                    found
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
