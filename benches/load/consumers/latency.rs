//! From a publish to its delivery, one message at a time.

use std::io::{self, Write as _};
use std::time::Instant;

use super::deliveries::Deliveries;
use super::{CONSUMER, STREAM};
use crate::connection::Connection;
use crate::latency::{AwakeProcessors, Latencies};
use crate::sample::{Metric, Sample};
use crate::scenario::{Settings, micros_each};
use crate::server::Server;
use crate::streams::PAYLOAD_BYTES;
use crate::streams::api::Api;
use crate::wire::{publish_frame, subscribe_line};

const PUSHED: &str = r#"{"name":"C","deliver_subject":"_P.1","ack_policy":"none","inactive_threshold":300000000000}"#;

/// Publisher and subscriber are two connections on one thread.
pub(super) fn publish_to_delivery(server: &Server, settings: &Settings) -> io::Result<Sample> {
    let mut api = Api::open(server.address())?;
    api.create(STREAM, "load.>", "")?;
    let mut subscriber = Connection::open(server.address())?.into_stream();
    subscriber.write_all(&subscribe_line("_P.1"))?;
    api.create_consumer(STREAM, CONSUMER, PUSHED)?;
    let mut publisher = Connection::open(server.address())?.into_stream();
    let frame = publish_frame("load.one", None, PAYLOAD_BYTES);
    let mut deliveries = Deliveries::default();
    let _awake = AwakeProcessors::hold();
    let mut run = |time, latencies: &mut Latencies| {
        let (start, mut count) = (Instant::now(), 0);
        while start.elapsed() < time {
            let sent = Instant::now();
            publisher.write_all(&frame)?;
            while !is_delivered(&mut deliveries)? {
                deliveries.read(&subscriber)?;
            }
            latencies.record(sent.elapsed());
            count += 1;
        }
        Ok::<u64, io::Error>(count)
    };
    run(settings.warm_up, &mut Latencies::new()?)?;
    let (cpu, mut latencies) = (server.cpu_clock()?, Latencies::new()?);
    let before = cpu.now()?;
    let count = run(settings.measured, &mut latencies)?;
    let sample = Sample::default().with(Metric::ServerCpuMicros, micros_each(cpu.since(before)?, count));
    Ok(latencies.add_to(sample))
}

/// Statuses are passed over.
fn is_delivered(deliveries: &mut Deliveries) -> io::Result<bool> {
    while let Some(delivery) = deliveries.take()? {
        if !delivery.is_status() {
            return Ok(true);
        }
    }
    Ok(false)
}
