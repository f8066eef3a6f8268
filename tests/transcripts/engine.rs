//! The engine as a target, without sockets, runtime or clock: a write is a turn of the session, a read takes what the
//! session's outbox wrote, and time passes only while a read has nothing else to wait for.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use embus_engine::{
    Clock, CloseReason, Engine, Flushed, Limits, Monotonic, Session, Target as ReadTarget, Transport,
    chunks::BufferPool,
    connection::{ConnectionKind, Peer},
    gate::Gate,
    jetstream::JetStreamOptions,
    jobs::{Executor, Job},
};
use embus_protocol::info::ServerInfo;
use embus_tests::transcript::{Options, Server, Stream, Target};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{accounts, logins};

/// Starts engines with the same seed.
#[derive(Debug)]
pub(crate) struct EngineTarget;

impl Target for EngineTarget {
    type Server = Sessions;

    fn kind(&self) -> &'static str {
        "engine"
    }

    /// It is the shell that asks.
    fn has_callout(&self) -> bool {
        false
    }

    async fn start(&self, options: &Options) -> io::Result<Sessions> {
        let clock = Arc::new(HandClock::default());
        let engine = Engine::new(limits(options), ServerInfo::default(), Arc::clone(&clock) as Arc<dyn Clock>, SEED);
        let jobs = Arc::new(JobQueue::default());
        let accounts = accounts::declared(options)?;
        if let Some(name) = accounts::system(options)? {
            engine.set_system_account(&name);
        }
        for account in &accounts {
            engine.limit_account(&account.name, account.clients);
        }
        let sharing = accounts.iter().map(|account| (account.name.clone(), account.sharing.clone())).collect();
        engine.share(&sharing).map_err(io::Error::other)?;
        if options.jetstream {
            start_jetstream(&engine, options, &accounts, &jobs)?;
        }
        if let Some(users) = logins::list(options)? {
            let timeout = options.login_timeout.unwrap_or(Duration::from_secs(2));
            let executor = Arc::clone(&jobs) as Arc<dyn Executor>;
            engine.set_gate(Gate::new(users, timeout, executor, [7; 32]));
        }
        let shared = Shared {
            engine,
            clock,
            jobs,
            passes_time: options.ping_interval.or(options.login_timeout).is_some(),
            stopped: false.into(),
        };
        Ok(Sessions(Arc::new(shared)))
    }
}

fn limits(options: &Options) -> Limits {
    let default = Limits::default();
    Limits {
        max_payload: options.max_payload.unwrap_or(default.max_payload),
        max_control_line: options.max_control_line.unwrap_or(default.max_control_line),
        max_connections: options.max_connections.unwrap_or(default.max_connections),
        max_subscriptions: options.max_subscriptions.unwrap_or(default.max_subscriptions),
        ping_interval: options.ping_interval.unwrap_or(default.ping_interval),
        ping_max: options.ping_max.unwrap_or(default.ping_max),
        ..default
    }
}

/// Switches JetStream on, with a store in memory and the limits and the domain of the options.
fn start_jetstream(
    engine: &Arc<Engine>,
    options: &Options,
    accounts: &[accounts::Declared],
    jobs: &Arc<JobQueue>,
) -> io::Result<()> {
    let with_streams = accounts.iter().filter_map(|account| Some((account.name.clone(), account.jetstream?)));
    let in_memory = JetStreamOptions::in_memory(Arc::clone(jobs) as Arc<dyn Executor>);
    let options = JetStreamOptions {
        max_memory: options.max_memory_store,
        max_store: options.max_file_store,
        domain: options.domain.clone(),
        ..in_memory
    };
    let options =
        if accounts.is_empty() { options } else { JetStreamOptions { accounts: with_streams.collect(), ..options } };
    engine.start_jetstream(options).map_err(io::Error::other)
}

/// Jobs that are run behind the turn that made them.
#[derive(Default)]
struct JobQueue(Mutex<VecDeque<Job>>);

impl std::fmt::Debug for JobQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JobQueue")
    }
}

impl Executor for JobQueue {
    fn spawn(&self, job: Job) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(job);
    }
}

impl JobQueue {
    fn next(&self) -> Option<Job> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn run(&self) {
        while let Some(job) = self.next() {
            job();
        }
    }
}

/// An engine that sessions can be opened on.
#[derive(Debug)]
pub(crate) struct Sessions(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Arc<Engine>,
    clock: Arc<HandClock>,
    jobs: Arc<JobQueue>,
    /// Whether a read that has nothing to wait for lets time pass. Else a lost message would look like a long wait.
    passes_time: bool,
    stopped: AtomicBool,
}

impl Server for Sessions {
    async fn connect(&self) -> io::Result<Stream> {
        let wire = Arc::new(Wire::default());
        let peer = Peer { kind: ConnectionKind::Stream, host: String::new(), port: 0 };
        let transport = Arc::clone(&wire) as Arc<dyn Transport>;
        let session = Session::open(&self.0.engine, peer, transport).ok_or(io::ErrorKind::ConnectionRefused)?;
        Ok(Box::new(SessionStream {
            shared: Arc::clone(&self.0),
            session,
            wire,
            spare: BufferPool::default(),
            open: true,
        }))
    }

    async fn lame_duck(&mut self) -> io::Result<()> {
        self.0.engine.enter_lame_duck();
        Ok(())
    }

    async fn pass(&mut self, time: Duration) {
        let now = self.0.clock.monotonic();
        self.0.clock.advance_to(now + time);
        self.0.engine.handle_deadlines();
        self.0.jobs.run();
    }

    async fn stop(&mut self) -> io::Result<()> {
        self.0.stopped.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// A session with the client's end of its wire.
struct SessionStream {
    shared: Arc<Shared>,
    session: Session,
    wire: Arc<Wire>,
    spare: BufferPool,
    open: bool,
}

impl SessionStream {
    /// One turn of the session with the first bytes of `input`; returns how many it took.
    fn turn(&mut self, input: &[u8]) -> usize {
        let (engine, now) = (Arc::clone(&self.shared.engine), self.shared.clock.monotonic());
        let mut worker = engine.workers().take();
        let (taken, turn) = match self.session.target(&mut worker) {
            ReadTarget::Input(slice) => {
                let taken = input.len().min(slice.len());
                slice[..taken].copy_from_slice(&input[..taken]);
                (taken, self.session.handle_input(&mut worker, taken, now))
            }
            ReadTarget::Payload(buffer, missing) => {
                let taken = input.len().min(missing);
                buffer.extend_from_slice(&input[..taken]);
                (taken, self.session.handle_payload(&mut worker, taken, now))
            }
        };
        self.shared.jobs.run();
        // No destination gets far enough ahead of its reader to be waited for.
        drop(turn);
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(turn)) = self.session.poll_login(&mut worker, &mut cx) {
            drop(turn);
        }
        engine.workers().put(worker);
        self.settle();
        taken
    }

    /// Does what the owner of a connection does between two turns: flushes, and closes when it is over.
    fn settle(&mut self) {
        let (outbox, wire) = (Arc::clone(self.session.outbox()), &self.wire);
        while outbox.flush_with(|slices| wire.try_write(slices), &mut self.spare) == Flushed::Busy {}
        let is_stopped = self.shared.stopped.load(Ordering::Relaxed).then_some(CloseReason::ServerShutdown);
        if let Some(reason) = self.session.end().or(is_stopped)
            && self.open
        {
            self.close(reason);
        }
    }

    fn close(&mut self, reason: CloseReason) {
        self.session.close(reason);
        self.open = false;
    }

    /// Lets time pass until the session does something by itself.
    fn pass_time(&mut self) {
        let due = self.session.next_timeout();
        self.shared.clock.advance_to(due);
        self.session.handle_timeout(due);
        self.settle();
    }
}

impl AsyncWrite for SessionStream {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.settle();
        Poll::Ready(if self.open { Ok(self.turn(bytes)) } else { Err(io::ErrorKind::BrokenPipe.into()) })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.settle();
        if self.open {
            self.close(CloseReason::ClientClosed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for SessionStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.settle();
        while !self.wire.read(cx, buffer) && self.open {
            if !self.shared.passes_time {
                return Poll::Pending;
            }
            self.pass_time();
        }
        Poll::Ready(Ok(()))
    }
}

/// What a session has written and its client has not read.
#[derive(Debug, Default)]
struct Wire(Mutex<Unread>);

#[derive(Debug, Default)]
struct Unread {
    bytes: Vec<u8>,
    reader: Option<Waker>,
}

impl Wire {
    /// Moves bytes to the reader, or remembers it for the next write.
    fn read(&self, cx: &Context<'_>, buffer: &mut ReadBuf<'_>) -> bool {
        let mut unread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = unread.bytes.len().min(buffer.remaining());
        buffer.put_slice(&unread.bytes[..count]);
        unread.bytes.drain(..count);
        if count == 0 {
            unread.reader = Some(cx.waker().clone());
        }
        count > 0
    }
}

impl Transport for Wire {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut unread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = unread.bytes.len();
        for slice in slices {
            unread.bytes.extend_from_slice(slice);
        }
        let written = unread.bytes.len() - before;
        drop(unread);
        self.wake_owner();
        Ok(written)
    }

    fn wake_owner(&self) {
        let reader = self.0.lock().unwrap_or_else(PoisonError::into_inner).reader.take();
        reader.into_iter().for_each(Waker::wake);
    }
}

/// Time that stands still until it is moved.
#[derive(Debug, Default)]
struct HandClock(Mutex<Monotonic>);

impl HandClock {
    fn advance_to(&self, to: Monotonic) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = to.max(*now);
    }
}

impl Clock for HandClock {
    fn monotonic(&self) -> Monotonic {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + EPOCH + self.monotonic().since_origin()
    }
}

/// The clock begins in 2026: scripts ask for what was stored behind 2020.
const EPOCH: Duration = Duration::from_secs(1_767_225_600);
const SEED: u64 = 1;
