//! What a request and its answer agree on: compression, masks, origins, headers.

use embus::websocket::WebSocketConfig;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use super::{address, start};
use crate::support::{Frames, masked, run, upgrade_request};

/// A message as a client compresses it.
pub(super) fn deflated(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 1024);
    Compress::new(Compression::best(), false).compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
    out.strip_suffix(&[0, 0, 0xff, 0xff]).unwrap().to_vec()
}

pub(super) fn inflated(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(1 << 20);
    let bytes = [bytes, &[0, 0, 0xff, 0xff]].concat();
    Decompress::new(false).decompress_vec(&bytes, &mut out, FlushDecompress::Sync).unwrap();
    String::from_utf8(out).unwrap()
}

pub(super) const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

#[test]
fn messages_may_be_compressed() {
    run(async {
        let broker = start(WebSocketConfig::new().compression(true)).await;
        let (mut frames, head) = Frames::ask(address(&broker), &upgrade_request(OFFER)).await;
        let agreed =
            "sec-websocket-extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert!(head.to_ascii_lowercase().contains(agreed), "{head}");
        let info = frames.frame().await.unwrap();
        assert_eq!(info.first, 0xc2);
        assert!(inflated(&info.payload).starts_with("INFO {"));
        let text = format!("CONNECT {{\"verbose\":false}}\r\nSUB a 1\r\nPUB a 70000\r\n{}\r\n", "x".repeat(70_000));
        frames.send(&masked(0xc2, &deflated(text.as_bytes()))).await;
        let mut received = String::new();
        while received.len() < 70_000 + 17 {
            let frame = frames.frame().await.unwrap();
            assert!(frame.first == 0xc2 && frame.payload.len() < 1000, "{} bytes", frame.payload.len());
            received.push_str(&inflated(&frame.payload));
        }
        assert!(received.starts_with("MSG a 1 70000\r\nxxx") && received.ends_with("xxx\r\n"));
        // What is short is sent as it is, and what came so is read; messages in parts as well.
        let request = deflated(b"PING\r\n");
        frames.send(&masked(0x42, &request[..2])).await;
        frames.send(&masked(0x80, &request[2..])).await;
        let pong = frames.frame().await.unwrap();
        assert_eq!((pong.first, pong.payload.as_slice()), (0x82, b"PONG\r\n".as_slice()));
        frames.say("PING\r\n").await;
        assert_eq!(frames.line().await, "PONG\r\n");
    });
}

#[test]
fn nothing_is_compressed_unasked() {
    run(async {
        for (config, offer) in [(WebSocketConfig::new(), OFFER), (WebSocketConfig::new().compression(true), "")] {
            let broker = start(config).await;
            let (mut frames, head) = Frames::ask(address(&broker), &upgrade_request(offer)).await;
            assert!(!head.to_ascii_lowercase().contains("extensions"), "{head}");
            assert!(frames.line().await.starts_with("INFO "));
            frames.send(&masked(0xc2, &deflated(b"PING\r\n"))).await;
            let end = frames.rest().await.pop().unwrap();
            assert_eq!((end.first, &end.payload[..2]), (0x88, &1002_u16.to_be_bytes()[..]));
        }
    });
}

#[test]
fn masks_may_be_left_out_by_agreement() {
    run(async {
        let broker = start(WebSocketConfig::new()).await;
        let (mut frames, head) = Frames::ask(address(&broker), &upgrade_request("Nats-No-Masking: true\r\n")).await;
        assert!(head.to_ascii_lowercase().contains("nats-no-masking: true"), "{head}");
        assert!(frames.line().await.starts_with("INFO "));
        frames.send(b"\x82\x06PING\r\n").await;
        assert_eq!(frames.line().await, "PONG\r\n");
    });
}

#[test]
fn browsers_get_small_frames() {
    run(async {
        let broker = start(WebSocketConfig::new()).await;
        let (mut frames, _) = Frames::ask(address(&broker), &upgrade_request("User-Agent: Mozilla/5.0\r\n")).await;
        assert!(frames.line().await.starts_with("INFO "));
        frames
            .say(&format!("CONNECT {{\"verbose\":false}}\r\nSUB a 1\r\nPUB a 20000\r\n{}\r\n", "y".repeat(20_000)))
            .await;
        let mut received = 0;
        while received < 20_000 {
            let frame = frames.frame().await.unwrap();
            assert!(frame.payload.len() <= 4096);
            received += frame.payload.len();
        }
    });
}

#[test]
fn pages_of_other_origins_are_turned_down() {
    run(async {
        let broker = start(WebSocketConfig::new().allowed_origins(["https://good.example"])).await;
        let status = async |origin: &str| {
            let (_, head) = Frames::ask(address(&broker), &upgrade_request(origin)).await;
            head.split(' ').nth(1).unwrap().to_owned()
        };
        assert_eq!(status("").await, "101");
        assert_eq!(status("Origin: https://good.example\r\n").await, "101");
        assert_eq!(status("Origin: https://bad.example\r\n").await, "403");
        assert_eq!(status("Origin: null\r\n").await, "403");
    });
}

#[test]
fn answers_have_the_headers_that_were_asked_for() {
    run(async {
        let broker = start(WebSocketConfig::new().header("X-Served-By", "embus")).await;
        let (_, head) = Frames::ask(address(&broker), &upgrade_request("")).await;
        assert!(head.to_ascii_lowercase().contains("x-served-by: embus\r\n"), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    });
}
