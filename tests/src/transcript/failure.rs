//! How a failed step is shown: where it stands, what was expected, what came instead.

use std::fmt;

use super::{connection::Surprise, player::Pace, text};

/// A step of a script that did not go as written.
#[derive(Debug)]
pub struct Failure {
    pub(super) script: String,
    pub(super) scene: String,
    pub(super) pace: Pace,
    pub(super) line: usize,
    pub(super) written: String,
    pub(super) reason: Reason,
}

#[derive(Debug)]
pub(super) enum Reason {
    /// The broker could not be started, reached or told something.
    Machine(std::io::Error),
    /// The broker said something else.
    Surprise(Surprise),
    /// Of several connections none, or more than one, got the message.
    NotOne { receivers: usize },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}.nats:{} [{}], {}", self.script, self.line, self.scene, self.pace)?;
        writeln!(f, "    script    {}", self.written)?;
        match &self.reason {
            Reason::Machine(error) => write!(f, "    failed    {error}"),
            Reason::NotOne { receivers } => write!(f, "    received  by {receivers} connections instead of one"),
            Reason::Surprise(surprise) => write!(f, "    received  {surprise}"),
        }
    }
}

impl fmt::Display for Surprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other { received, offset } => {
                let (right, wrong) = received.split_at(*offset);
                write!(f, "{}❯{}", text::show(right), text::show(wrong))
            }
            Self::Closed { received } => write!(f, "{}(closed)", text::show(received)),
            Self::Late { received } => write!(f, "{}(then nothing)", text::show(received)),
            Self::Open { received } => write!(f, "{}(before any close)", text::show(received)),
        }
    }
}
