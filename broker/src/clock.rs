//! Time as the broker takes it: hand in a clock of your own with [`Builder::clock`](crate::Builder::clock).

mod manual;
mod system;

pub use embus_engine::clock::{Clock, Monotonic};

pub use self::manual::ManualClock;
pub(crate) use self::system::SystemClock;
