//! How a server goes away.

use std::time::Duration;

use embus_protocol::limits::{LAME_DUCK_DURATION, LAME_DUCK_GRACE};

use super::validate::Checks;

/// `lame_duck_duration` and `lame_duck_grace_period`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LameDuck {
    /// Time until the last client is closed; 2 minutes without it, and 30 seconds at least.
    pub duration: Option<Duration>,
    /// Time before the first is closed; 10 seconds without it.
    pub grace_period: Option<Duration>,
}

impl LameDuck {
    /// Both times, with what is the default.
    pub fn times(&self) -> (Duration, Duration) {
        (self.duration.unwrap_or(LAME_DUCK_DURATION), self.grace_period.unwrap_or(LAME_DUCK_GRACE))
    }

    pub(super) fn check(&self, checks: &mut Checks<'_>) {
        let (duration, grace) = self.times();
        if duration < MIN_DURATION {
            let text = format!("invalid lame_duck_duration of {duration:?}, minimum is 30 seconds");
            checks.fault("lame_duck_duration", text);
        }
        if grace >= duration {
            let text =
                format!("lame_duck_grace_period ({grace:?}) must be shorter than lame_duck_duration ({duration:?})");
            checks.fault("lame_duck_grace_period", text);
        }
    }
}

/// [nats-server: lame duck]
const MIN_DURATION: Duration = Duration::from_secs(30);
