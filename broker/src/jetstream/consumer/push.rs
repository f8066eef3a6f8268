//! Push consumers: the broker sends to a subject while somebody listens there. [ADR-13]

mod config;
mod kinds;
mod messages;
mod ordered;
mod ordered_config;

pub use self::config::Config;
pub use self::kinds::{MessagesError, MessagesErrorKind, OrderedError, OrderedErrorKind};
pub use self::messages::Messages;
pub use self::ordered::Ordered;
pub use self::ordered_config::OrderedConfig;
pub use super::pull::{ConsumerRecreateError, ConsumerRecreateErrorKind};
