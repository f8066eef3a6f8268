//! What strangers send to a port with TLS: the broker serves others throughout, keeps nothing of it, and closes in time.

use std::time::{Duration, Instant};

use embus::statistics::CloseReason;
use embus::tls::rustls::ALL_VERSIONS;
use embus::tls::{Handshake, TlsConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{greeted, secured, upgraded};
use crate::support::{Authority, Raw, connect_tls, eventually, run, shake_hands, within};

/// What is no handshake, or one that goes wrong.
fn inputs() -> Vec<Vec<u8>> {
    let record = |kind: u8, version: [u8; 2], length: u16, body: &[u8]| {
        [&[kind][..], &version, &length.to_be_bytes(), body].concat()
    };
    let hello = |length: u32, body: &[u8]| {
        let handshake = [&[1][..], &length.to_be_bytes()[1..], body].concat();
        record(0x16, [3, 1], u16::try_from(handshake.len()).unwrap(), &handshake)
    };
    let mut all = vec![
        b"\r\n".to_vec(),
        b"PING\r\n".to_vec(),
        b"CONNECT {}\r\nSUB > 1\r\nPUB a 1\r\nx\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"CONNECT {\"tls_required\":false}\r\n".to_vec(),
        vec![0; 4096],
        vec![0xff; 70_000],
        // Records of all types and versions, empty, short, and longer than a record may be.
        record(0x16, [3, 1], 0, b""),
        record(0x16, [3, 3], u16::MAX, &[0; 1000]),
        record(0x16, [2, 0], 10, &[1; 10]),
        record(0x16, [9, 9], 10, &[1; 10]),
        record(0x15, [3, 3], 2, &[2, 40]),
        record(0x15, [3, 3], 2, &[1, 0]),
        record(0x17, [3, 3], 5, b"PING\r"),
        record(0x14, [3, 3], 1, &[1]),
        record(0x18, [3, 3], 3, &[1, 0xff, 0xff]),
        record(0x80, [1, 3], 0x0100, &[1; 100]),
        // Hellos that say they are longer than they are, or nothing.
        hello(0xff_ffff, &[3; 100]),
        hello(0, b""),
        hello(2, &[3, 3]),
        hello(38, &[[3, 3].as_slice(), &[7; 32], &[0xff; 4]].concat()),
        record(0x16, [3, 1], 4, &[2, 0, 0, 0]),
        record(0x16, [3, 1], 4, &[20, 0, 0, 0]),
        record(0x16, [3, 1], 4, &[0xfe, 0, 0, 0]),
    ];
    // A real beginning that was damaged at each of its first bytes.
    let real = hello(80, &[[3, 3].as_slice(), &[7; 32], &[0, 0, 2, 0x13, 0x01, 1, 0, 0, 35], &[0; 35]].concat());
    all.extend((0..real.len()).map(|at| {
        let mut damaged = real.clone();
        damaged[at] ^= 0x55;
        damaged
    }));
    all.extend((1..real.len()).step_by(7).map(|length| real[..length].to_vec()));
    all
}

/// What the broker said until it closed; nothing of the protocol may be in it.
async fn closes(mut stream: TcpStream, input: &[u8]) {
    let _ = stream.write_all(input).await;
    let mut rest = Vec::new();
    let _ = within("the end", stream.read_to_end(&mut rest)).await;
    let text = String::from_utf8_lossy(&rest);
    assert!(!text.contains("PONG") && !text.contains("+OK") && !text.contains("MSG"), "{input:?}: {text}");
}

#[test]
fn no_input_disturbs_others_or_is_carried_out() {
    run(async {
        let authority = Authority::new();
        for handshake in [Handshake::AfterInfo, Handshake::First] {
            let change = |tls: TlsConfig| tls.timeout(Duration::from_millis(200)).handshake(handshake);
            let broker = secured(&authority, change).await;
            let config = authority.trust(None, ALL_VERSIONS);
            let mut witness = match handshake {
                Handshake::First => {
                    let stream = connect_tls(broker.local_addr().unwrap(), config).await.unwrap();
                    Raw::greeted(stream).await.plain().await
                }
                _ => upgraded(&broker, &authority).await,
            };
            let attacks = inputs().into_iter().map(async |input| {
                let stream = match handshake {
                    Handshake::First => TcpStream::connect(broker.local_addr().unwrap()).await.unwrap(),
                    _ => greeted(&broker).await.0,
                };
                closes(stream, &input).await;
            });
            futures_util::future::join_all(attacks).await;
            assert_eq!(witness.fence().await, "");
            eventually("only the witness is left", || broker.connections().len() == 1).await;
            assert_eq!(broker.statistics().subscriptions, 0);
            let reasons = broker.closed_connections();
            assert!(reasons.iter().all(|gone| gone.reason == Some(CloseReason::TlsHandshakeFailure)), "{reasons:?}");
        }
    });
}

/// The class of CVE-2011-0411: what was sent in the clear must not count as sent in the session.
#[test]
fn nothing_sent_ahead_of_the_handshake_is_carried_out() {
    run(async {
        let authority = Authority::new();
        for change in [|tls: TlsConfig| tls, TlsConfig::optional] {
            let broker = secured(&authority, change).await;
            let (mut stream, _) = greeted(&broker).await;
            stream.write_all(b"CONNECT {}\r\nSUB injected 1\r\nPING\r\n").await.unwrap();
            let shaken = shake_hands(stream, authority.trust(None, ALL_VERSIONS)).await;
            assert!(shaken.is_err(), "{shaken:?}");
            if broker.server_info().tls_required {
                assert_eq!(broker.statistics().subscriptions, 0);
            }
        }
    });
}

#[test]
fn slow_and_half_open_handshakes_end_in_time() {
    run(async {
        let authority = Authority::new();
        let broker = secured(&authority, |tls| tls.timeout(Duration::from_millis(300))).await;
        let mut witness = upgraded(&broker, &authority).await;
        let start = Instant::now();
        let silent = futures_util::future::join_all((0..50).map(async |index| {
            let (stream, _) = greeted(&broker).await;
            // Some say nothing, some begin and never go on.
            closes(stream, if index % 2 == 0 { b"" } else { b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" }).await;
        }));
        let trickle = async {
            let (mut stream, _) = greeted(&broker).await;
            let hello = [0x16, 3, 1, 0x20, 0].into_iter().chain(std::iter::repeat(1));
            for byte in hello {
                if stream.write_all(&[byte]).await.is_err() || start.elapsed() > Duration::from_secs(5) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        let served = async {
            for _ in 0..20 {
                assert_eq!(witness.fence().await, "");
            }
        };
        tokio::join!(silent, trickle, served);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        eventually("only the witness is left", || broker.connections().len() == 1).await;
    });
}

#[test]
fn a_session_that_is_cut_or_spoilt_ends() {
    run(async {
        let authority = Authority::new();
        let broker = secured(&authority, |tls| tls).await;
        let mut witness = upgraded(&broker, &authority).await;
        for noise in [&b"PING\r\n"[..], &[0x17, 3, 3, 0, 5, 1, 2, 3, 4, 5], &[0x17, 3, 3, 0xff, 0xff]] {
            let (stream, _) = greeted(&broker).await;
            let shaken = shake_hands(stream, authority.trust(None, ALL_VERSIONS)).await.unwrap();
            // Under the session, as somebody on the way would.
            let (mut stream, _session) = shaken.into_inner();
            stream.write_all(noise).await.unwrap();
            let mut rest = Vec::new();
            let _ = within("the end", stream.read_to_end(&mut rest)).await;
        }
        assert_eq!(witness.fence().await, "");
        eventually("only the witness is left", || broker.connections().len() == 1).await;
    });
}

#[test]
fn a_broker_that_stops_waits_for_no_handshake() {
    run(async {
        let authority = Authority::new();
        let broker = secured(&authority, |tls| tls.timeout(Duration::from_secs(20))).await;
        let (_stream, _) = greeted(&broker).await;
        let start = Instant::now();
        broker.shutdown(Duration::from_secs(5)).await;
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    });
}
