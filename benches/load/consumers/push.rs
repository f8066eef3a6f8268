//! Has all messages of a stream pushed to one connection, as ordered consumers do it.

use std::io::{self, Write as _};
use std::time::Instant;

use super::deliveries::Deliveries;
use super::{CONSUMER, STREAM};
use crate::connection::Connection;
use crate::lane::Phase;
use crate::process::CpuClock;
use crate::sample::{Metric, Sample, mebibytes};
use crate::scenario::{micros_each, rates};
use crate::server::Server;
use crate::streams::api::Api;
use crate::streams::rates::fill;
use crate::wire::subscribe_line;

/// What ordered consumers ask for. [ADR-17]
const ORDERED: &str = r#"{"name":"C","deliver_subject":"_P.1","ack_policy":"none","max_deliver":1,"flow_control":true,
"idle_heartbeat":5000000000,"mem_storage":true,"num_replicas":1,"inactive_threshold":300000000000}"#;

/// Reads everything once.
pub(super) fn replay(server: &Server, messages: u64) -> io::Result<Sample> {
    let mut api = Api::open(server.address())?;
    api.create(STREAM, "load.>", "")?;
    fill(server, messages)?;
    let mut stream = Connection::open(server.address())?.into_stream();
    stream.write_all(&subscribe_line("_P.1"))?;
    let (cpu, own) = (server.cpu_clock()?, CpuClock::own());
    let (cpu_before, own_before, start) = (cpu.now()?, own.now()?, Instant::now());
    api.create_consumer(STREAM, CONSUMER, ORDERED)?;
    let (mut deliveries, mut delivered) = (Deliveries::default(), 0);
    while delivered < messages {
        deliveries.read(&stream)?;
        while let Some(delivery) = deliveries.take()? {
            match (delivery.is_status(), delivery.reply) {
                (false, _) => delivered += 1,
                (true, Some(reply)) => {
                    let answer = [b"PUB ", reply, b" 0\r\n\r\n"].concat();
                    stream.write_all(&answer)?;
                }
                (true, None) => {}
            }
        }
    }
    let (cpu_used, own_used) = (cpu.since(cpu_before)?, own.since(own_before)?);
    if delivered > messages {
        return Err(io::Error::other("messages came twice"));
    }
    let phase = Phase { published: messages, delivered, elapsed: start.elapsed() };
    Ok(rates(&phase)
        .with(Metric::ServerCpuMicros, micros_each(cpu_used, messages))
        .with(Metric::ClientCpuMicros, micros_each(own_used, messages))
        .with(Metric::ResidentMib, mebibytes(server.resident_bytes()?)))
}
