//! Streams as async-nats sees them over TCP: managed, published to, limited, read, restarted, damaged.

mod damage;
mod expiry;
mod hostile;
mod limits;
mod manage;
mod publish;
mod purge;
mod reads;
mod reroute;
pub(crate) mod restart;
pub(crate) mod scene;
mod start_errors;
