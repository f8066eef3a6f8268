//! Watches: from a put to the event that tells of it, and from asking for a watch to the mark that everything has come.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use super::{STREAM, subject, value};
use crate::connection::Connection;
use crate::consumers::deliveries::{Deliveries, Delivery};
use crate::flow::shuffled;
use crate::latency::Latencies;
use crate::sample::{Metric, Sample};
use crate::scenario::{Settings, micros_each, one_by_one};
use crate::server::Server;
use crate::streams::FILL_WINDOW;
use crate::streams::api::Api;
use crate::streams::drive::{Until, drive};
use crate::streams::frames::{Frames, Inbox};
use crate::streams::pipeline::{Expected, Pipeline};
use crate::wire::subscribe_line;

const CONSUMER: &str = "W";

/// What clients make of a watch. [ADR-8] [ADR-17]
const WATCH: &str = r#"{"name":"W","deliver_subject":"_W.1","deliver_policy":"last_per_subject","ack_policy":"none",
"max_deliver":1,"filter_subject":"$KV.LOAD.>","flow_control":true,"idle_heartbeat":5000000000,"mem_storage":true,
"num_replicas":1,"inactive_threshold":300000000000}"#;

/// A connection with a watch.
struct Watch {
    stream: TcpStream,
    deliveries: Deliveries,
}

/// Puts one value at a time, acknowledged; writer and watcher are two connections on one thread.
pub(super) fn put_to_event(server: &Server, settings: &Settings) -> io::Result<Sample> {
    let mut watch = Watch::subscribe(server)?;
    Api::open(server.address())?.create_consumer(STREAM, CONSUMER, WATCH)?;
    let frames = Frames::new(Inbox(0), [(subject(0), value())])?;
    let mut writer = [Pipeline::open(server.address(), frames, 1, Expected::Success)?];
    let mut ignored = Latencies::new()?;
    one_by_one(server, settings, || {
        let put = Instant::now();
        writer[0].send(1)?;
        watch.next()?;
        let told = put.elapsed();
        // The acknowledgement, so that nothing is left over for the next one.
        while !writer[0].is_idle() {
            writer[0].receive(&mut ignored)?;
        }
        Ok(told)
    })
}

/// Fills the bucket, asks for a watch, and waits for the entry behind which nothing is pending.
pub(super) fn start(server: &Server, keys: usize) -> io::Result<Sample> {
    let frames = Frames::new(Inbox(0), shuffled(keys).into_iter().map(|key| (subject(key), value())))?;
    let mut writer = [Pipeline::open(server.address(), frames, FILL_WINDOW, Expected::Success)?];
    drive(&mut writer, Until::Count(keys), &mut Latencies::new()?)?;
    let mut api = Api::open(server.address())?;
    let mut watch = Watch::subscribe(server)?;
    let cpu = server.cpu_clock()?;
    let (before, start) = (cpu.now()?, Instant::now());
    api.create_consumer(STREAM, CONSUMER, WATCH)?;
    let mut entries = 1;
    while watch.next()? > 0 {
        entries += 1;
    }
    let millis = start.elapsed().as_secs_f64() * 1000.0;
    if entries != keys {
        return Err(io::Error::other(format!("the watch told of {entries} of {keys} keys")));
    }
    let each = micros_each(cpu.since(before)?, keys as u64);
    Ok(Sample::default().with(Metric::Millis, millis).with(Metric::ServerCpuMicros, each))
}

impl Watch {
    fn subscribe(server: &Server) -> io::Result<Self> {
        let mut stream = Connection::open(server.address())?.into_stream();
        stream.write_all(&subscribe_line("_W.1"))?;
        Ok(Self { stream, deliveries: Deliveries::default() })
    }

    /// Waits for the next entry; returns how many are pending behind it. Flow control is answered.
    fn next(&mut self) -> io::Result<u64> {
        loop {
            while let Some(delivery) = self.deliveries.take()? {
                if !delivery.is_status() {
                    return pending(&delivery);
                }
                if let Some(reply) = delivery.reply {
                    self.stream.write_all(&[b"PUB ", reply, b" 0\r\n\r\n"].concat())?;
                }
            }
            self.deliveries.read(&self.stream)?;
        }
    }
}

/// The last token of an entry's reply. [reference: `$JS.ACK.…`]
fn pending(delivery: &Delivery<'_>) -> io::Result<u64> {
    let last = delivery.reply.and_then(|reply| reply.rsplit(|&byte| byte == b'.').next());
    let number = last.and_then(|token| std::str::from_utf8(token).ok()?.parse().ok());
    number.ok_or_else(|| io::Error::other("an entry that does not say what is pending"))
}
