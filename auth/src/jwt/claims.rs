//! What every JWT says.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

/// What a JWT says: what all of them do, and what its kind adds. Whoever holds one from [`decode`](super::decode) knows
/// that its issuer signed it, and nothing of whether that may be trusted.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Claims<T> {
    /// The public key that signed it.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// The public key that it speaks of.
    #[serde(rename = "sub")]
    pub subject: String,
    /// Its name for people.
    pub name: String,
    /// Whom it is for.
    #[serde(rename = "aud")]
    pub audience: String,
    /// When it was made, in seconds since 1970.
    #[serde(rename = "iat")]
    pub issued_at: i64,
    /// Its last second; 0 for never.
    #[serde(rename = "exp")]
    pub expires: i64,
    /// Its first second.
    #[serde(rename = "nbf")]
    pub not_before: i64,
    /// What its kind adds.
    pub nats: T,
}

/// A JWT does not hold now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untimely {
    /// It held once.
    #[error("claim is expired")]
    Expired,
    /// It will.
    #[error("claim is not yet valid")]
    NotYet,
}

impl<T> Claims<T> {
    /// Whether it holds at this time.
    ///
    /// # Errors
    /// [`Untimely`] when it has ended, or not begun.
    pub fn check_time(&self, now: SystemTime) -> Result<(), Untimely> {
        let now = seconds(now);
        if self.expires > 0 && now > self.expires {
            return Err(Untimely::Expired);
        }
        if self.not_before > 0 && now < self.not_before {
            return Err(Untimely::NotYet);
        }
        Ok(())
    }

    /// When it ends, if it does.
    pub fn end(&self) -> Option<SystemTime> {
        let seconds = u64::try_from(self.expires).ok().filter(|seconds| *seconds > 0)?;
        // What the system cannot count to never comes.
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
