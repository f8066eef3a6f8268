//! Tests at the boundary: async-nats, raw sockets and in-process clients against a real broker, by topic.
//!
//! Nothing here sleeps to wait for an event: there is `wait_for_interest`, a PING and its PONG on raw sockets, and where
//! a figure has no event, asking again and again within a bound. Each test has a limit on its time as a whole.

#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod accounts;
mod auth_callout;
mod consumers;
mod drain;
mod dual;
mod flood;
#[cfg(target_os = "linux")]
mod foreign_files;
mod hardening;
mod headers;
mod in_process_pulls;
mod in_process_slow;
mod interest;
mod jetstream;
mod jetstream_in_process;
mod jwt;
mod keepalive;
mod kv;
mod lame_duck;
mod limits;
mod login;
mod many_clients;
mod mixed;
mod monitoring;
mod objects;
mod permissions;
mod pubsub;
mod raw;
mod reconnect;
mod reload;
mod replay;
mod requests;
mod shutdown;
mod slow_consumers;
mod snapshots;
mod start;
mod streams;
mod support;
mod system_requests;
mod test_broker;
mod tls;
mod websocket;
mod write_deadline;
