//! What kind of run this is: limits, clients, sockets.

use std::time::Duration;

use embus_engine::Limits;
use fastrand::Rng;

use crate::socket::Traits;

/// How long a reader may accept nothing.
pub(crate) const WRITE_DEADLINE: Duration = Duration::from_secs(2);

/// The kind of one run.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) limits: Limits,
    pub(crate) clients: usize,
    pub(crate) locals: usize,
    pub(crate) steps: usize,
    /// Whether all sockets are small.
    tight_sockets: bool,
}

impl Scenario {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        let max_payload = *pick(rng, &[4_000, 70_000, 150_000]);
        let max_pending = *pick(rng, &[64_000, 256_000, 1 << 20, 16 << 20]);
        let max_buffered = *pick(rng, &[3 << 20, 16 << 20, 256 << 20]);
        let limits = Limits {
            max_payload,
            max_connections: *pick(rng, &[4, 100, 100]),
            max_subscriptions: *pick(rng, &[0, 0, 5]),
            max_pending,
            max_buffered,
            ping_interval: Duration::from_secs(12),
            ping_max: 2,
            write_deadline: WRITE_DEADLINE,
            ..Limits::default()
        };
        Self {
            limits,
            clients: rng.usize(2..=7),
            locals: rng.usize(..=3),
            steps: rng.usize(400..=1800),
            tight_sockets: rng.bool(),
        }
    }

    pub(crate) fn socket(&self, rng: &mut Rng) -> Traits {
        let capacities: &[usize] = if self.tight_sockets { &[64, 1000, 8000] } else { &[4000, 64_000, 400_000] };
        Traits { capacity: *pick(rng, capacities), refusals: *pick(rng, &[0, 10, 80]), owner_only: rng.u8(..5) == 0 }
    }

    /// Whether no run comes near the budget of all readers together.
    pub(crate) fn has_wide_budget(&self) -> bool {
        self.limits.max_buffered >= 256 << 20
    }

    /// With a bound on subscriptions, the expectation must know how many there are: no queue member has a maximum then.
    pub(crate) fn limits_members(&self) -> bool {
        self.limits.max_subscriptions == 0
    }
}

pub(crate) fn pick<'a, T>(rng: &mut Rng, values: &'a [T]) -> &'a T {
    &values[rng.usize(..values.len())]
}
