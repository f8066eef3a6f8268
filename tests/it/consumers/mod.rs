//! Consumers as async-nats sees them over TCP.

mod event_streaming;
mod pull;
mod push;
mod restart;
mod retention;
mod scene;
