//! The write deadline: a reader that takes nothing at all for that long is cut, one that takes little is not.

use std::time::Duration;

use embus::statistics::CloseReason;
use tokio::time::Instant;

use crate::support::{Raw, eventually, listening, run, run_in_virtual_time, virtual_time};

#[test]
fn a_reader_that_takes_nothing_is_cut_after_the_deadline() {
    run_in_virtual_time(async {
        let deadline = Duration::from_secs(10);
        let broker = virtual_time().write_deadline(deadline).start().await.unwrap();
        let stalled = Raw::duplex(&broker).await.plain().await.subscribed("w").await;
        let before = Instant::now();
        broker.client().publish("w", vec![b'x'; 200_000].into()).await.unwrap();
        eventually("the cut", || broker.closed_connections().len() == 1).await;
        let elapsed = before.elapsed();
        assert!(elapsed >= deadline && elapsed <= deadline + Duration::from_secs(2), "{elapsed:?}");
        assert_eq!(broker.statistics().slow_consumers, 1);
        assert_eq!(broker.closed_connections()[0].reason, Some(CloseReason::SlowConsumerWriteDeadline));
        assert_eq!(broker.statistics().buffered_bytes, 0);
        drop(stalled);
    });
}

#[test]
fn a_reader_that_takes_little_stays() {
    run_in_virtual_time(async {
        let broker = virtual_time().write_deadline(Duration::from_secs(10)).start().await.unwrap();
        let mut slow = Raw::duplex(&broker).await.plain().await.subscribed("w").await;
        broker.client().publish("w", vec![b'x'; 1_000_000].into()).await.unwrap();
        let before = Instant::now();
        let mut left = 1_000_000;
        while left > 0 {
            tokio::time::advance(Duration::from_secs(6)).await;
            let taken = slow.skip_some().await;
            assert!(taken > 0, "cut with {left} bytes to go");
            left = usize::saturating_sub(left, taken);
        }
        assert!(before.elapsed() > Duration::from_secs(100), "the pipe was too wide for this test");
        assert_eq!(broker.statistics().slow_consumers, 0);
        assert_eq!(broker.statistics().connections, 1);
    });
}

#[test]
fn it_holds_over_tcp() {
    run(async {
        let broker = listening().write_deadline(Duration::from_millis(200)).start().await.unwrap();
        let stalled = Raw::connect_narrow(&broker).await.plain().await.subscribed("w").await;
        // More than the system's buffers take, less than the broker's own bound.
        for _ in 0..32 {
            broker.client().publish("w", vec![b'x'; 1024 * 1024].into()).await.unwrap();
        }
        eventually("the cut", || broker.statistics().slow_consumers == 1).await;
        eventually("the end", || {
            broker.closed_connections().iter().any(|gone| gone.reason == Some(CloseReason::SlowConsumerWriteDeadline))
        })
        .await;
        assert_eq!(broker.statistics().buffered_bytes, 0);
        drop(stalled);
    });
}
