//! Asking a service who a client is: a JWT with all that is known of the client goes out, a JWT of a user comes back.
//! [ADR-26]
//!
//! This is the question and what is made of the answer; whoever carries both is the broker.

mod answer;
mod question;
mod rules;
mod seal;
#[cfg(test)]
mod tests;

pub use question::{Asker, Question, Server};
pub use rules::{AuthCallout, CalloutError};

/// Where the service listens.
pub const CALLOUT_SUBJECT: &str = "$SYS.REQ.USER.AUTH";

/// The header that tells for whom an answer can be encrypted.
pub const XKEY_HEADER: &str = "Nats-Server-Xkey";
