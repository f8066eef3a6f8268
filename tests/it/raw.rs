//! Raw sockets: what a client library hides. Bad input is answered as the reference says and costs only its sender.

use embus::Broker;
use embus::statistics::CloseReason;

use crate::support::{Raw, eventually, next, run, run_in_virtual_time, start, virtual_time, within};

const UNKNOWN: &str = "-ERR 'Unknown Protocol Operation'\r\n";
const LINE_TOO_LONG: &str = "-ERR 'maximum control line exceeded'\r\n";
const PAYLOAD_TOO_LARGE: &str = "-ERR 'Maximum Payload Violation'\r\n";

/// A broker in virtual time.
async fn quiet() -> Broker {
    virtual_time().start().await.unwrap()
}

/// Sends `input` on a connection of its own and holds what comes until the close against `expected`.
async fn check(broker: &Broker, input: impl AsRef<[u8]>, expected: &str) {
    let mut raw = Raw::duplex(broker).await.plain().await;
    // The broker may close while we are still sending.
    let _ = raw.try_send(input.as_ref()).await;
    let shown = String::from_utf8_lossy(&input.as_ref()[..input.as_ref().len().min(80)]).into_owned();
    assert_eq!(raw.rest().await, expected, "after {shown:?}");
}

#[test]
fn what_is_no_operation_is_refused_by_name() {
    run_in_virtual_time(async {
        let broker = quiet().await;
        for input in [
            "HELLO\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "\x16\x03\x01\x02",
            "SUBB a 1\r\n",
            "MSG a 1 0\r\n\r\n",
            "UNSUB\r\n",
        ] {
            check(&broker, input, UNKNOWN).await;
        }
        check(&broker, "PUB a 2\r\nhello\r\n", UNKNOWN).await;
        check(&broker, "A".repeat(100_000), UNKNOWN).await;
        eventually("all are gone", || broker.statistics().connections == 0).await;
        assert!(broker.closed_connections().iter().all(|gone| gone.reason == Some(CloseReason::ParseError)));
    });
}

#[test]
fn bad_arguments_close_without_a_word() {
    run_in_virtual_time(async {
        let broker = quiet().await;
        for input in [
            "PUB a\r\n",
            "PUB a b c 1\r\n",
            "PUB a -1\r\n",
            "PUB a +1\r\n",
            "PUB a 1234567890\r\n",
            "PUB a 99999999999999999999999999\r\n",
            "SUB a\r\n",
            "SUB a b c d\r\n",
            "CONNECT {\r\n",
            "CONNECT nonsense\r\n",
            "HPUB a 1 1\r\nx\r\n",
        ] {
            check(&broker, input, "").await;
        }
    });
}

#[test]
fn a_control_line_without_end_is_cut_off() {
    run_in_virtual_time(async {
        let broker = quiet().await;
        check(&broker, format!("SUB {}", "a".repeat(5000)), LINE_TOO_LONG).await;
        check(&broker, format!("PUB {}", "a".repeat(1_000_000)), LINE_TOO_LONG).await;
        check(&broker, format!("CONNECT {{\"name\":\"{}\"}}\r\n", "a".repeat(5000)), LINE_TOO_LONG).await;
        check(&broker, format!("PING {}", " ".repeat(100_000)), LINE_TOO_LONG).await;
    });
}

#[test]
fn announced_sizes_above_the_limit_are_refused_at_once() {
    run_in_virtual_time(async {
        let broker = quiet().await;
        check(&broker, "PUB a 1048577\r\n", PAYLOAD_TOO_LARGE).await;
        check(&broker, "PUB a 999999999\r\nthe rest never comes", PAYLOAD_TOO_LARGE).await;
    });
}

#[test]
fn announced_sizes_that_never_come_cost_little_and_are_let_go() {
    run(async {
        let broker = start().await;
        let mut waiting = Vec::new();
        for number in 0..200 {
            let mut raw = Raw::connect(&broker).await.plain().await;
            raw.send(format!("SUB held 1\r\nPUB held 1048576\r\n{}", "x".repeat(number * 10))).await;
            waiting.push(raw);
        }
        eventually("all wait", || broker.statistics().subscriptions == 200).await;
        // They are clients all the same: they are served while their own message is incomplete.
        broker.client().publish("held", "ok".into()).await.unwrap();
        for raw in &mut waiting {
            raw.expect("MSG held 1 2\r\nok\r\n").await;
        }
        drop(waiting);
        eventually("all are gone", || broker.statistics().connections == 0).await;
        assert_eq!(broker.statistics().traffic.in_msgs, 1);
    });
}

#[test]
fn half_a_message_dies_with_its_connection() {
    run(async {
        let broker = start().await;
        let mut subscriber = broker.client().subscribe(">").await.unwrap();
        for half in ["P", "PUB a", "PUB a 5\r\n", "PUB a 5\r\nhel", "PUB a 5\r\nhello", "PUB a 5\r\nhello\r", "SUB a"] {
            let mut raw = Raw::connect(&broker).await.plain().await;
            raw.send(half).await;
            raw.end_sending().await;
            assert_eq!(raw.rest().await, "", "{half:?}");
        }
        eventually("all are gone", || broker.statistics().connections == 0).await;
        broker.client().publish("whole", "".into()).await.unwrap();
        assert_eq!(next(&mut subscriber).await.subject.as_str(), "whole");
    });
}

#[test]
fn a_client_that_stops_sending_still_gets_its_answers() {
    run(async {
        let broker = start().await;
        let mut raw = Raw::connect(&broker).await.plain().await;
        raw.send("SUB a 1\r\nPUB a 2\r\nok\r\nPING\r\n").await;
        raw.end_sending().await;
        assert_eq!(raw.rest().await, "MSG a 1 2\r\nok\r\nPONG\r\n");
    });
}

#[test]
fn silence_costs_nothing_and_is_no_fault() {
    run(async {
        let broker = start().await;
        let mut silent = Vec::new();
        for _ in 0..50 {
            silent.push(Raw::connect(&broker).await);
        }
        assert_eq!(broker.statistics().connections, 50);
        for raw in &mut silent {
            assert_eq!(raw.fence().await, "");
        }
    });
}

#[test]
fn bytes_may_come_one_by_one() {
    run_in_virtual_time(async {
        let broker = quiet().await;
        let mut reader = Raw::duplex(&broker).await.modern().await.subscribed("t.>").await;
        let mut writer = Raw::duplex(&broker).await;
        let input = "CONNECT {\"verbose\":false,\"headers\":true}\r\nPUB t.1 re.ply 5\r\nhello\r\n\
                     HPUB t.2 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\npub  t.3\t0 \n\r\nPING\r\n";
        for byte in input.bytes() {
            writer.send([byte]).await;
            tokio::task::yield_now().await;
        }
        writer.expect("PONG\r\n").await;
        reader.expect("MSG t.1 1 re.ply 5\r\nhello\r\n").await;
        reader.expect("HMSG t.2 1 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n").await;
        reader.expect("MSG t.3 1 0\r\n\r\n").await;
    });
}

#[test]
fn a_large_payload_may_trickle_in() {
    run_in_virtual_time(async {
        let broker = quiet().await;
        let mut subscriber = broker.client().subscribe("slow").await.unwrap();
        let mut writer = Raw::duplex(&broker).await.plain().await;
        let payload: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        writer.send("PUB slow 100000\r\n").await;
        for chunk in payload.chunks(997) {
            writer.send(chunk).await;
            tokio::task::yield_now().await;
        }
        writer.send("\r\n").await;
        assert!(next(&mut subscriber).await.payload == payload, "the payload changed on its way");
    });
}

#[test]
fn a_large_payload_must_end_as_a_small_one() {
    run_in_virtual_time(async {
        let broker = quiet().await;
        check(&broker, format!("PUB a 100000\r\n{}XX", "x".repeat(100_000)), UNKNOWN).await;
    });
}

/// A socket that is closed with input unread is reset, and a reset destroys what is on its way to the client.
#[test]
fn a_refused_client_hears_why_even_while_it_sends() {
    run(async {
        let broker = start().await;
        let cases = [("PUB a 2000000\r\n", PAYLOAD_TOO_LARGE), ("NONSENSE\r\n", UNKNOWN)];
        for (input, expected) in cases {
            for _ in 0..5 {
                let mut raw = Raw::connect(&broker).await.plain().await;
                raw.send(input).await;
                // The client looks only when it has sent everything.
                raw.send("x".repeat(2_000_000)).await;
                let (rest, end) = raw.rest_and_end().await;
                assert_eq!(rest, expected);
                end.expect("an orderly close");
            }
        }
    });
}

#[test]
fn a_refused_client_that_never_stops_sending_is_left() {
    run(async {
        let broker = start().await;
        let mut raw = Raw::connect(&broker).await.plain().await;
        raw.send("PUB a 999999999\r\n").await;
        let more = vec![b'x'; 64 * 1024];
        let flooding = async { while raw.try_send(&more).await.is_ok() {} };
        within("the end of patience", flooding).await;
        eventually("it is gone", || broker.statistics().connections == 0).await;
    });
}

#[test]
fn binary_noise_harms_only_its_connection() {
    run_in_virtual_time(async {
        let broker = quiet().await;
        let mut good = Raw::duplex(&broker).await.plain().await.subscribed("good").await;
        let mut random = fastrand::Rng::with_seed(42);
        for round in 0..300 {
            let mut noise: Vec<u8> = (0..random.usize(1..2000)).map(|_| random.u8(..)).collect();
            if round % 2 == 0 {
                // Half of it begins well.
                let verbs: [&[u8]; 6] = [b"PUB a ", b"SUB ", b"HPUB ", b"CONNECT {", b"UNSUB ", b"-ERR "];
                noise.splice(..0, verbs[random.usize(..6)].iter().copied());
            }
            let mut raw = Raw::duplex(&broker).await.plain().await;
            let _ = raw.try_send(&noise).await;
            drop(raw);
            good.send(format!("PUB good {}\r\n{round}\r\n", round.to_string().len())).await;
            good.expect(&format!("MSG good 1 {}\r\n{round}\r\n", round.to_string().len())).await;
        }
        eventually("all noise is gone", || broker.statistics().connections == 1).await;
        assert_eq!(broker.statistics().buffered_bytes, 0);
    });
}
