//! The state machine over a log in memory, with time moved by hand. What is expected was probed on nats-server 2.15.1 unless
//! it says otherwise.

mod acks;
mod hunger;
mod model;
mod naive;
mod positions;
mod priorities;
mod pulls;
mod pushes;
mod recovery;
mod rig;
mod time;
