//! The list of scenarios with consumers, with the targets of the project.

use crate::consumers::{ConsumerLoad, Pull};
use crate::in_process::Question;
use crate::sample::Metric;
use crate::scenario::{Bound, Scenario, Target, Workload};

/// All scenarios with consumers. `quick` makes the counts small.
pub fn scenarios(quick: bool) -> Vec<Scenario> {
    let messages = if quick { 20_000 } else { 1_000_000 };
    let idle = if quick { 200 } else { 10_000 };
    let pull = |workers, acks, config| ConsumerLoad::Pull(Pull { messages, workers, batch: 500, acks, config });
    let processor = |factor| target(Metric::ServerCpuMicros, Bound::TimesLess(factor));
    vec![
        row("pull, fetch 500, acks", pull(1, true, ""), processor(8.0)),
        row("pull, fetch 500, no acks", pull(1, false, ""), processor(6.0)),
        row("work queue, 8 workers", pull(8, true, r#","retention":"workqueue""#), processor(5.0)),
        row("ordered push replay", ConsumerLoad::Push { messages }, processor(5.0)),
        row("publish to delivery", ConsumerLoad::Latency, target(Metric::P50Micros, Bound::ShareOf(0.5))),
        row(
            &format!("publish beside {idle} others"),
            ConsumerLoad::BesideIdle { consumers: idle },
            target(Metric::TimesAlone, Bound::AtMost(1.2)),
        ),
        row(
            &format!("{idle} idle durables"),
            ConsumerLoad::IdleMemory { consumers: idle },
            target(Metric::BytesEach, Bound::AtMost(2048.0)),
        ),
        Scenario {
            name: "in-process replay of a stream".to_owned(),
            workload: Workload::InProcess(Question::Replay { messages }),
            targets: vec![target(Metric::MessagesPerSecond, Bound::AtLeast(4e6))],
        },
    ]
}

fn row(name: &str, load: ConsumerLoad, target: Target) -> Scenario {
    Scenario { name: format!("consumer {name}"), workload: Workload::Consumers(load), targets: vec![target] }
}

fn target(metric: Metric, bound: Bound) -> Target {
    Target { metric, bound }
}
