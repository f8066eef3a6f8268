//! Pings: a silent client is asked, one that answers stays, one that does not is cut and counted. Over TCP:
//! `test_broker::time::pings`.

use std::time::Duration;

use embus::statistics::CloseReason;
use tokio::time::Instant;

use crate::support::{Raw, eventually, run_in_virtual_time, virtual_time};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_client_that_never_answers_is_told_and_cut() {
    run_in_virtual_time(async {
        let broker = virtual_time().ping_interval(MINUTE).ping_max(2).start().await.unwrap();
        let before = Instant::now();
        let mut silent = Raw::duplex(&broker).await.plain().await;
        // The first comes soon, for the round trip time.
        assert_eq!(silent.line_with_pings().await, "PING\r\n");
        assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
        let first = Instant::now();
        assert_eq!(silent.line_with_pings().await, "PING\r\n");
        assert_eq!(silent.line_with_pings().await, "-ERR 'Stale Connection'\r\n");
        let elapsed = first.elapsed();
        assert!(elapsed >= 2 * MINUTE && elapsed < 2 * MINUTE + Duration::from_secs(1), "{elapsed:?}");
        assert_eq!(silent.rest().await, "");
        eventually("the cut is noted", || broker.closed_connections().len() == 1).await;
        assert_eq!(broker.statistics().stale_connections, 1);
        assert_eq!(broker.closed_connections()[0].reason, Some(CloseReason::StaleConnection));
        assert_eq!(broker.statistics().slow_consumers, 0);
    });
}

#[test]
fn a_client_that_answers_stays() {
    run_in_virtual_time(async {
        let broker = virtual_time().ping_interval(MINUTE).ping_max(1).start().await.unwrap();
        let mut client = Raw::duplex(&broker).await.plain().await;
        for _ in 0..100 {
            assert_eq!(client.line_with_pings().await, "PING\r\n");
            client.send("PONG\r\n").await;
        }
        assert_eq!(client.fence().await, "");
        let connection = &broker.connections()[0];
        assert!(connection.rtt.is_some(), "an answered ping tells the round trip time");
        assert_eq!(broker.statistics().stale_connections, 0);
    });
}

#[test]
fn nobody_asks_a_client_that_talks() {
    run_in_virtual_time(async {
        let broker = virtual_time().ping_interval(MINUTE).start().await.unwrap();
        let mut client = Raw::duplex(&broker).await.plain().await;
        assert_eq!(client.line_with_pings().await, "PING\r\n");
        client.send("PONG\r\n").await;
        for _ in 0..100 {
            tokio::time::advance(MINUTE / 2).await;
            client.send("PING\r\n").await;
            assert_eq!(client.line_with_pings().await, "PONG\r\n");
        }
    });
}
