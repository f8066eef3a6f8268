//! The list of scenarios, those with streams apart, with the targets of the project.

use nix::sys::signal::Signal;

use crate::carriers::CarrierLoad;
use crate::flow::Flow;
use crate::in_process::{Question, bucket};
use crate::machine::Floor;
use crate::sample::Metric;
use crate::scenario::{Bound, Scenario, Target, Workload};
use crate::{buckets, consumers, streams};

const KIB: usize = 1024;

/// All scenarios over TCP. `quick` makes the counts of connections and subscriptions small.
pub fn scenarios(quick: bool) -> Vec<Scenario> {
    let mut all = relays();
    all.push(scenario("request/reply, one in flight", Workload::RequestReply, share_of(Metric::P50Micros, 0.7)));
    all.extend(carriers(quick));
    all.extend(in_process());
    all.extend(footprints(quick));
    all.extend(streams::catalogue::scenarios(quick));
    all.extend(consumers::catalogue::scenarios(quick));
    all.extend(buckets::catalogue::scenarios(quick));
    all.extend(in_process_buckets(quick));
    all.extend(floors());
    all
}

fn relays() -> Vec<Scenario> {
    vec![
        relay("TCP 1→1 16 B", Flow::one_to(1, 16), 6.0),
        relay("TCP 1→1 128 B", Flow::one_to(1, 128), 4.0),
        Scenario {
            name: "TCP 1→1 128 B, users and permissions".to_owned(),
            workload: Workload::Guarded(Flow::one_to(1, 128)),
            targets: Vec::new(),
        },
        relay("TCP 1→1 1 KiB", Flow::one_to(1, KIB), 2.2),
        relay("TCP 1→1 4 KiB", Flow::one_to(1, 4 * KIB), 1.9),
        relay("TCP 1→1 16 KiB", Flow::one_to(1, 16 * KIB), 1.6),
        relay("TCP 1→1 64 KiB", Flow::one_to(1, 64 * KIB), 2.0),
        relay("TCP 1→8 128 B", Flow::one_to(8, 128), 4.5),
        relay("TCP 1→64 128 B", Flow::one_to(64, 128), 4.5),
        relay("TCP 4→4 pairs 128 B", Flow::pairs(4, 128), 4.0),
        relay("TCP 16→16 pairs 128 B", Flow::pairs(16, 128), 4.0),
        relay("TCP 100k subjects, 1 wildcard 128 B", Flow::changing_subjects(100_000, 128), 4.0),
    ]
}

fn carriers(quick: bool) -> Vec<Scenario> {
    let carried =
        |name: &str, load, share| scenario(name, Workload::Carriers(load), share_of(Metric::ServerCpuMicros, share));
    let handshakes = if quick { 100 } else { 3_000 };
    vec![
        carried("TLS 1→1 1 KiB", CarrierLoad::Tls(KIB), 0.7),
        carried("WebSocket 1→1 128 B", CarrierLoad::WebSocket(128), 0.5),
        Scenario {
            name: format!("TLS handshake, {handshakes}"),
            workload: Workload::Carriers(CarrierLoad::Handshakes(handshakes)),
            targets: Vec::new(),
        },
    ]
}

fn in_process() -> Vec<Scenario> {
    let rate = Target { metric: Metric::MessagesPerSecond, bound: Bound::AtLeast(6e6) };
    let without_target = |name: &str, question| Scenario {
        name: name.to_owned(),
        workload: Workload::InProcess(question),
        targets: Vec::new(),
    };
    vec![
        scenario("in-process 1→1 128 B", Workload::InProcess(Question::OneToOne), rate),
        scenario("in-process round trip", Workload::InProcess(Question::RoundTrip), at_most(Metric::P50Micros, 1.0)),
        without_target("in-process publish to nobody 128 B", Question::NoSubscriber),
    ]
}

fn in_process_buckets(quick: bool) -> Vec<Scenario> {
    let many = if quick { 2_000 } else { 100_000 };
    let bucket = |name: &str, question, target: Option<Target>| Scenario {
        name: format!("in-process bucket {name}"),
        workload: Workload::InProcess(Question::Bucket(question)),
        targets: target.into_iter().collect(),
    };
    let within = |micros| Some(at_most(Metric::P50Micros, micros));
    let rate = Target { metric: Metric::MessagesPerSecond, bound: Bound::AtLeast(30_000.0) };
    vec![
        bucket("get, 1 key", bucket::Question::Get { keys: 1 }, within(1.0)),
        bucket(&format!("get, {many} keys"), bucket::Question::Get { keys: many }, within(5.0)),
        bucket("put, 64 at once (synced)", bucket::Question::Put { tasks: 64 }, Some(rate)),
        bucket("watch, behind the put", bucket::Question::Watch, within(5.0)),
        bucket(&format!("watch start, {many} keys"), bucket::Question::WatchStart { keys: many }, None),
    ]
}

fn floors() -> Vec<Scenario> {
    let floor = |name: &str, floor| Scenario {
        name: format!("machine: {name}"),
        workload: Workload::Machine(floor),
        targets: Vec::new(),
    };
    vec![
        floor("write and echo, 1 in flight", Floor::Echo { connections: 1 }),
        floor("write and echo, 16 connections", Floor::Echo { connections: 16 }),
        floor("write and sync, 1 in flight", Floor::Sync),
    ]
}

fn footprints(quick: bool) -> Vec<Scenario> {
    let connections = if quick { 500 } else { 5_000 };
    let counts = if quick { vec![20_000] } else { vec![200_000, 1_000_000] };
    let each = |most| at_most(Metric::BytesEach, most);
    let mut all = vec![scenario(
        &format!("idle connection, {connections}"),
        Workload::IdleConnections(connections),
        each(4096.0),
    )];
    for count in counts {
        all.push(scenario(&format!("subscription, {count}"), Workload::Subscriptions(count), each(250.0)));
    }
    all.push(scenario("idle server", Workload::IdleServer, at_most(Metric::AboveRuntimeMib, 3.0)));
    all.push(scenario("start to first PONG", Workload::Start, at_most(Metric::Millis, 5.0)));
    all.push(scenario("shutdown on SIGTERM", Workload::Stop(Signal::SIGTERM), at_most(Metric::Millis, 20.0)));
    all.push(scenario("shutdown on SIGINT", Workload::Stop(Signal::SIGINT), at_most(Metric::Millis, 20.0)));
    all
}

fn relay(name: &str, flow: Flow, factor: f64) -> Scenario {
    let target = Target { metric: Metric::ServerCpuMicros, bound: Bound::TimesLess(factor) };
    scenario(name, Workload::Relay(flow), target)
}

fn scenario(name: &str, workload: Workload, target: Target) -> Scenario {
    Scenario { name: name.to_owned(), workload, targets: vec![target] }
}

fn at_most(metric: Metric, most: f64) -> Target {
    Target { metric, bound: Bound::AtMost(most) }
}

fn share_of(metric: Metric, share: f64) -> Target {
    Target { metric, bound: Bound::ShareOf(share) }
}
