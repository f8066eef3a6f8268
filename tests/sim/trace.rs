//! What happened in a run: a hash of everything, and the last lines for people.

use std::collections::VecDeque;
use std::fmt::Arguments;
use std::hash::{DefaultHasher, Hasher};

/// The record of one run.
#[derive(Debug)]
pub(crate) struct Trace {
    hasher: DefaultHasher,
    lines: VecDeque<String>,
    /// With `SIM_TRACE` all lines are shown as they come.
    is_loud: bool,
}

impl Default for Trace {
    fn default() -> Self {
        let is_loud = std::env::var_os("SIM_TRACE").is_some();
        Self { hasher: DefaultHasher::default(), lines: VecDeque::new(), is_loud }
    }
}

/// Lines that are kept to be shown with a failure.
const KEPT_LINES: usize = 60;

impl Trace {
    pub(crate) fn note(&mut self, line: Arguments<'_>) {
        let mut text =
            if self.lines.len() < KEPT_LINES { String::new() } else { self.lines.pop_front().unwrap_or_default() };
        text.clear();
        std::fmt::Write::write_fmt(&mut text, line).expect("a string takes any text");
        if self.is_loud {
            eprintln!("  {text}");
        }
        self.hasher.write(text.as_bytes());
        self.hasher.write_u8(b'\n');
        self.lines.push_back(text);
    }

    /// A hash of all lines so far.
    pub(crate) fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    pub(crate) fn print(&self) {
        for line in &self.lines {
            eprintln!("  {line}");
        }
    }
}
