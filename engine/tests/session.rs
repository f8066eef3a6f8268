//! A session from the outside: what its end leaves behind.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::SystemTime;

use embus_engine::connection::{ConnectionKind, Peer};
use embus_engine::{Clock, CloseReason, Engine, Limits, Monotonic, Session, Target, Transport};
use embus_protocol::info::ServerInfo;

#[derive(Debug)]
struct Sink;

impl Transport for Sink {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn wake_owner(&self) {}
}

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn monotonic(&self) -> Monotonic {
        Monotonic::default()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

fn engine(limits: Limits) -> Arc<Engine> {
    Engine::new(limits, ServerInfo::default(), Arc::new(Noon), 1)
}

fn open(engine: &Arc<Engine>) -> Session {
    let peer = Peer { kind: ConnectionKind::Stream, host: String::new(), port: 0 };
    Session::open(engine, peer, Arc::new(Sink)).expect("a wire connection has an outbox")
}

/// One turn with all of `input`; returns why the session ended, if it did.
fn turn(engine: &Engine, session: &mut Session, input: &str) -> Option<CloseReason> {
    let mut worker = engine.workers().take();
    let Target::Input(buffer) = session.target(&mut worker) else { panic!("no payload is awaited") };
    buffer[..input.len()].copy_from_slice(input.as_bytes());
    let turn = session.handle_input(&mut worker, input.len(), Monotonic::default());
    engine.workers().put(worker);
    turn.end
}

/// Each close was once counted twice when the client was at fault; then nobody was let in any more.
#[test]
fn a_session_at_fault_is_counted_out_once() {
    let engine = engine(Limits { max_connections: 1, ..Limits::default() });
    for _ in 0..3 {
        let mut session = open(&engine);
        assert_eq!(session.end(), None, "there is room for one");
        assert_eq!(turn(&engine, &mut session, "NONSENSE\r\n"), Some(CloseReason::ParseError));
        assert_eq!(engine.statistics().connections, 1);
        session.close(CloseReason::ParseError);
        session.close(CloseReason::ClientClosed);
        drop(session);
        assert_eq!(engine.statistics().connections, 0);
    }
    let reasons: Vec<_> = engine.closed_connections().iter().map(|closed| closed.reason).collect();
    assert_eq!(reasons, [Some(CloseReason::ParseError); 3]);
}

#[test]
fn a_dropped_session_leaves_no_interest() {
    let engine = engine(Limits::default());
    let mut session = open(&engine);
    assert_eq!(turn(&engine, &mut session, "SUB a 1\r\nSUB b.> q 2\r\n"), None);
    assert_eq!(engine.statistics().subscriptions, 2);
    drop(session);
    let statistics = engine.statistics();
    assert_eq!((statistics.connections, statistics.subscriptions, statistics.interest.filters), (0, 0, 0));
}

/// One connection more than allowed is greeted and refused; it does not take anybody's place.
#[test]
fn a_refused_session_leaves_room_when_it_is_gone() {
    let engine = engine(Limits { max_connections: 1, ..Limits::default() });
    let first = open(&engine);
    let refused = open(&engine);
    assert_eq!((first.end(), refused.end()), (None, Some(CloseReason::MaximumConnectionsExceeded)));
    drop((first, refused));
    assert_eq!(open(&engine).end(), None);
}
