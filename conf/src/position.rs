//! Where something stands in a file.

use std::{fmt, path::Path, sync::Arc};

/// A place in a file. Lines and columns count from 1, columns in characters.
///
/// Differs from nats-server: its columns count from 0 in the first line and from 1 in the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The file as it was named.
    pub file: Arc<Path>,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// The lines of one text.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    file: Arc<Path>,
    text: &'a str,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(file: Arc<Path>, text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { file, text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The place of the byte at `offset`.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        // A line of a hostile file may be as long as the file, and each value in it asks for its column.
        let column = if before.len() > MAX_COUNTED_BYTES { before.len() } else { before.chars().count() };
        Position { file: Arc::clone(&self.file), line: line.max(1), column: column + 1 }
    }
}

/// Bytes of a line up to which its columns are counted in characters, and beyond which in bytes.
const MAX_COUNTED_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one() {
        let lines = Lines::new(Path::new("a.conf").into(), "é: 1\nb: 2\n");
        assert_eq!(lines.position(0).to_string(), "a.conf:1:1");
        assert_eq!(lines.position(4).to_string(), "a.conf:1:4");
        assert_eq!(lines.position(6).to_string(), "a.conf:2:1");
        assert_eq!(lines.position(11).to_string(), "a.conf:3:1");
        assert_eq!(lines.position(99).to_string(), "a.conf:3:1");
    }
}
