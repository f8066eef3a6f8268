//! What a review broke once: limits set while messages are delivered, half-sent messages, messages in the hands of
//! readers, wakers that do as they please, and ends that somebody else brings about.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake};
use std::time::{Duration, SystemTime};

use embus::clock::{Clock, Monotonic};
use embus::statistics::CloseReason;
use embus_engine::connection::{ClientId, Connection, ConnectionKind, Peer};
use embus_engine::subscription::{Admission, Sid, Subscription};
use futures_util::{FutureExt, StreamExt};
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::Instant;

use crate::support::{
    Raw, STOP_DEADLINE, assert_ended, eventually, listening, next, run, run_in_virtual_time, virtual_time, within,
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

#[derive(Debug)]
struct NoTime;

impl Clock for NoTime {
    fn monotonic(&self) -> Monotonic {
        Monotonic::default()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

/// How often a thread looks for the other one before it yields.
const SPINS: u32 = 1000;

/// Two threads that meet before each step.
#[derive(Debug, Default)]
struct Meeting(AtomicUsize);

impl Meeting {
    fn meet(&self, step: usize) {
        self.0.fetch_add(1, Ordering::SeqCst);
        let mut spins = 0;
        while self.0.load(Ordering::SeqCst) < 2 * (step + 1) {
            spins += 1;
            // Spinning leads to the closest races; where there is one processor, the other thread needs it.
            if spins % SPINS == 0 {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

#[test]
fn a_limit_set_during_a_delivery_leaves_no_dead_subscription() {
    const PAIRS: usize = 10_000;
    let peer = Peer { kind: ConnectionKind::InProcess, host: String::new(), port: 0 };
    let connection = Arc::new(Connection::local(ClientId(1), peer, &NoTime, 1));
    let subscription =
        || Subscription::new(Sid::from(&b"1"[..]), Arc::from(&b"a"[..]), None, Arc::clone(&connection), None);
    let subscriptions: Vec<_> = std::iter::repeat_with(subscription).take(PAIRS).collect();
    let meeting = Meeting::default();
    let each = |act: &dyn Fn(&Subscription) -> bool| -> Vec<bool> {
        let steps = subscriptions.iter().enumerate().map(|(step, subscription)| {
            meeting.meet(step);
            act(subscription)
        });
        steps.collect()
    };
    let (limited, delivered) = std::thread::scope(|scope| {
        let delivering = scope.spawn(|| each(&|subscription| subscription.admit() == Admission::Taken));
        (each(&|subscription| subscription.limit(1)), delivering.join().unwrap())
    });
    for (number, subscription) in subscriptions.iter().enumerate() {
        // Neither side was told that it has ended: whoever comes next is.
        if delivered[number] && !limited[number] {
            assert_eq!(subscription.admit(), Admission::Expired, "pair {number}");
        }
    }
}

#[test]
fn half_sent_messages_cost_those_who_hold_them_and_nobody_else() {
    run_in_virtual_time(async {
        let broker = virtual_time().max_buffered(4 * MIB).start().await.unwrap();
        let mut holders = Vec::new();
        for _ in 0..4 {
            let mut holder = Raw::duplex(&broker).await.plain().await;
            holder.send(format!("PUB a {MIB}\r\n")).await;
            holder.send(vec![b'x'; MIB - 1]).await;
            holders.push(holder);
        }
        let mut client = Raw::duplex(&broker).await.plain().await.subscribed("b").await;
        // Four bytes are left to all together: the first message that arrives in parts is too much.
        for _ in 0..10 {
            client.send("PUB b 20000\r\n").await;
            for _ in 0..2 {
                client.send("x".repeat(10_000)).await;
                // The broker reads the parts one by one.
                for _ in 0..10 {
                    yield_now().await;
                }
            }
            client.send("\r\n").await;
            assert_eq!(client.line().await, "MSG b 1 20000\r\n");
            assert_eq!(client.line().await.len(), 20_002);
        }
        eventually("a holder is cut", || !broker.closed_connections().is_empty()).await;
        assert_eq!(client.fence().await, "");
        let closed = broker.closed_connections();
        assert_eq!(closed.len(), 1, "one was enough");
        assert_eq!(closed[0].reason, Some(CloseReason::MaximumPayloadExceeded));
        drop(holders);
    });
}

#[test]
fn messages_in_the_hands_of_readers_count_as_buffered() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let client = broker.client();
        let mut subscriber = client.subscribe("held").await.unwrap();
        for _ in 0..4 {
            client.publish("held", vec![b'x'; 64 * KIB].into()).await.unwrap();
        }
        for left in (0..4).rev() {
            next(&mut subscriber).await;
            let buffered = broker.statistics().buffered_bytes;
            assert!(buffered >= left * 64 * KIB, "{buffered} bytes with {left} messages to read");
        }
        assert!(subscriber.next().now_or_never().is_none());
        assert_eq!(broker.statistics().buffered_bytes, 0);
    });
}

#[test]
fn what_is_read_after_a_drain_is_counted() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let (client, publisher) = (broker.client(), broker.client());
        let mut subscriber = client.subscribe("late").await.unwrap();
        for _ in 0..5 {
            publisher.publish("late", "12".into()).await.unwrap();
        }
        client.drain().await.unwrap();
        for _ in 0..5 {
            next(&mut subscriber).await;
        }
        assert_ended(&mut subscriber).await;
        let traffic = broker.statistics().traffic;
        assert_eq!((traffic.out_msgs, traffic.out_bytes), (5, 10));
    });
}

/// A waker that does what a test wants.
struct Acting<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Acting<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// Polls a subscriber for which nothing waits, so that the next message does `act`.
fn act_on_message(subscriber: &mut embus::Subscriber, act: impl Fn() + Send + Sync + 'static) {
    let waker = Arc::new(Acting(act)).into();
    assert!(subscriber.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
}

#[test]
fn a_waker_may_ask_for_statistics() {
    run(async {
        let broker = listening().start().await.unwrap();
        let client = broker.client();
        let mut subscriber = client.subscribe("x").await.unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let (broker, asked) = (broker.clone(), Arc::clone(&asked));
            move || {
                broker.statistics();
                asked.fetch_add(1, Ordering::SeqCst);
            }
        };
        act_on_message(&mut subscriber, ask());
        // On a thread of its own, with all that a deadlock would hold.
        let publishing = spawn_blocking(move || {
            assert!(client.publish("x", "y".into()).now_or_never().is_some_and(|published| published.is_ok()));
            (client, subscriber)
        });
        let (_client, mut subscriber) = within("the end of a publish", publishing).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1);

        next(&mut subscriber).await;
        act_on_message(&mut subscriber, ask());
        let mut raw = Raw::connect(&broker).await.plain().await;
        raw.send("PUB x 1\r\ny\r\n").await;
        assert_eq!(raw.fence().await, "");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_waker_that_panics_holds_nobody_else_up() {
    run(async {
        let broker = listening().start().await.unwrap();
        let client = broker.client();
        let mut subscriber = client.subscribe("x").await.unwrap();
        act_on_message(&mut subscriber, || panic!("this waker panics on purpose"));
        let mut publisher = Raw::connect(&broker).await.plain().await;
        assert_eq!(publisher.fence().await, "");
        publisher.send("PUB x 1\r\ny\r\n").await;
        assert_eq!(publisher.rest().await, "");

        let mut other = Raw::connect(&broker).await.plain().await.subscribed("q").await;
        other.send("UNSUB 1\r\n").await;
        assert_eq!(other.fence().await, "");
        let mut later = client.subscribe("later").await.unwrap();
        later.unsubscribe().await.unwrap();
        assert_ended(&mut later).await;
    });
}

#[test]
fn a_lame_duck_ends_with_a_shutdown_from_elsewhere() {
    run_in_virtual_time(async {
        let (duration, grace) = (Duration::from_secs(120), Duration::from_secs(10));
        let broker = virtual_time().lame_duck(duration, grace).start().await.unwrap();
        let mut client = Raw::duplex(&broker).await.modern().await;
        let before = Instant::now();
        let ending = tokio::spawn({
            let broker = broker.clone();
            async move { broker.lame_duck().await }
        });
        assert!(client.line().await.contains("\"ldm\":true"));
        broker.shutdown(STOP_DEADLINE).await;
        within("the end of the lame duck", ending).await.unwrap();
        assert!(before.elapsed() < grace, "{:?}", before.elapsed());
    });
}

#[test]
fn debug_tells_no_secrets() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let client = broker.client();
        let subscriber = client.subscribe("quiet").await.unwrap();
        let mut raw = Raw::duplex(&broker).await;
        raw.send("CONNECT {\"verbose\":false,\"user\":\"me\",\"pass\":\"hush-1\",\"auth_token\":\"hush-2\"}\r\n").await;
        raw.send("PUB quiet 6\r\nhush-3\r\n").await;
        assert_eq!(raw.fence().await, "");
        let shown = format!("{broker:?}");
        assert!(shown.len() < 300 && !shown.contains("hush"), "{shown}");
        for shown in [format!("{client:?}"), format!("{subscriber:?}"), format!("{:?}", broker.connections())] {
            assert!(!shown.contains("hush"), "{shown}");
        }
    });
}

#[test]
fn waiting_for_interest_ends_with_the_broker() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        assert_eq!(broker.wait_for_interest("a..b").now_or_never(), Some(false));
        let waiting = tokio::spawn({
            let broker = broker.clone();
            async move { broker.wait_for_interest("nobody").await }
        });
        yield_now().await;
        assert!(!waiting.is_finished());
        broker.shutdown(STOP_DEADLINE).await;
        assert!(!within("the end of the waiting", waiting).await.unwrap());
    });
}

#[cfg(unix)]
#[test]
fn a_unix_path_that_belongs_to_another_survives() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("embus.sock");
        let start = || embus::Broker::builder().listen_unix(&path).start();
        let first = start().await.unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = start().await.unwrap();
        first.shutdown(STOP_DEADLINE).await;
        let mut raw = Raw::greeted(tokio::net::UnixStream::connect(&path).await.unwrap()).await.plain().await;
        assert_eq!(raw.fence().await, "");

        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "precious").unwrap();
        second.shutdown(STOP_DEADLINE).await;
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    });
}
