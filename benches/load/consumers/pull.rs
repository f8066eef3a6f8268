//! Pulls all messages of a stream, with one connection or several.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::deliveries::Deliveries;
use super::{CONSUMER, Pull, STREAM};
use crate::connection::Connection;
use crate::lane::Phase;
use crate::process::CpuClock;
use crate::sample::{Metric, Sample, mebibytes};
use crate::scenario::{micros_each, rates};
use crate::server::Server;
use crate::streams::api::Api;
use crate::streams::rates::fill;
use crate::wire::subscribe_line;

/// How long nothing may come before messages count as lost.
const STALL_MILLIS: u16 = 10_000;

/// How often the state of the consumer is asked for until the last acknowledgements have arrived.
const LOOKS: u32 = 200;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Pulls everything once; what is measured ends with the last delivery.
pub(super) fn pull_all(server: &Server, load: &Pull) -> io::Result<Sample> {
    let mut api = Api::open(server.address())?;
    api.create(STREAM, "load.>", load.config)?;
    fill(server, load.messages)?;
    let policy = if load.acks { "explicit" } else { "none" };
    let config = format!(r#"{{"durable_name":"{CONSUMER}","ack_policy":"{policy}","max_ack_pending":20000}}"#);
    let config = if load.acks { config } else { config.replace(r#","max_ack_pending":20000"#, "") };
    api.create_consumer(STREAM, CONSUMER, &config)?;
    let open = |number| Worker::open(server.address(), number, load);
    let mut workers = (0..load.workers).map(open).collect::<io::Result<Vec<_>>>()?;
    let (cpu, own) = (server.cpu_clock()?, CpuClock::own());
    let (cpu_before, own_before, start) = (cpu.now()?, own.now()?, Instant::now());
    drive(&mut workers, load.messages)?;
    await_end(&mut api, load)?;
    let (cpu_used, own_used) = (cpu.since(cpu_before)?, own.since(own_before)?);
    let phase = Phase { published: load.messages, delivered: load.messages, elapsed: start.elapsed() };
    Ok(rates(&phase)
        .with(Metric::ServerCpuMicros, micros_each(cpu_used, load.messages))
        .with(Metric::ClientCpuMicros, micros_each(own_used, load.messages))
        .with(Metric::ResidentMib, mebibytes(server.resident_bytes()?)))
}

/// Until every message is delivered; one too many is an error.
fn drive(workers: &mut [Worker], messages: u64) -> io::Result<()> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    for (index, worker) in workers.iter_mut().enumerate() {
        epoll.add(&worker.stream, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        worker.ask()?;
    }
    let mut delivered = 0;
    while delivered < messages {
        let mut events = [EpollEvent::empty(); 16];
        let count = match epoll.wait(&mut events, EpollTimeout::from(STALL_MILLIS)) {
            Ok(0) => return Err(io::Error::other(format!("{} messages never came", messages - delivered))),
            Ok(count) => count,
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        };
        for event in &events[..count] {
            let index = usize::try_from(event.data()).map_err(io::Error::other)?;
            delivered += workers[index].receive()?;
        }
    }
    if delivered == messages { Ok(()) } else { Err(io::Error::other("messages came twice")) }
}

/// The consumer must have nothing left.
fn await_end(api: &mut Api, load: &Pull) -> io::Result<()> {
    for _ in 0..LOOKS {
        let info = api.consumer(STREAM, CONSUMER)?;
        let left = ["num_pending", "num_ack_pending"].map(|field| info[field].as_u64());
        if left == [Some(0), Some(0)] || (!load.acks && left[0] == Some(0)) {
            return Ok(());
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Err(io::Error::other("acknowledgements were lost"))
}

/// One connection that pulls.
struct Worker {
    stream: TcpStream,
    deliveries: Deliveries,
    request: Vec<u8>,
    batch: usize,
    due: usize,
    acks: bool,
    out: Vec<u8>,
}

impl Worker {
    fn open(address: SocketAddr, number: usize, load: &Pull) -> io::Result<Self> {
        let mut stream = Connection::open(address)?.into_stream();
        let inbox = format!("_I.{number:03}");
        stream.write_all(&subscribe_line(&inbox))?;
        let body = format!(r#"{{"batch":{},"expires":60000000000}}"#, load.batch);
        let request = format!("PUB $JS.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER} {inbox} {}\r\n{body}\r\n", body.len());
        Ok(Self {
            stream,
            deliveries: Deliveries::default(),
            request: request.into_bytes(),
            batch: load.batch,
            due: 0,
            acks: load.acks,
            out: Vec::new(),
        })
    }

    fn ask(&mut self) -> io::Result<()> {
        self.due = self.batch;
        self.stream.write_all(&self.request)
    }

    /// Takes what has come, acknowledges it and asks for more; returns how many messages it was.
    fn receive(&mut self) -> io::Result<u64> {
        self.deliveries.read(&self.stream)?;
        self.out.clear();
        let mut count = 0;
        while let Some(delivery) = self.deliveries.take()? {
            if delivery.is_status() {
                return Err(io::Error::other(format!("answered {}", delivery.headers.escape_ascii())));
            }
            count += 1;
            self.due -= 1;
            if let (true, Some(reply)) = (self.acks, delivery.reply) {
                self.out.extend_from_slice(b"PUB ");
                self.out.extend_from_slice(reply);
                self.out.extend_from_slice(b" 0\r\n\r\n");
            }
        }
        if self.due == 0 {
            self.due = self.batch;
            self.out.extend_from_slice(&self.request);
        }
        self.stream.write_all(&self.out)?;
        Ok(count)
    }
}
