//! Header blocks that are stored otherwise than they came.
//!
//! A status is reduced to the version, `Nats-Request-Info` leaves (clients could forge it), `Nats-Trace-Dest` is made
//! harmless, and a time to live may be raised; a block of which nothing remains is no block. [reference §4.1, §4.3]

use std::io::Write;

use super::header_scan::{VERSION, lines};

/// Writes to `out` what of `block` is stored.
pub(crate) fn clean(block: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let (first, had_status) = match block.strip_prefix(VERSION) {
        Some(rest) => (VERSION, !rest.starts_with(CRLF)),
        None => (first_line(block), false),
    };
    out.extend_from_slice(first);
    out.extend_from_slice(CRLF);
    let mut removed = had_status;
    for line in lines(block) {
        if line.starts_with(b"Nats-Request-Info:") {
            removed = true;
        } else if line.starts_with(b"Nats-Trace-Dest:") {
            out.extend_from_slice(b"Nats-Trace-Dest: trace disabled\r\n");
        } else {
            out.extend_from_slice(line);
            out.extend_from_slice(CRLF);
        }
    }
    if removed && out.len() <= VERSION.len() + 2 * CRLF.len() {
        out.clear();
    }
}

/// Writes `block` to `out` with one line at its end for the time to live, in place of all that it had.
pub(crate) fn with_time_to_live(block: &[u8], seconds: i64, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(first_line(block));
    out.extend_from_slice(CRLF);
    for line in lines(block) {
        if !line.is_empty() && !line.starts_with(b"Nats-TTL:") {
            out.extend_from_slice(line);
            out.extend_from_slice(CRLF);
        }
    }
    // Writing to memory does not fail.
    let _ = write!(out, "Nats-TTL: {seconds}\r\n\r\n");
}

fn first_line(block: &[u8]) -> &[u8] {
    block.windows(CRLF.len()).position(|pair| pair == CRLF).map_or(block, |end| &block[..end])
}

pub(crate) const CRLF: &[u8] = b"\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_clean(block: &str, expected: &str) {
        let mut out = b"left over".to_vec();
        clean(block.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{block:?}");
    }

    #[test]
    fn cleans_as_nats_server_does() {
        check_clean("NATS/1.0 503 No\r\nA: b\r\n\r\n", "NATS/1.0\r\nA: b\r\n\r\n");
        check_clean("NATS/1.0 503\r\n\r\n", "");
        check_clean("NATS/1.0 \r\nA: 1\r\n\r\n", "NATS/1.0\r\nA: 1\r\n\r\n");
        check_clean("NATS/1.0\r\nNats-Request-Info: x\r\n\r\n", "");
        let twice = "NATS/1.0\r\nNats-Request-Info: x\r\nA: 1\r\nNats-Request-Info: y\r\n\r\n";
        check_clean(twice, "NATS/1.0\r\nA: 1\r\n\r\n");
        let traced = "NATS/1.0\r\nNats-Trace-Dest: foo\r\nA: 1\r\n\r\n";
        check_clean(traced, "NATS/1.0\r\nNats-Trace-Dest: trace disabled\r\nA: 1\r\n\r\n");
        check_clean("Nats: 1\r\nNats-Request-Info: x\r\nA: 1\r\n\r\n", "Nats: 1\r\nA: 1\r\n\r\n");
    }

    #[track_caller]
    fn check_raised(block: &str, expected: &str) {
        let mut out = Vec::new();
        with_time_to_live(block.as_bytes(), 60, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{block:?}");
    }

    #[test]
    fn raised_time_to_live_stands_last() {
        let between = "NATS/1.0\r\nA: 1\r\nNats-TTL: 5\r\nB: 2\r\n\r\n";
        check_raised(between, "NATS/1.0\r\nA: 1\r\nB: 2\r\nNats-TTL: 60\r\n\r\n");
        let twice = "NATS/1.0\r\nNats-TTL:5\r\nX: y\r\nNats-TTL: 7\r\n\r\n";
        check_raised(twice, "NATS/1.0\r\nX: y\r\nNats-TTL: 60\r\n\r\n");
    }
}
