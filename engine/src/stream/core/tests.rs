//! The state machine over a log in memory. What is expected was probed on nats-server 2.15.1 unless it says otherwise.

mod checks;
mod cost;
mod expiry;
mod fixture;
mod headers;
mod limits;
mod model;
mod recovery;
mod removal;
mod retention;
