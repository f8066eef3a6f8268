//! The load client: what it takes to drive a NATS server over loopback TCP and to read off what the server paid for it.
//!
//! Owns the raw-socket client, the server process under test, the measurements and the report. It never decodes what
//! it receives beyond what exact counting needs, because its own processor time must stay below the server's.
//! Source of the wire format: `[NATS client protocol]`. The method is described in `benches/README.md`. Everything here
//! reads what Linux keeps about processes; elsewhere the crate is empty.

#![cfg(target_os = "linux")]

pub mod buckets;
pub mod carriers;
pub mod catalogue;
pub mod connection;
pub mod consumers;
pub mod flow;
pub mod guarded;
pub mod in_process;
pub mod lane;
pub mod latency;
pub mod lifecycle;
pub mod machine;
pub mod memory;
pub mod process;
pub mod report;
pub mod request_reply;
pub mod sample;
pub mod scenario;
pub mod server;
pub mod streams;
pub mod wire;
