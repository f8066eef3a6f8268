//! The list of scenarios with streams, with the targets of the project.

use nix::sys::signal::Signal;

use crate::sample::Metric;
use crate::scenario::{Bound, Scenario, Target, Workload};
use crate::streams::{Publish, StreamLoad, Syncs, Work};

/// A limit that is reached before the clock starts.
const MAX_MESSAGES: u64 = 10_000;
const AT_MAX_MESSAGES: &str = r#","max_msgs":10000"#;
const ONE_PER_SUBJECT: &str = r#","max_msgs_per_subject":1"#;

/// All scenarios with streams. `quick` makes the counts small.
pub fn scenarios(quick: bool) -> Vec<Scenario> {
    let mut all = durable();
    all.extend(written());
    all.extend(reads(quick));
    all.extend(stores(quick));
    all
}

/// What is acknowledged is on the disk.
fn durable() -> Vec<Scenario> {
    use Syncs::{AlwaysBesideAlways, AlwaysBesideDefault};
    let rate = |factor| target(Metric::MessagesPerSecond, Bound::TimesMore(factor));
    let (half, full) = (one_subject(1, 256), one_subject(1, 4096));
    vec![
        row("256 in flight", Work::Publish(half.clone()), AlwaysBesideDefault, vec![rate(1.3)]),
        row("1 in flight", Work::Publish(one_subject(1, 1)), AlwaysBesideAlways, vec![share(Metric::P50Micros, 0.6)]),
        row("16 publishers", Work::Publish(one_subject(16, 1)), AlwaysBesideAlways, vec![rate(6.0)]),
        row("256 in flight", Work::Publish(half), AlwaysBesideAlways, vec![rate(80.0)]),
        row("4096 in flight", Work::Publish(full), AlwaysBesideAlways, vec![rate(200.0)]),
        row(
            "64 streams, 16 messages each",
            Work::DirtyStreams { streams: 64, messages: 16 },
            AlwaysBesideAlways,
            vec![target(Metric::CommitsPerSecond, Bound::TimesMore(8.0))],
        ),
    ]
}

/// What is acknowledged is written, not synced.
fn written() -> Vec<Scenario> {
    let publish = |name, load, factor| row(name, Work::Publish(load), Syncs::OsBesideDefault, vec![processor(factor)]);
    vec![
        publish("256 in flight", one_subject(1, 256), 8.0),
        publish("4096 in flight", one_subject(1, 4096), 8.0),
        publish("1 in flight", one_subject(1, 1), 4.0),
        publish("16 publishers", one_subject(16, 1), 2.5),
        publish("at max_msgs", Publish { config: AT_MAX_MESSAGES, stored: MAX_MESSAGES, ..one_subject(1, 256) }, 6.0),
    ]
}

fn reads(quick: bool) -> Vec<Scenario> {
    let keys = if quick { 1_000 } else { 100_000 };
    let put = Publish { keys, config: ONE_PER_SUBJECT, ..one_subject(1, 256) };
    let get = |window| Work::DirectGet { keys, window };
    let last = vec![share(Metric::P50Micros, 0.6)];
    vec![
        row(&format!("put, {keys} keys"), Work::Publish(put), Syncs::OsBesideDefault, vec![processor(6.0)]),
        row("direct get, 64 in flight", get(64), Syncs::OsBesideDefault, vec![processor(5.0)]),
        row("direct get, 1 in flight", get(1), Syncs::OsBesideDefault, last),
    ]
}

fn stores(quick: bool) -> Vec<Scenario> {
    let messages = if quick { 50_000 } else { 5_000_000 };
    let subjects = if quick { 20_000 } else { 1_000_000 };
    let streams = if quick { 200 } else { 10_000 };
    let restart = |signal| Work::Restart { messages, signal };
    let quarter = || vec![target(Metric::Millis, Bound::TimesLess(4.0))];
    let at_most = |metric, most| target(metric, Bound::AtMost(most));
    let small = vec![at_most(Metric::Millis, 3000.0), at_most(Metric::BytesEach, 8192.0)];
    let row = |name: &str, work, targets| row(name, work, Syncs::OsBesideDefault, targets);
    vec![
        row(&format!("restart, {messages} messages"), restart(Signal::SIGTERM), quarter()),
        row(&format!("restart after a kill, {messages} messages"), restart(Signal::SIGKILL), quarter()),
        row(
            &format!("memory, {subjects} subjects"),
            Work::SubjectMemory { subjects },
            vec![at_most(Metric::BytesEach, 100.0)],
        ),
        row("disk", Work::DiskBytes { messages: messages / 5 }, vec![share(Metric::DiskBytesEach, 1.0)]),
        row(&format!("{streams} small streams"), Work::SmallStreams { count: streams }, small),
    ]
}

fn one_subject(publishers: usize, window: usize) -> Publish {
    Publish { publishers, window, keys: 1, config: "", stored: 0 }
}

/// The durability of both servers stands in the name.
fn row(name: &str, work: Work, syncs: Syncs, targets: Vec<Target>) -> Scenario {
    let syncs_name = match syncs {
        Syncs::AlwaysBesideDefault => "synced, beside default",
        Syncs::AlwaysBesideAlways => "both synced",
        Syncs::OsBesideDefault => "not synced",
    };
    let load = StreamLoad { work, syncs };
    Scenario { name: format!("stream {name} ({syncs_name})"), workload: Workload::Streams(load), targets }
}

fn processor(factor: f64) -> Target {
    target(Metric::ServerCpuMicros, Bound::TimesLess(factor))
}

fn share(metric: Metric, share: f64) -> Target {
    target(metric, Bound::ShareOf(share))
}

fn target(metric: Metric, bound: Bound) -> Target {
    Target { metric, bound }
}
