//! The bytes of a file in memory.
//!
//! Chunks that grow up to a fixed size: a growing file is never copied as a whole, a file of a few bytes takes a few
//! bytes, and what was never written takes none.

use std::io;

/// Bytes in chunks. What a chunk lacks at its end, and chunks that are missing, are zeros.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    chunks: Vec<Vec<u8>>,
    len: u64,
}

impl Content {
    /// Bytes in it.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buf` as far as there is something; says how far that is.
    pub(super) fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        let len = usize::try_from(self.len.saturating_sub(offset)).map_or(buf.len(), |rest| rest.min(buf.len()));
        let mut done = 0;
        while done < len {
            // No chunk lies behind what can be addressed.
            let (index, within) = place(offset + done as u64).unwrap_or((usize::MAX, 0));
            let part = (len - done).min(CHUNK_BYTES - within);
            let stored = self.chunks.get(index).and_then(|chunk| chunk.get(within..)).unwrap_or_default();
            let (bytes, zeros) = buf[done..done + part].split_at_mut(part.min(stored.len()));
            bytes.copy_from_slice(&stored[..bytes.len()]);
            zeros.fill(0);
            done += part;
        }
        done
    }

    /// Writes all of `bytes`, growing where needed.
    pub(super) fn write(&mut self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        let end = offset.checked_add(bytes.len() as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        place(end)?;
        while !bytes.is_empty() {
            let (index, within) = place(offset)?;
            let (part, rest) = bytes.split_at(bytes.len().min(CHUNK_BYTES - within));
            if self.chunks.len() <= index {
                self.chunks.resize_with(index + 1, Vec::new);
            }
            put(&mut self.chunks[index], part, within);
            offset += part.len() as u64;
            bytes = rest;
            self.len = self.len.max(offset);
        }
        Ok(())
    }

    /// Adds zeros up to `len` bytes.
    pub(super) fn grow(&mut self, len: u64) {
        self.len = self.len.max(len);
    }

    /// Takes away what is behind `len` bytes.
    pub(super) fn cut(&mut self, len: u64) {
        if len >= self.len {
            return;
        }
        self.len = len;
        let Some((index, within)) = place(len).ok() else { return };
        self.chunks.truncate(index + 1);
        self.chunks.shrink_to_fit();
        if let Some(last) = self.chunks.get_mut(index) {
            last.truncate(within);
            last.shrink_to_fit();
        }
    }
}

/// Which chunk, and where in it.
fn place(offset: u64) -> io::Result<(usize, usize)> {
    let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
    Ok((offset / CHUNK_BYTES, offset % CHUNK_BYTES))
}

fn put(chunk: &mut Vec<u8>, bytes: &[u8], at: usize) {
    if chunk.len() < at {
        chunk.resize(at, 0);
    }
    let over = bytes.len().min(chunk.len() - at);
    chunk[at..at + over].copy_from_slice(&bytes[..over]);
    chunk.extend_from_slice(&bytes[over..]);
}

/// Files grow in steps of at most this many bytes.
const CHUNK_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_allocated_but_never_written_takes_no_memory() {
        let mut content = Content::default();
        content.grow(1 << 30);
        assert_eq!(content.chunks.capacity(), 0);
        let mut buf = [1; 10];
        assert_eq!(content.read(&mut buf, 1 << 29), 10);
        assert_eq!(buf, [0; 10]);
    }

    #[test]
    fn nothing_overflows() {
        let mut content = Content::default();
        assert!(content.write(b"x", u64::MAX).is_err());
        content.grow(u64::MAX);
        assert_eq!(content.read(&mut [1; 10], u64::MAX - 5), 5);
        content.cut(3);
        assert_eq!(content.len(), 3);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Write(u64, Vec<u8>),
        Cut(u64),
        Grow(u64),
        Read(u64, usize),
    }

    fn act() -> impl Strategy<Value = Act> {
        let chunk = CHUNK_BYTES as u64;
        let offset = prop_oneof![0..300u64, chunk - 100..chunk + 100, 0..3 * chunk];
        let len = prop_oneof![0..300usize, 0..2 * CHUNK_BYTES];
        prop_oneof![
            (offset.clone(), len.clone(), 1u8..).prop_map(|(at, len, byte)| Act::Write(at, vec![byte; len])),
            offset.clone().prop_map(Act::Cut),
            offset.clone().prop_map(Act::Grow),
            (offset, len).prop_map(|(at, len)| Act::Read(at, len)),
        ]
    }

    fn write(model: &mut Vec<u8>, at: usize, bytes: &[u8]) {
        if !bytes.is_empty() {
            model.resize(model.len().max(at + bytes.len()), 0);
            model[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_behaves_like_a_vec(acts in prop::collection::vec(act(), 1..30)) {
            let mut content = Content::default();
            let mut model: Vec<u8> = Vec::new();
            let size = |number| usize::try_from(number).unwrap();
            for act in acts {
                match act {
                    Act::Write(at, bytes) => {
                        content.write(&bytes, at).unwrap();
                        write(&mut model, size(at), &bytes);
                    }
                    Act::Cut(len) => {
                        content.cut(len);
                        model.truncate(size(len));
                    }
                    Act::Grow(len) => {
                        content.grow(len);
                        model.resize(model.len().max(size(len)), 0);
                    }
                    Act::Read(at, len) => {
                        let mut buf = vec![9; len];
                        let read = content.read(&mut buf, at);
                        let at = size(at).min(model.len());
                        prop_assert_eq!(&buf[..read], &model[at..model.len().min(at + len)]);
                    }
                }
                prop_assert_eq!(content.len(), model.len() as u64);
            }
        }
    }
}
