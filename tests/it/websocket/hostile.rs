//! What strangers send to the port for WebSocket, before and after they are let in: the broker serves others throughout,
//! keeps little of it, and says the end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use embus::Broker;
use embus::auth::{Credential, User};
use embus::statistics::CloseReason;
use embus::websocket::WebSocketConfig;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::agreed::{OFFER, deflated};
use super::{address, listening, start};
use crate::support::{Frames, eventually, masked, run, upgrade_request, within};

/// Requests that are none, or no upgrade.
fn requests() -> Vec<Vec<u8>> {
    let good = || upgrade_request("");
    let with = |headers: &str| upgrade_request(headers).into_bytes();
    let many = "X-Many: 1\r\n".repeat(200);
    let mut all: Vec<Vec<u8>> = [
        "\r\n\r\n\r\n",
        "PING\r\n\r\n",
        "CONNECT {}\r\nPING\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/0.9\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "GET ../../../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    all.push(with(&many));
    all.push(with(&format!("X: {}\r\n", "x".repeat(20_000))));
    all.push(with(&format!("Cookie: {}\r\n", "a=b; ".repeat(10_000))));
    all.push(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a/../".repeat(10_000)).into_bytes());
    for (from, to) in [
        ("GET", "POST"),
        ("/any", "/mqtt"),
        ("/any", "/leafnode"),
        ("/any", "/../mqtt"),
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: Upgrade", "Connection: close"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="),
        ("dGhlIHNhbXBsZSBub25jZQ==", "!!!!"),
        ("dGhlIHNhbXBsZSBub25jZQ==", ""),
        ("Version: 13", "Version: 8"),
        ("Host: localhost", "X-Host: localhost"),
        ("HTTP/1.1", "HTTP/1.0"),
    ] {
        all.push(good().replacen(from, to, 1).into_bytes());
    }
    all.push(vec![0; 30_000]);
    all.push(vec![0xff; 30_000]);
    all.push(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec());
    all
}

/// Bytes behind the upgrade that no client may send.
fn frames() -> Vec<Vec<u8>> {
    let header = |first: u8, second: u8, rest: &[u8]| [&[first, second][..], rest].concat();
    let mut all = vec![
        b"\x82\x06PING\r\n".to_vec(),
        b"PING\r\n".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        header(0x82, 0xff, &[0xff; 12]),
        header(0x82, 0xff, &[[0x80].as_slice(), &[0; 11]].concat()),
        header(0x82, 0xff, &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
        header(0x82, 0xfe, &[0, 5, 0, 0, 0, 0]),
        header(0x89, 0xfe, &[0, 126, 0, 0, 0, 0]),
        header(0x88, 0xfe, &[1, 0, 0, 0, 0, 0]),
        header(0x89, 0xff, &[0; 12]),
        masked(0x80, b"PING\r\n"),
        masked(0x00, b""),
        masked(0x09, b"x"),
        masked(0x08, b""),
        masked(0x0a, b""),
        [masked(0x02, b"PI"), masked(0x82, b"NG\r\n")].concat(),
        [masked(0x01, b"PI"), masked(0x01, b"NG\r\n")].concat(),
        masked(0xc9, b"x"),
        masked(0xc0, b"x"),
        masked(0xc2, &deflated(b"PING\r\n")),
        masked(0x82, b"FOO BAR\r\n"),
        masked(0x82, &vec![b'A'; 100_000]),
        masked(0x82, b"PUB a 99999999999\r\n"),
        masked(0x82, b"SUB\r\n"),
        masked(0x81, &[0xff, 0xfe, 0x80, b'\r', b'\n']),
        masked(0x88, b"x"),
        masked(0x88, &[0, 1]),
        masked(0x88, &[0x03, 0xe8, 0xff, 0xff]),
        masked(0x88, b""),
    ];
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        all.push(masked(0x80 | opcode, b"x"));
        all.push(masked(opcode, b""));
    }
    for bit in [0x40, 0x20, 0x10, 0x70] {
        all.push(masked(0x82 | bit, b"PING\r\n"));
        all.push(masked(0x89 | bit, b""));
    }
    all
}

async fn answer(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    // Some have yet to be answered when their time is over.
    let _ = within("the end", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn no_request_but_an_upgrade_leads_anywhere() {
    run(async {
        let broker = start(WebSocketConfig::new().handshake_timeout(Duration::from_millis(300))).await;
        let mut witness = Frames::connect(address(&broker)).await;
        let answers = join_all(requests().into_iter().map(async |request| {
            let answer = answer(address(&broker), &request).await;
            (String::from_utf8_lossy(&request).chars().take(60).collect::<String>(), answer)
        }));
        for (request, answer) in answers.await {
            let status = answer.split(' ').nth(1).unwrap_or("none");
            assert!(answer.is_empty() || status.starts_with('4') || status.starts_with('5'), "{request:?}: {answer}");
            assert!(!answer.contains("INFO {"), "{request:?}");
        }
        witness.fence().await;
        assert_eq!(broker.connections().len(), 1);
    });
}

#[test]
fn no_frame_disturbs_others_before_or_after_the_login() {
    run(async {
        let builder = listening(WebSocketConfig::new()).user(User::new(Credential::password("a", "s3cret")));
        let broker = builder.start().await.unwrap();
        let login = "CONNECT {\"verbose\":false,\"user\":\"a\",\"pass\":\"s3cret\"}\r\n";
        let mut witness = Frames::connect(address(&broker)).await;
        witness.say(login).await;
        witness.fence().await;
        for logs_in in [false, true] {
            join_all(frames().into_iter().map(async |frame| {
                let mut hostile = Frames::connect(address(&broker)).await;
                if logs_in {
                    hostile.say(login).await;
                    hostile.fence().await;
                }
                hostile.send(&frame).await;
                // For what would wait for more.
                hostile.stream.shutdown().await.unwrap_or_default();
                let rest = hostile.rest().await;
                let text = |one: &crate::support::Frame| String::from_utf8_lossy(&one.payload).into_owned();
                let answered = rest.iter().any(|one| text(one).contains("PONG"));
                assert!(!answered, "{frame:?}: {rest:?}");
            }))
            .await;
            witness.fence().await;
        }
        eventually("only the witness is left", || broker.connections().len() == 1).await;
        assert_eq!(broker.statistics().subscriptions, 0);
    });
}

#[test]
fn bombs_are_defused() {
    run(async {
        let config = WebSocketConfig::new().compression(true);
        let broker = listening(config).max_payload(1024).start().await.unwrap();
        // All of it is well said, there is only too much of it in one message.
        let bomb = deflated(&b"PUB a 5\r\nhello\r\n".repeat(200_000));
        assert!(bomb.len() < 20_000);
        for frames in [
            vec![masked(0xc2, &bomb)],
            bomb.chunks(100)
                .enumerate()
                .map(|(index, part)| masked(if index == 0 { 0x42 } else { 0x00 }, part))
                .collect(),
        ] {
            let (mut hostile, _) = Frames::ask(address(&broker), &upgrade_request(OFFER)).await;
            for frame in frames {
                hostile.send(&frame).await;
            }
            let end = hostile.rest().await.pop().unwrap();
            assert_eq!((end.first, &end.payload[..2]), (0x88, &1009_u16.to_be_bytes()[..]), "{end:?}");
        }
        assert!(broker.statistics().traffic.in_msgs <= 2 * 8 * 1024 / 16);
        for noise in [&[0xff; 100][..], &[0x07, 0, 0]] {
            let (mut hostile, _) = Frames::ask(address(&broker), &upgrade_request(OFFER)).await;
            hostile.send(&masked(0xc2, noise)).await;
            let end = hostile.rest().await.pop().unwrap();
            assert_eq!((end.first, &end.payload[..2]), (0x88, &1007_u16.to_be_bytes()[..]), "{noise:?}: {end:?}");
        }
    });
}

#[test]
fn a_flood_of_pings_gets_no_flood_of_answers() {
    run(async {
        let broker = start(WebSocketConfig::new()).await;
        let mut witness = Frames::connect(address(&broker)).await;
        let mut hostile = Frames::connect(address(&broker)).await;
        let pings = masked(0x89, &[b'x'; 125]).repeat(1000);
        for _ in 0..100 {
            // Nothing is read: what the broker cannot send, it does not keep.
            hostile.send(&pings).await;
        }
        witness.fence().await;
        assert!(broker.statistics().buffered_bytes < 1024 * 1024);
        hostile.send(&masked(0x88, b"")).await;
        assert_eq!(hostile.rest().await.pop().unwrap().first, 0x88);
    });
}

#[test]
fn who_is_slow_with_a_request_is_not_waited_for() {
    run(async {
        let config = WebSocketConfig::new().handshake_timeout(Duration::from_millis(300));
        let broker = start(config).await;
        let start = Instant::now();
        let slow = join_all((0..100).map(async |index| {
            let mut stream = TcpStream::connect(address(&broker)).await.unwrap();
            let begun: &[u8] = if index % 2 == 0 { b"" } else { b"GET / HTTP/1.1\r\nHost: a" };
            let _ = stream.write_all(begun).await;
            let _ = within("the end", stream.read_to_end(&mut Vec::new())).await;
        }));
        let served = async {
            let mut witness = Frames::connect(address(&broker)).await;
            witness.fence().await;
        };
        tokio::join!(slow, served);
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    });
}

#[test]
fn nothing_counts_that_came_ahead_of_the_answer() {
    run(async {
        let broker = start(WebSocketConfig::new()).await;
        let ahead = [upgrade_request("").into_bytes(), masked(0x82, b"SUB ahead 1\r\n")].concat();
        let answer = answer(address(&broker), &ahead).await;
        assert!(!answer.contains("INFO {"), "{answer}");
        assert_eq!(broker.statistics().subscriptions, 0);
    });
}

#[test]
fn a_frame_of_any_length_is_read_as_it_comes() {
    run(async {
        let broker: Broker = start(WebSocketConfig::new()).await;
        let mut frames = Frames::connect(address(&broker)).await;
        // It says that it has 2^62 bytes, and what comes of it is served.
        let head = [&[0x82, 0xff][..], &(1_u64 << 62).to_be_bytes(), &[0; 4]].concat();
        frames.send(&head).await;
        frames.send(b"CONNECT {\"verbose\":false}\r\nPING\r\n").await;
        assert_eq!(frames.line().await, "PONG\r\n");
        drop(frames);
        eventually("it is gone", || broker.connections().is_empty()).await;
        assert_eq!(broker.closed_connections()[0].reason, Some(CloseReason::ClientClosed));
    });
}
