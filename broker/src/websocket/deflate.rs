//! Messages compressed and inflated. [RFC 7692] Each stands by itself, so that nothing is kept between two.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use parking_lot::Mutex;

/// What each compressed message ends with, and none shows. [RFC 7692 §7.2.1]
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Compressors that are free just now: each is some 300 KiB, far more than a connection may own.
#[derive(Debug, Default)]
pub(super) struct Compressors(Mutex<Vec<Compress>>);

/// As many as there are threads at work, about.
const MAX_KEPT: usize = 16;

impl Compressors {
    /// One message of `parts`, `length` bytes in all.
    pub(super) fn compress<'a>(&self, parts: impl Iterator<Item = &'a [u8]>, length: usize) -> Vec<u8> {
        let mut compress = self.0.lock().pop().unwrap_or_else(|| Compress::new(Compression::fast(), false));
        let mut out = Vec::with_capacity(length / 2 + 64);
        for part in parts {
            push(&mut compress, part, &mut out, FlushCompress::None);
        }
        push(&mut compress, &[], &mut out, FlushCompress::Sync);
        out.truncate(out.strip_suffix(&TAIL).map_or(out.len(), <[u8]>::len));
        compress.reset();
        let mut kept = self.0.lock();
        if kept.len() < MAX_KEPT {
            kept.push(compress);
        }
        out
    }
}

/// Compresses all of `input`; room that is left over shows that all has come out.
fn push(compress: &mut Compress, mut input: &[u8], out: &mut Vec<u8>, flush: FlushCompress) {
    loop {
        let before = compress.total_in();
        // Deflate knows no errors but those of its caller, and then nothing moves.
        let status = compress.compress_vec(input, out, flush);
        let taken = usize::try_from(compress.total_in() - before).unwrap_or_default();
        input = input.get(taken..).unwrap_or_default();
        let is_done = input.is_empty() && out.len() < out.capacity();
        if is_done || matches!(status, Err(_) | Ok(Status::StreamEnd)) {
            return;
        }
        out.reserve(out.capacity().max(64));
    }
}

/// A message that cannot be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InflateError {
    /// It is not what deflate makes.
    #[error("invalid compressed data")]
    Invalid,
    /// It comes to more than is allowed.
    #[error("message is too large")]
    TooLarge,
}

/// Inflates one message after the other, as far as there is room: nothing is kept but the window that deflate needs.
#[derive(Debug)]
pub(super) struct Inflater {
    state: Option<Box<Decompress>>,
    /// What the message has come to.
    inflated: u64,
    limit: u64,
    tail_sent: usize,
}

impl Inflater {
    /// A message may come to `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self { state: None, inflated: 0, limit, tail_sent: 0 }
    }

    /// Inflates the beginning of `input` into `out`: how much was taken, how much has come out. What `out` has room for
    /// after all is taken, there is no more of.
    pub(super) fn inflate(&mut self, input: &[u8], out: &mut [u8]) -> Result<(usize, usize), InflateError> {
        let state = self.state.get_or_insert_with(|| Box::new(Decompress::new(false)));
        let (before_in, before_out) = (state.total_in(), state.total_out());
        let status = state.decompress(input, out, FlushDecompress::Sync).map_err(|_| InflateError::Invalid)?;
        let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or_default();
        let (taken, come) = (count(state.total_in(), before_in), count(state.total_out(), before_out));
        self.inflated += come as u64;
        if self.inflated > self.limit {
            return Err(InflateError::TooLarge);
        }
        if status == Status::StreamEnd {
            // A last block need not be the last of the message.
            state.reset(false);
        } else if taken == 0 && come == 0 && !input.is_empty() {
            return Err(InflateError::Invalid);
        }
        Ok((taken, come))
    }

    /// The message has been taken whole: what is still to come out of it. `true` once that is all.
    pub(super) fn finish(&mut self, out: &mut [u8]) -> Result<(usize, bool), InflateError> {
        let room = out.len();
        let (taken, come) = self.inflate(TAIL.get(self.tail_sent..).unwrap_or_default(), out)?;
        self.tail_sent += taken;
        let is_done = self.tail_sent == TAIL.len() && come < room;
        if is_done {
            (self.state, self.inflated, self.tail_sent) = (None, 0, 0);
        }
        Ok((come, is_done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflated(compressed: &[u8], limit: u64, room: usize) -> Result<Vec<u8>, InflateError> {
        let (mut inflater, mut all, mut out) = (Inflater::new(limit), Vec::new(), vec![0; room]);
        let mut rest = compressed;
        while !rest.is_empty() {
            let (taken, come) = inflater.inflate(rest, &mut out)?;
            rest = &rest[taken..];
            all.extend_from_slice(&out[..come]);
        }
        loop {
            let (come, is_done) = inflater.finish(&mut out)?;
            all.extend_from_slice(&out[..come]);
            if is_done {
                return Ok(all);
            }
        }
    }

    #[test]
    fn what_was_compressed_comes_back() {
        let compressors = Compressors::default();
        let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(70_000).collect();
        for text in [&b""[..], b"a", &b"PUB a 1\r\nx\r\n".repeat(5000), &noise] {
            let halves = text.split_at(text.len() / 2);
            let compressed = compressors.compress([halves.0, halves.1].into_iter(), text.len());
            for room in [1, 100, 1 << 20] {
                assert!(inflated(&compressed, 1 << 20, room).unwrap() == text, "{} bytes, {room}", text.len());
            }
        }
    }

    #[test]
    fn bombs_and_noise_end() {
        let bomb = Compressors::default().compress([vec![0; 1 << 22].as_slice()].into_iter(), 1 << 22);
        assert!(bomb.len() < 1 << 15);
        assert_eq!(inflated(&bomb, 1 << 20, 1 << 14), Err(InflateError::TooLarge));
        assert_eq!(inflated(&[0xff; 100], 1 << 20, 1 << 14), Err(InflateError::Invalid));
    }
}
