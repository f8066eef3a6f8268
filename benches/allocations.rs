//! Does relaying a message over TCP allocate memory in the steady state? It must not.
//!
//! Broker and load client both run here under a counting allocator. The client's loop does not allocate either, and what
//! both need at the beginning and the end of a phase does not grow with the number of messages.
#![cfg(target_os = "linux")]

use std::alloc::System;
use std::error::Error;
use std::io;
use std::time::Duration;

use embus::Broker;
use embus_benches::flow::Flow;
use embus_benches::lane::{Phase, run_lanes};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Long enough for every buffer to reach its size.
const WARM_UP: Duration = Duration::from_millis(500);

const MEASURED: Duration = Duration::from_millis(500);

/// Allocations that a phase may take, however many messages it moves: the client's PINGs at its end, and buffers that
/// the broker keeps for the deepest backlog so far.
const ALLOCATIONS_PER_CONNECTION: usize = 8;

/// A backlog that is deeper than all before takes buffers once more; on a busy machine that happens now and then. An
/// allocation for each read of the broker would be one for about 250 messages.
const MESSAGES_PER_ALLOCATION: u64 = 5_000;

/// One test, since the counts are those of the whole process.
#[test]
fn relaying_over_tcp_does_not_allocate() -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let broker = runtime.block_on(Broker::builder().listen("127.0.0.1:0").start())?;
    let address = broker.local_addr().ok_or("the broker listens")?;
    for flow in [Flow::one_to(1, 16), Flow::one_to(1, 128), Flow::one_to(8, 128), Flow::pairs(4, 128)] {
        let mut lanes = flow.connect(address, 1)?;
        run_lanes(&mut lanes, WARM_UP)?;
        let (phase, allocations) = counted(|| run_lanes(&mut lanes, MEASURED))?;
        println!("{flow:?}: {allocations} allocations for {} messages", phase.published);
        let connections = flow.groups * (1 + flow.subscribers);
        assert!(phase.published > 10_000, "too few messages to tell: {phase:?}");
        let now_and_then = usize::try_from(phase.published / MESSAGES_PER_ALLOCATION)?;
        let most = ALLOCATIONS_PER_CONNECTION * connections + now_and_then;
        assert!(allocations <= most, "{flow:?}: {allocations} for {phase:?}");
    }
    runtime.block_on(broker.shutdown(Duration::from_secs(5)));
    Ok(())
}

fn counted(run: impl FnOnce() -> io::Result<Phase>) -> io::Result<(Phase, usize)> {
    let region = Region::new(ALLOCATOR);
    let phase = run()?;
    let change = region.change();
    Ok((phase, change.allocations + change.reallocations))
}
