//! The rounds: within each, the servers take turns, so that a busy moment of the machine meets both.

use std::io;

use embus_benches::catalogue;
use embus_benches::latency::AwakeProcessors;
use embus_benches::process::raise_open_files;
use embus_benches::report::{Outcome, tables};
use embus_benches::sample::Sample;
use embus_benches::scenario::Scenario;
use embus_benches::server::Contender;

use crate::arguments::Arguments;

/// Runs what is asked for and prints the report.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let mut scenarios = catalogue::scenarios(arguments.quick);
    scenarios.retain(|scenario| arguments.selects(&scenario.name));
    if arguments.list || scenarios.is_empty() {
        for scenario in &scenarios {
            println!("{}", scenario.name);
        }
        return Ok(());
    }
    raise_open_files()?;
    let (reference, embus) = (Contender::reference(), Contender::embus()?);
    print_conditions(arguments, reference.as_ref());
    let mut outcomes = Vec::new();
    for scenario in scenarios {
        println!("{}", scenario.name);
        let outcome = measure(scenario, reference.as_ref(), &embus, arguments)?;
        print!("{}", outcome.lines());
        outcomes.push(outcome);
    }
    println!("\n{}", tables(&outcomes));
    Ok(())
}

fn measure(
    scenario: Scenario,
    reference: Option<&Contender>,
    embus: &Contender,
    arguments: &Arguments,
) -> io::Result<Outcome> {
    let settings = arguments.settings();
    let run = |contender: &Contender| {
        let failed = |error| io::Error::other(format!("{}, {}: {error}", contender.name, scenario.name));
        scenario.workload.run(contender, &settings).map_err(failed)
    };
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..arguments.rounds() {
        if scenario.workload.has_reference() {
            theirs.extend(reference.map(run).transpose()?);
        }
        ours.push(run(embus)?);
    }
    let medians = |rounds: &[Sample]| (!rounds.is_empty()).then(|| Sample::median(rounds));
    Ok(Outcome { reference: medians(&theirs), embus: Sample::median(&ours), scenario })
}

fn print_conditions(arguments: &Arguments, reference: Option<&Contender>) {
    if reference.is_none() {
        println!("NATS_SERVER names no nats-server: no ratios");
    }
    if !AwakeProcessors::is_possible() {
        println!("idle processors may sleep: latencies include their wake-ups");
    }
    println!("medians of {} rounds of {:?}\n", arguments.rounds(), arguments.settings().measured);
}
