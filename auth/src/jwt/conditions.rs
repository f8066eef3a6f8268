//! Under which conditions a user may be there: its ways to connect, its networks, its times of day.

use std::time::SystemTime;

use super::objection::Objection;
use super::rights::Rights;
use super::source;
use super::times::{Presence, presence};
use crate::login::Login;

impl Rights {
    /// Whether a client may be the user, now and from where it is; if so, when the time of day is over.
    ///
    /// # Errors
    /// [`Objection`] says what speaks against it.
    pub fn admit(&self, login: &Login) -> Result<Option<SystemTime>, Objection> {
        let allowed = &self.allowed_connection_types;
        let way = login.connection_type;
        // Words that name no way to connect let nobody in. [nats-server: convertAllowedConnectionTypes]
        if !allowed.is_empty() && !allowed.iter().any(|word| word.parse() == Ok(way)) {
            return Err(Objection::ConnectionType(way));
        }
        if self.proxy_required {
            return Err(Objection::Proxy);
        }
        if !source::is_within(&self.src, login.address) {
            return Err(Objection::Source);
        }
        match presence(&self.times, &self.times_location, login.now) {
            Presence::Never => Err(Objection::Times),
            Presence::Until(end) => Ok(Some(end)),
            Presence::Always => Ok(None),
        }
    }
}
