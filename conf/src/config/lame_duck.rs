//! How a server goes away.

use std::time::Duration;

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
    pub(super) fn check(&self, checks: &mut Checks<'_>) {
        let duration = self.duration.unwrap_or(DURATION);
        if duration < MIN_DURATION {
            let text = format!("invalid lame_duck_duration of {duration:?}, minimum is 30 seconds");
            checks.fault("lame_duck_duration", text);
        }
        let grace = self.grace_period.unwrap_or(GRACE_PERIOD);
        if grace >= duration {
            let text =
                format!("lame_duck_grace_period ({grace:?}) must be shorter than lame_duck_duration ({duration:?})");
            checks.fault("lame_duck_grace_period", text);
        }
    }
}

/// [nats-server: lame duck]
const MIN_DURATION: Duration = Duration::from_secs(30);
const DURATION: Duration = Duration::from_secs(120);
const GRACE_PERIOD: Duration = Duration::from_secs(10);
