//! What differs between the settings of before and those of now, as nats-server's log says it.

use std::fmt::Display;
use std::sync::Arc;

use crate::auth::{AuthSettings, LOGIN_TIMEOUT};
use crate::builder::Builder;

/// One line for each.
pub(super) fn between(before: &Builder, now: &Builder) -> Vec<String> {
    let mut lines = Lines::default();
    let (old, new) = (&before.limits, &now.limits);
    lines.compare("max_connections", old.max_connections, new.max_connections);
    lines.compare_users(&before.auth, &now.auth);
    lines.note("accounts", before.auth.accounts == now.auth.accounts);
    #[cfg(feature = "tls")]
    if now.has_tls() {
        // The files are read anew in any case.
        lines.0.push("tls = enabled".to_owned());
    }
    lines.compare("max_subscriptions", old.max_subscriptions, new.max_subscriptions);
    lines.compare("ping_interval", Seconds(old.ping_interval), Seconds(new.ping_interval));
    lines.compare("ping_max", old.ping_max, new.ping_max);
    lines.compare("max_control_line", old.max_control_line, new.max_control_line);
    lines.compare("max_payload", old.max_payload, new.max_payload);
    lines.compare("write_deadline", Seconds(old.write_deadline), Seconds(new.write_deadline));
    let (old, new) = (before.lame_duck, now.lame_duck);
    lines.compare("lame_duck_duration", Seconds(old.duration), Seconds(new.duration));
    lines.compare("lame_duck_grace_period", Seconds(old.grace), Seconds(new.grace));
    lines.0
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn note(&mut self, name: &str, is_same: bool) {
        if !is_same {
            self.0.push(name.to_owned());
        }
    }

    fn compare<T: PartialEq + Display + Copy>(&mut self, name: &str, before: T, now: T) {
        self.note(&format!("{name} = {now}"), before == now);
    }

    fn compare_users(&mut self, before: &AuthSettings, now: &AuthSettings) {
        let who = |auth: &AuthSettings| (auth.no_auth_user.clone(), auth.allow_anonymous);
        self.note("authorization users", before.users == now.users && who(before) == who(now));
        let is_same = match (&before.authenticator, &now.authenticator) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (None, None) => true,
            _ => false,
        };
        self.note("authenticator", is_same);
        let timeout = |auth: &AuthSettings| Seconds(auth.timeout.unwrap_or(LOGIN_TIMEOUT));
        self.compare("authorization timeout", timeout(before), timeout(now));
    }
}

/// A span of time, in seconds.
#[derive(Clone, Copy, PartialEq)]
struct Seconds(std::time::Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}s", self.0.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::{Account, Credential, User};

    #[test]
    fn what_changed_is_told() {
        let user = User::new(Credential::password("a", "b"));
        let now = Builder::default()
            .user(user)
            .account(Account::new("A"))
            .max_payload(100)
            .ping_interval(Duration::from_millis(1500))
            .login_timeout(Duration::from_secs(3));
        let lines = between(&Builder::default(), &now);
        let expected = [
            "authorization users",
            "authorization timeout = 3s",
            "accounts",
            "ping_interval = 1.5s",
            "max_payload = 100",
        ];
        assert_eq!(lines, expected);
        assert_eq!(between(&now, &now.clone()), Vec::<String>::new());
    }
}
