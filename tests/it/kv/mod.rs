//! Buckets: in-process clients and async-nats on the same ones, time, restarts, load.

mod crossing;
mod declared;
mod expiry;
mod histories;
mod linear;
mod load;
mod model;
mod refusals;
mod remote;
mod restart;
mod scene;
mod typed;
