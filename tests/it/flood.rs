//! A thousand hostile connections beside one good pair, whose messages must keep going through.

use std::time::Duration;

use embus::Broker;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Raw, eventually, raise_file_limit, run, start, within};

const HOSTILE: usize = 1000;

/// How long one message of the good pair may take at most: a debug build on a busy machine, beside all other tests.
const LATENCY_LIMIT: Duration = Duration::from_secs(2);

/// Connects and misbehaves in one of several ways, then waits for the broker to close, or leaves if it does not have to.
async fn misbehave(broker: Broker, number: usize) {
    let mut stream = within("a connection", TcpStream::connect(broker.local_addr().unwrap())).await.unwrap();
    let mut random = fastrand::Rng::with_seed(number as u64);
    let garbage: Vec<u8> = (0..4000).map(|_| random.u8(..)).collect();
    let input: Vec<u8> = match number % 5 {
        0 => garbage,
        1 => [b"PUB ".as_slice(), &[b'a'; 8000]].concat(),
        2 => b"PUB a 999999999\r\n".to_vec(),
        3 => b"SUB > 1\r\nPUB a 1000000\r\nhalf a messa".to_vec(),
        _ => b"CONNECT {\"verbose\":[".to_vec(),
    };
    // The broker may have closed already.
    let _ = stream.write_all(&input).await;
    match number % 5 {
        // These are no fault: one waits for a payload, the other for the end of its line.
        3 | 4 => broker.stopped().await,
        _ => drop(Raw::over(stream).rest().await),
    }
}

#[test]
fn a_good_pair_goes_on_among_a_thousand_bad_ones() {
    raise_file_limit();
    run(async {
        let broker = start().await;
        let mut reader = Raw::connect(&broker).await.plain().await.subscribed("canary").await;
        let mut writer = Raw::connect(&broker).await.plain().await;
        let mut hostile: JoinSet<()> = (0..HOSTILE).map(|number| misbehave(broker.clone(), number)).collect();

        let (mut rounds, mut slowest) = (0, Duration::ZERO);
        while rounds < 200 || broker.statistics().total_connections < (HOSTILE + 2) as u64 {
            let before = Instant::now();
            writer.send("PUB canary 5\r\nchirp\r\n").await;
            reader.expect("MSG canary 1 5\r\nchirp\r\n").await;
            slowest = slowest.max(before.elapsed());
            rounds += 1;
        }
        assert!(slowest < LATENCY_LIMIT, "a message took {slowest:?}");

        // Those who broke a rule are gone, those who only began something are there.
        eventually("the worst are gone", || broker.statistics().connections == 2 + HOSTILE * 2 / 5).await;
        assert_eq!(broker.statistics().slow_consumers, 0);
        writer.send("PUB canary 2\r\nok\r\n").await;
        reader.expect("MSG canary 1 2\r\nok\r\n").await;
        broker.shutdown(Duration::from_secs(5)).await;
        while let Some(ended) = within("the end of all", hostile.join_next()).await {
            ended.unwrap();
        }
    });
}
