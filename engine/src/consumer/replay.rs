//! Replay at the pace at which messages came. [reference §5.6]

use embus_storage::message::Timestamp;

/// How far messages are shifted in time, while old ones are replayed. Most consumers never do that.
#[derive(Debug)]
pub(super) struct Replay(Option<Box<Pace>>);

#[derive(Debug, Default)]
struct Pace {
    /// The time of the message delivered last, and when that was.
    last: Option<(Timestamp, Timestamp)>,
}

impl Replay {
    pub(super) fn new(is_on: bool) -> Self {
        Self(is_on.then(Box::default))
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// When a message of that time is due, if it must wait.
    pub(super) fn due(&self, time: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let (last_time, sent_at) = self.0.as_ref()?.last?;
        let due = sent_at.saturating_add(time.saturating_sub(last_time));
        (due > now).then_some(due)
    }

    pub(super) fn sent(&mut self, time: Timestamp, now: Timestamp) {
        if let Some(pace) = &mut self.0 {
            pace.last = Some((time, now));
        }
    }

    /// Everything is delivered: what comes now is new.
    pub(super) fn caught_up(&mut self) {
        self.0 = None;
    }
}
