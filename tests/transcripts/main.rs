//! Replays every `*.nats` script of this folder against each broker at hand: once with every step sent whole, once
//! byte by byte, which must make no difference.

mod accounts;
mod broker;
mod engine;
mod logins;

use std::{
    env,
    io::{self, Write},
    path::Path,
};

use embus_tests::transcript::{NatsServer, Pace, Script, Target, replay};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reference_server() {
    let Some(target) = NatsServer::from_env() else {
        // Written past the capture of the test harness: that a check did not run must be seen.
        let note = "NATS_SERVER names no binary: transcripts were not replayed against the reference server";
        return writeln!(io::stderr(), "note: {note}").expect("stderr is open");
    };
    check(&target).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_over_tcp() {
    check(&broker::BrokerTarget::Tcp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_in_memory() {
    check(&broker::BrokerTarget::Memory).await;
}

#[tokio::test]
async fn engine_without_sockets() {
    check(&engine::EngineTarget).await;
}

#[track_caller]
fn scripts() -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut scripts = Script::load_folder(&folder).unwrap_or_else(|error| panic!("{error}"));
    if let Ok(part) = env::var("TRANSCRIPTS") {
        scripts.retain(|script| script.name.contains(&part));
    }
    assert!(!scripts.is_empty(), "no scripts");
    scripts
}

async fn check<T: Target>(target: &T) {
    let scripts = scripts();
    let mut failures = replay(target, &scripts, Pace::Whole).await;
    failures.extend(replay(target, &scripts, Pace::Bytewise).await);
    for failure in &failures {
        println!("{failure}\n");
    }
    assert!(failures.is_empty(), "{} scenes failed", failures.len());
}
