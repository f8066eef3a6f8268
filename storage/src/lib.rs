//! Where messages rest: an append-only log per stream, its indexes, and its recovery.
//!
//! Nothing here starts a thread, reads a clock or knows a socket. A [`Log`](log::Log) is one synchronous state machine
//! with one owner at a time; its disk work leaves it as a value ([`Commit`](log::Commit)) that any thread may run.

pub mod block_cache;
pub mod checkpoint;
pub mod compaction;
pub mod compress;
pub mod consumer_journal;
pub mod entries;
pub mod error;
pub mod file_pool;
pub mod log;
pub mod medium;
pub mod message;
pub mod probe;
pub mod record;
pub mod segment;
pub mod store;
pub mod stream_dir;
pub mod subject_index;
pub mod varint;
mod whole_file;
