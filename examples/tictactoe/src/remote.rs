//! As a client of a NATS server.

use async_nats as nats;

#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "domain.rs"]
pub mod domain;
#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "pages.rs"]
mod pages;
#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "web.rs"]
pub mod web;

use example_support::bucket::remote::{Bucket, bucket};
#[cfg(test)]
use example_support::stage::remote as stages;
