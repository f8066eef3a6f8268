//! Consumers: how messages of a stream reach those who want them. [reference §3.4, §5]

pub mod config;
pub mod info;
