//! The executable as its callers see it: started, watched, signalled and stopped from outside.

mod config;
mod failures;
mod files;
mod listeners;
mod options;
mod reload;
mod server;
mod signals;
mod start;
mod streams;
mod trace;
