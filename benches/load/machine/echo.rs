//! A server that knows nothing: it answers what it reads with the bytes of an acknowledgement.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::time::ClockId;

use crate::lane::Phase;
use crate::latency::{AwakeProcessors, Latencies};
use crate::machine::{ACK_BYTES, PUBLISH_BYTES, RECORD_BYTES};
use crate::sample::{Metric, Sample};
use crate::scenario::{Settings, micros_each, rates};

/// What an answer may take before the run fails.
const STALL_MILLIS: u16 = 10_000;

/// Processor time of the server per request, and what the client waits for.
pub(super) fn run(connections: usize, settings: &Settings) -> io::Result<Sample> {
    std::fs::create_dir_all(&settings.store)?;
    let file = tempfile::tempfile_in(&settings.store)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let serving = thread::spawn(move || serve(&listener, connections, &file));
    let asked = ask(address, connections, settings);
    let served = serving.join().map_err(|_| io::Error::other("the echo panicked"))??;
    let (latencies, elapsed) = asked?;
    let phase = Phase { published: served.requests, delivered: served.requests, elapsed };
    let sample = rates(&phase).with(Metric::ServerCpuMicros, micros_each(served.cpu, served.requests));
    Ok(if connections == 1 { latencies.add_to(sample) } else { sample })
}

/// What the server did.
struct Served {
    requests: u64,
    cpu: Duration,
}

/// Serves until the clients are gone.
fn serve(listener: &TcpListener, connections: usize, file: &File) -> io::Result<Served> {
    let clients = connect(connections, || listener.accept().map(|(stream, _)| stream))?;
    let epoll = watch(&clients)?;
    let before = Duration::from(ClockId::CLOCK_THREAD_CPUTIME_ID.now()?);
    let (mut requests, mut open, mut buffer) = (0, connections, vec![0; 64 * 1024]);
    while open > 0 {
        let (mut answers, ready) = (Vec::with_capacity(connections), wait(&epoll, connections)?);
        for index in ready {
            match (&clients[index]).read(&mut buffer)? {
                0 => {
                    // Else its end may be told twice.
                    epoll.delete(&clients[index])?;
                    open -= 1;
                }
                _ => answers.push(index),
            }
        }
        // As a broker that gathers what one wake-up brought.
        file.write_all_at(&buffer[..answers.len() * RECORD_BYTES], requests * RECORD_BYTES as u64)?;
        for index in answers {
            (&clients[index]).write_all(&[b'+'; ACK_BYTES])?;
            requests += 1;
        }
    }
    let cpu = Duration::from(ClockId::CLOCK_THREAD_CPUTIME_ID.now()?).saturating_sub(before);
    Ok(Served { requests, cpu })
}

/// Keeps one request in flight on each connection.
fn ask(address: SocketAddr, connections: usize, settings: &Settings) -> io::Result<(Latencies, Duration)> {
    let streams = connect(connections, || TcpStream::connect(address))?;
    let epoll = watch(&streams)?;
    let _awake = (connections == 1).then(AwakeProcessors::hold);
    let (mut latencies, mut buffer, start) = (Latencies::new()?, [0; ACK_BYTES], Instant::now());
    let mut asked = start;
    for mut stream in &streams {
        stream.write_all(&[b'x'; PUBLISH_BYTES])?;
    }
    while start.elapsed() < settings.measured {
        for index in wait(&epoll, connections)? {
            (&streams[index]).read_exact(&mut buffer)?;
            latencies.record(asked.elapsed());
            asked = Instant::now();
            (&streams[index]).write_all(&[b'x'; PUBLISH_BYTES])?;
        }
    }
    let elapsed = start.elapsed();
    for mut stream in &streams {
        stream.read_exact(&mut buffer)?;
    }
    Ok((latencies, elapsed))
}

fn connect(count: usize, mut one: impl FnMut() -> io::Result<TcpStream>) -> io::Result<Vec<TcpStream>> {
    let streams = (0..count).map(|_| one()).collect::<io::Result<Vec<_>>>()?;
    streams.iter().try_for_each(|stream| stream.set_nodelay(true))?;
    Ok(streams)
}

fn watch(streams: &[TcpStream]) -> io::Result<Epoll> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    for (index, stream) in (0..).zip(streams) {
        epoll.add(stream, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, index))?;
    }
    Ok(epoll)
}

/// The indexes of connections with something to read.
fn wait(epoll: &Epoll, connections: usize) -> io::Result<Vec<usize>> {
    let mut events = vec![EpollEvent::empty(); connections];
    match epoll.wait(&mut events, EpollTimeout::from(STALL_MILLIS))? {
        0 => Err(io::Error::other("an echo got lost")),
        count => Ok(events[..count].iter().filter_map(|event| usize::try_from(event.data()).ok()).collect()),
    }
}
