//! The report: lines while the bench runs, Markdown tables for `benches/README.md` at its end.

use std::fmt::Write as _;

use crate::sample::{Metric, Sample};
use crate::scenario::{Bound, Scenario, Target, Workload};

/// A scenario and the medians of those who ran it.
#[derive(Debug)]
pub struct Outcome {
    /// What was run.
    pub scenario: Scenario,
    /// Medians of nats-server, where it ran.
    pub reference: Option<Sample>,
    /// Medians of embus.
    pub embus: Sample,
}

impl Outcome {
    /// A few lines for the terminal.
    pub fn lines(&self) -> String {
        let mut text = String::new();
        for (name, sample) in [("nats-server", self.reference.as_ref()), ("embus", Some(&self.embus))] {
            if let Some(sample) = sample {
                let figures: Vec<_> = sample.iter().map(|(metric, value)| labelled(metric, value)).collect();
                let _ = writeln!(text, "  {name:<12} {}", figures.join("   "));
            }
        }
        for target in &self.scenario.targets {
            let ratio = self.ratio(target.metric).map(|ratio| format!("ratio {ratio:.2}, ")).unwrap_or_default();
            let _ = writeln!(text, "  {ratio}target {}: {}", bound(*target), self.verdict(target.metric));
        }
        text
    }

    /// How many times better embus is: the reference server's cost divided by ours, or our rate by its.
    fn ratio(&self, metric: Metric) -> Option<f64> {
        let (reference, ours) = (self.reference.as_ref()?.get(metric)?, self.embus.get(metric)?);
        Some(if metric.is_rate() { ours / reference } else { reference / ours })
    }

    /// Whether the target was reached, where `metric` is the one that counts.
    fn verdict(&self, metric: Metric) -> &'static str {
        let Some(target) = self.target_on(metric) else { return "" };
        let reference = self.reference.as_ref().and_then(|sample| sample.get(metric));
        match self.embus.get(metric).and_then(|ours| target.bound.is_kept(ours, reference)) {
            Some(true) => "pass",
            Some(false) => "**miss**",
            None => "no reference",
        }
    }

    fn target_on(&self, metric: Metric) -> Option<Target> {
        self.scenario.targets.iter().copied().find(|target| target.metric == metric)
    }

    fn is_relay(&self) -> bool {
        matches!(self.scenario.workload, Workload::Relay(_))
    }

    fn relay_row(&self) -> String {
        let cpu = Metric::ServerCpuMicros;
        let cells = [
            self.scenario.name.clone(),
            cell(self.reference.as_ref(), cpu),
            cell(Some(&self.embus), cpu),
            times(self.ratio(cpu)),
            self.target_on(cpu).map(bound).unwrap_or_default(),
            self.verdict(cpu).to_owned(),
            self.both(Metric::MessagesPerSecond),
            self.both(Metric::ClientCpuMicros),
            self.both(Metric::ResidentMib),
        ];
        row(&cells)
    }

    fn figure_rows(&self) -> String {
        let row_of = |metric: Metric| {
            row(&[
                format!("{}, {}", self.scenario.name, metric.label()),
                cell(self.reference.as_ref(), metric),
                cell(Some(&self.embus), metric),
                times(self.ratio(metric)),
                self.target_on(metric).map(bound).unwrap_or_default(),
                self.verdict(metric).to_owned(),
            ])
        };
        self.embus.iter().map(|(metric, _)| row_of(metric)).collect()
    }

    fn both(&self, metric: Metric) -> String {
        format!("{} / {}", cell(self.reference.as_ref(), metric), cell(Some(&self.embus), metric))
    }
}

/// All outcomes as Markdown.
pub fn tables(outcomes: &[Outcome]) -> String {
    let (relays, others): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.is_relay());
    let mut text = String::new();
    if !relays.is_empty() {
        text += "| relay over TCP | nats-server µs/msg | embus µs/msg | ratio | target | | msg/s, both | client µs/msg, both \
                 | RSS MiB, both |\n|---|---|---|---|---|---|---|---|---|\n";
        text.extend(relays.iter().map(|outcome| outcome.relay_row()));
        text += "\n";
    }
    if !others.is_empty() {
        text += "| figure | nats-server | embus | ratio | target | |\n|---|---|---|---|---|---|\n";
        text.extend(others.iter().map(|outcome| outcome.figure_rows()));
    }
    text
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn cell(sample: Option<&Sample>, metric: Metric) -> String {
    sample.and_then(|sample| sample.get(metric)).map_or_else(|| "–".to_owned(), |value| figure(metric, value))
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}×"))
}

fn labelled(metric: Metric, value: f64) -> String {
    format!("{} {}", figure(metric, value), metric.label())
}

/// A figure with as many digits as it deserves.
fn figure(metric: Metric, value: f64) -> String {
    match metric {
        _ if metric.is_rate() && value >= 1e6 => format!("{:.2} M", value / 1e6),
        _ if metric.is_rate() && value >= 1e3 => format!("{:.1} k", value / 1e3),
        Metric::MessagesPerSecond | Metric::CommitsPerSecond | Metric::BytesEach => format!("{value:.0}"),
        Metric::ServerCpuMicros | Metric::ClientCpuMicros if value < 10.0 => format!("{value:.3}"),
        Metric::P50Micros | Metric::P99Micros | Metric::P999Micros if value < 10.0 => format!("{value:.2}"),
        _ => format!("{value:.1}"),
    }
}

fn bound(target: Target) -> String {
    match target.bound {
        Bound::TimesLess(factor) | Bound::TimesMore(factor) => format!("≥ {factor}×"),
        Bound::ShareOf(share) => format!("≤ {share} of nats-server"),
        Bound::AtMost(most) => format!("≤ {}", figure(target.metric, most)),
        Bound::AtLeast(least) => format!("≥ {}", figure(target.metric, least)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Flow;

    fn outcome(reference: Option<f64>) -> Outcome {
        let target = Target { metric: Metric::ServerCpuMicros, bound: Bound::TimesLess(4.0) };
        let workload = Workload::Relay(Flow::one_to(1, 128));
        Outcome {
            scenario: Scenario { name: "1→1 128 B".into(), workload, targets: vec![target] },
            reference: reference.map(|cpu| Sample::default().with(Metric::ServerCpuMicros, cpu)),
            embus: Sample::default().with(Metric::ServerCpuMicros, 0.1).with(Metric::MessagesPerSecond, 7.5e6),
        }
    }

    #[test]
    fn a_relay_row_shows_ratio_and_verdict() {
        let text = tables(&[outcome(Some(0.5))]);
        assert!(text.contains("| 1→1 128 B | 0.500 | 0.100 | 5.00× | ≥ 4× | pass | – / 7.50 M |"), "{text}");
    }

    #[test]
    fn a_missed_target_stands_out() {
        assert!(tables(&[outcome(Some(0.3))]).contains("**miss**"));
    }

    #[test]
    fn without_a_reference_there_is_no_verdict() {
        let text = tables(&[outcome(None)]);
        assert!(text.contains("| – | 0.100 | – | ≥ 4× | no reference |"), "{text}");
    }
}
