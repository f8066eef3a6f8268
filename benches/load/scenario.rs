//! The scenarios, what each of them measures, and the target it has to reach.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::buckets::BucketLoad;
use crate::carriers::CarrierLoad;
use crate::consumers::ConsumerLoad;
use crate::flow::Flow;
use crate::in_process::{self, Question};
use crate::lane::{Phase, run_lanes};
use crate::latency::{AwakeProcessors, Latencies};
use crate::machine::{self, Floor};
use crate::process::CpuClock;
use crate::request_reply::RoundTrips;
use crate::sample::{Metric, Sample, float, mebibytes};
use crate::server::{Contender, Server};
use crate::streams::StreamLoad;
use crate::{guarded, lifecycle, memory};

/// How long and how large the runs are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Length of the measured phase of a run.
    pub measured: Duration,
    /// Length of the phase before it, which is thrown away.
    pub warm_up: Duration,
    /// Threads of the load client, as far as there are groups to spread over them.
    pub client_threads: usize,
    /// A program that holds a tokio runtime and nothing else, for comparing memory.
    pub idle_runtime: PathBuf,
    /// Directory for the stores of servers with streams.
    pub store: PathBuf,
}

/// One row of the report.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Name in the report; filters on the command line match a part of it.
    pub name: String,
    /// What is done.
    pub workload: Workload,
    /// What has to come out.
    pub targets: Vec<Target>,
}

/// What a scenario does with a freshly started server.
#[derive(Debug, Clone)]
pub enum Workload {
    /// Relays messages at full speed.
    Relay(Flow),
    /// The same between users with permissions, in an account.
    Guarded(Flow),
    /// Asks and answers, one request in flight.
    RequestReply,
    /// Opens this many connections that then do nothing.
    IdleConnections(usize),
    /// Registers this many literal subscriptions.
    Subscriptions(usize),
    /// Leaves the server alone.
    IdleServer,
    /// Starts it.
    Start,
    /// Stops it with this signal.
    Stop(Signal),
    /// Relays messages over TLS or WebSocket.
    Carriers(CarrierLoad),
    /// Needs no server process: the broker runs in this one.
    InProcess(Question),
    /// Needs no broker at all.
    Machine(Floor),
    /// Stores messages in streams and reads them.
    Streams(StreamLoad),
    /// Hands stored messages out.
    Consumers(ConsumerLoad),
    /// Writes and watches buckets.
    Buckets(BucketLoad),
}

/// A bound on one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Which figure counts.
    pub metric: Metric,
    /// What it has to reach.
    pub bound: Bound,
}

/// The bound that a figure of embus has to keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// The reference server's figure divided by ours is at least this.
    TimesLess(f64),
    /// Our figure divided by the reference server's is at least this.
    TimesMore(f64),
    /// Our figure is at most this share of the reference server's.
    ShareOf(f64),
    /// Our figure is at most this.
    AtMost(f64),
    /// Our figure is at least this.
    AtLeast(f64),
}

impl Bound {
    /// Whether `ours` keeps the bound; `None` where it needs a reference that did not run.
    pub fn is_kept(self, ours: f64, reference: Option<f64>) -> Option<bool> {
        match self {
            Self::TimesLess(factor) => reference.map(|reference| reference / ours >= factor),
            Self::TimesMore(factor) => reference.map(|reference| ours / reference >= factor),
            Self::ShareOf(share) => reference.map(|reference| ours / reference <= share),
            Self::AtMost(most) => Some(ours <= most),
            Self::AtLeast(least) => Some(ours >= least),
        }
    }
}

impl Workload {
    /// Whether the reference server can do it too.
    pub fn has_reference(&self) -> bool {
        match self {
            Self::InProcess(_) | Self::Machine(_) => false,
            Self::Consumers(load) => load.has_reference(),
            _ => true,
        }
    }

    /// Runs once against a fresh server of `contender`.
    pub fn run(&self, contender: &Contender, settings: &Settings) -> io::Result<Sample> {
        match self {
            Self::Start => Ok(Sample::default().with(Metric::Millis, lifecycle::start_millis(contender)?)),
            Self::Stop(signal) => {
                Ok(Sample::default().with(Metric::Millis, lifecycle::stop_millis(contender, *signal)?))
            }
            Self::InProcess(question) => in_process::run(*question, settings),
            Self::Machine(floor) => machine::run(*floor, settings),
            Self::Guarded(flow) => guarded::run(flow, contender, settings),
            Self::Carriers(load) => load.run(contender, settings),
            Self::Streams(load) => load.run(contender, settings),
            Self::Consumers(load) => load.run(contender, settings),
            Self::Buckets(load) => load.run(contender, settings),
            _ => {
                let server = Server::start(contender)?;
                let sample = self.run_on(&server, settings)?;
                server.stop(Signal::SIGTERM)?;
                Ok(sample)
            }
        }
    }

    fn run_on(&self, server: &Server, settings: &Settings) -> io::Result<Sample> {
        match self {
            Self::Relay(flow) => relay(server, flow, settings),
            Self::RequestReply => request_reply(server, settings),
            Self::IdleConnections(count) => idle_connections(server, *count),
            Self::Subscriptions(count) => subscriptions(server, *count),
            Self::IdleServer => idle_server(server, settings),
            Self::Start
            | Self::Stop(_)
            | Self::InProcess(_)
            | Self::Machine(_)
            | Self::Guarded(_)
            | Self::Carriers(_)
            | Self::Streams(_)
            | Self::Consumers(_)
            | Self::Buckets(_) => Err(io::Error::other("not a workload for a running server")),
        }
    }
}

pub(crate) fn relay(server: &Server, flow: &Flow, settings: &Settings) -> io::Result<Sample> {
    let mut lanes = flow.connect(server.address(), settings.client_threads)?;
    run_lanes(&mut lanes, settings.warm_up)?;
    let (cpu, own) = (server.cpu_clock()?, CpuClock::own());
    let (cpu_before, own_before) = (cpu.now()?, own.now()?);
    let phase = run_lanes(&mut lanes, settings.measured)?;
    let (cpu_used, own_used) = (cpu.since(cpu_before)?, own.since(own_before)?);
    Ok(rates(&phase)
        .with(Metric::ServerCpuMicros, micros_each(cpu_used, phase.published))
        .with(Metric::ClientCpuMicros, micros_each(own_used, phase.published))
        .with(Metric::ResidentMib, mebibytes(server.resident_bytes()?)))
}

fn request_reply(server: &Server, settings: &Settings) -> io::Result<Sample> {
    let mut round_trips = RoundTrips::connect(server.address())?;
    let _awake = AwakeProcessors::hold();
    round_trips.run(settings.warm_up)?;
    let cpu = server.cpu_clock()?;
    let (cpu_before, start) = (cpu.now()?, Instant::now());
    let (latencies, requests) = round_trips.run(settings.measured)?;
    let sample = rates(&Phase { published: requests, delivered: requests, elapsed: start.elapsed() });
    let cpu_each = micros_each(cpu.since(cpu_before)?, requests);
    Ok(latencies.add_to(sample.with(Metric::ServerCpuMicros, cpu_each)))
}

fn idle_connections(server: &Server, count: usize) -> io::Result<Sample> {
    Ok(Sample::default().with(Metric::BytesEach, memory::bytes_per_connection(server, count)?))
}

fn subscriptions(server: &Server, count: usize) -> io::Result<Sample> {
    let (bytes, cpu) = memory::bytes_per_subscription(server, count)?;
    let cpu_each = micros_each(cpu, count as u64);
    Ok(Sample::default().with(Metric::BytesEach, bytes).with(Metric::ServerCpuMicros, cpu_each))
}

fn idle_server(server: &Server, settings: &Settings) -> io::Result<Sample> {
    let resident = mebibytes(memory::resident_when_quiet(server)?);
    let empty = mebibytes(memory::resident_of_idle_program(&settings.idle_runtime)?);
    Ok(Sample::default().with(Metric::ResidentMib, resident).with(Metric::AboveRuntimeMib, resident - empty))
}

/// The rate of a phase.
pub(crate) fn rates(phase: &Phase) -> Sample {
    Sample::default().with(Metric::MessagesPerSecond, float(phase.published) / phase.elapsed.as_secs_f64())
}

/// Does one thing after the other, for so long: what each takes of the server's processor time, and the times that `once`
/// says.
pub(crate) fn one_by_one(
    server: &Server,
    settings: &Settings,
    mut once: impl FnMut() -> io::Result<Duration>,
) -> io::Result<Sample> {
    let mut run = |time, latencies: &mut Latencies| {
        let (start, mut count) = (Instant::now(), 0);
        while start.elapsed() < time {
            latencies.record(once()?);
            count += 1;
        }
        Ok::<u64, io::Error>(count)
    };
    let _awake = AwakeProcessors::hold();
    run(settings.warm_up, &mut Latencies::new()?)?;
    let (cpu, mut latencies) = (server.cpu_clock()?, Latencies::new()?);
    let before = cpu.now()?;
    let count = run(settings.measured, &mut latencies)?;
    let sample = Sample::default().with(Metric::ServerCpuMicros, micros_each(cpu.since(before)?, count));
    Ok(latencies.add_to(sample))
}

/// A share of a span of time, in microseconds.
pub(crate) fn micros_each(duration: Duration, count: u64) -> f64 {
    duration.as_secs_f64() * 1e6 / float(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_bounds_need_a_reference() {
        assert_eq!(Bound::TimesLess(4.0).is_kept(1.0, Some(5.0)), Some(true));
        assert_eq!(Bound::TimesLess(4.0).is_kept(2.0, Some(5.0)), Some(false));
        assert_eq!(Bound::ShareOf(0.7).is_kept(6.0, Some(10.0)), Some(true));
        assert_eq!(Bound::ShareOf(0.7).is_kept(8.0, Some(10.0)), Some(false));
        assert_eq!(Bound::TimesLess(4.0).is_kept(1.0, None), None);
        assert_eq!(Bound::TimesMore(4.0).is_kept(9.0, Some(2.0)), Some(true));
        assert_eq!(Bound::TimesMore(4.0).is_kept(9.0, Some(3.0)), Some(false));
    }

    #[test]
    fn absolute_bounds_stand_alone() {
        assert_eq!(Bound::AtMost(5.0).is_kept(5.0, None), Some(true));
        assert_eq!(Bound::AtMost(5.0).is_kept(5.1, Some(9.0)), Some(false));
        assert_eq!(Bound::AtLeast(6.0).is_kept(5.0, None), Some(false));
    }
}
