//! Pings: when to send one, and when a silent client is given up. [reference §1.5]

use std::time::Duration;

use embus_protocol::limits::FIRST_PING_INTERVAL;

use crate::clock::Monotonic;

/// The ping state of one connection.
#[derive(Debug)]
pub(crate) struct Keepalive {
    interval: Duration,
    max_outstanding: u32,
    outstanding: u32,
    next: Monotonic,
    last_input: Monotonic,
    sent_at: Option<Monotonic>,
    /// When the round trip was last measured.
    measured: Option<Monotonic>,
}

/// The round trip is measured again after this long, even if the client is never silent. [nats-server: hourly]
const MEASURE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// What to do when the timer fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PingAction {
    /// Nothing: the client was heard of lately.
    Wait,
    /// Send a PING.
    Ping,
    /// Close as a stale connection.
    GiveUp,
}

impl Keepalive {
    /// The first ping comes soon, for the round trip time; `jitter` spreads those of many clients.
    pub(crate) fn new(interval: Duration, max_outstanding: u32, now: Monotonic, jitter: Duration) -> Self {
        Self {
            interval,
            max_outstanding,
            outstanding: 0,
            next: now + interval.min(FIRST_PING_INTERVAL) + jitter,
            last_input: now,
            sent_at: None,
            measured: None,
        }
    }

    /// Has other numbers hold; a client that is silent is pinged by the new interval at the latest.
    pub(crate) fn set_pace(&mut self, interval: Duration, max_outstanding: u32, now: Monotonic) {
        (self.interval, self.max_outstanding) = (interval, max_outstanding);
        self.next = self.next.min(now + interval);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub(crate) fn next_timeout(&self) -> Monotonic {
        self.next
    }

    /// Notes that the client sent something.
    pub(crate) fn handle_input(&mut self, now: Monotonic) {
        self.last_input = now;
    }

    /// Notes a PONG; returns the round trip it ends.
    pub(crate) fn handle_pong(&mut self, now: Monotonic) -> Option<Duration> {
        self.outstanding = 0;
        let sent = self.sent_at.take()?;
        self.measured = Some(now);
        Some(now - sent)
    }

    /// Decides what is due at `now`.
    pub(crate) fn handle_timeout(&mut self, now: Monotonic) -> PingAction {
        self.next = now + self.interval;
        let heard_lately = now - self.last_input < self.interval;
        let is_measured = self.measured.is_some_and(|measured| now - measured < MEASURE_INTERVAL);
        // A client that is busy sending need not answer as well.
        if heard_lately && is_measured {
            return PingAction::Wait;
        }
        if self.outstanding >= self.max_outstanding {
            return PingAction::GiveUp;
        }
        self.outstanding += 1;
        self.sent_at = Some(now);
        PingAction::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Monotonic {
        Monotonic::new(Duration::from_secs(seconds))
    }

    #[test]
    fn a_silent_client_is_given_up_after_the_allowed_pings() {
        let mut keepalive = Keepalive::new(10 * SECOND, 2, at(0), Duration::ZERO);
        assert_eq!(keepalive.next_timeout(), at(2));
        assert_eq!(keepalive.handle_timeout(at(2)), PingAction::Ping);
        assert_eq!(keepalive.handle_timeout(at(12)), PingAction::Ping);
        assert_eq!(keepalive.handle_timeout(at(22)), PingAction::GiveUp);
    }

    #[test]
    fn a_pong_measures_the_round_trip_and_starts_over() {
        let mut keepalive = Keepalive::new(10 * SECOND, 1, at(0), Duration::ZERO);
        assert_eq!(keepalive.handle_timeout(at(2)), PingAction::Ping);
        assert_eq!(keepalive.handle_pong(at(3)), Some(SECOND));
        assert_eq!(keepalive.handle_pong(at(4)), None);
        assert_eq!(keepalive.handle_timeout(at(14)), PingAction::Ping);
    }

    #[test]
    fn a_busy_client_is_not_given_up_for_a_ping_it_owes() {
        let mut keepalive = Keepalive::new(10 * SECOND, 1, at(0), Duration::ZERO);
        assert_eq!(keepalive.handle_timeout(at(2)), PingAction::Ping);
        keepalive.handle_pong(at(2));
        assert_eq!(keepalive.handle_timeout(at(12)), PingAction::Ping);
        keepalive.handle_input(at(21));
        assert_eq!(keepalive.handle_timeout(at(22)), PingAction::Wait);
        assert_eq!(keepalive.handle_timeout(at(32)), PingAction::GiveUp);
    }

    #[test]
    fn traffic_makes_pings_needless_but_for_the_first() {
        let mut keepalive = Keepalive::new(10 * SECOND, 1, at(0), Duration::ZERO);
        keepalive.handle_input(at(1));
        assert_eq!(keepalive.handle_timeout(at(2)), PingAction::Ping);
        keepalive.handle_pong(at(2));
        keepalive.handle_input(at(11));
        assert_eq!(keepalive.handle_timeout(at(12)), PingAction::Wait);
    }
}
