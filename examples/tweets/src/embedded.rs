//! With the broker in this process.

use embus as nats;

#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "domain.rs"]
pub mod domain;
#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "web.rs"]
pub mod web;

use example_support::bucket::embedded::{Bucket, bucket};
#[cfg(test)]
use example_support::stage::embedded as stages;
