//! The list of scenarios with buckets over TCP, with the targets of the project.

use crate::buckets::BucketLoad;
use crate::sample::Metric;
use crate::scenario::{Bound, Scenario, Target, Workload};

/// All scenarios with buckets over TCP. `quick` makes the counts small.
pub fn scenarios(quick: bool) -> Vec<Scenario> {
    let many = if quick { 2_000 } else { 100_000 };
    let most = if quick { 20_000 } else { 1_000_000 };
    let target = |metric, bound| Target { metric, bound };
    vec![
        row(
            &format!("put, {many} keys, 64 in flight (both synced)"),
            BucketLoad::PutSynced { keys: many, window: 64 },
            vec![target(Metric::MessagesPerSecond, Bound::TimesMore(50.0))],
        ),
        row("watch, put to event", BucketLoad::Watch, vec![target(Metric::P50Micros, Bound::ShareOf(0.5))]),
        row(
            &format!("watch start, {many} keys"),
            BucketLoad::WatchStart { keys: many },
            vec![target(Metric::Millis, Bound::TimesLess(4.0))],
        ),
        row(
            &format!("{most} keys, memory and restart"),
            BucketLoad::Keys { keys: most },
            vec![target(Metric::BytesEach, Bound::AtMost(120.0)), target(Metric::Millis, Bound::AtMost(1000.0))],
        ),
    ]
}

fn row(name: &str, load: BucketLoad, targets: Vec<Target>) -> Scenario {
    Scenario { name: format!("bucket {name}"), workload: Workload::Buckets(load), targets }
}
