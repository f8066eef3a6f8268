//! What the example programs share, none of which is messaging: that stands in each program's `domain.rs`.
//!
//! A program is compiled twice from the same `domain.rs` and `web.rs`: with embus inside, and as a client of a NATS server
//! somewhere else. [`Messaging`] is what `--url` chooses between.

mod assets;
#[cfg(feature = "browser")]
pub mod browser;
pub mod bucket;
mod fields;
pub mod live;
mod messaging;
mod options;
pub mod page;
mod problem;
mod run;
mod site;
#[cfg(feature = "stage")]
pub mod stage;
pub mod token;

pub use fields::Fields;
pub use messaging::Messaging;
pub use options::Options;
pub use problem::Problem;
pub use run::run;
pub use token::token;

/// What can go wrong when a program starts; it is shown and that is all.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
