//! Exit codes: 0 when the server stopped because it was told to, 1 for every failure.
//!
//! Differs from nats-server: a mistake on the command line is a failure here, not a help text and success.

use std::process::ExitCode;

/// The code of every failure.
pub(crate) const FAILURE: ExitCode = ExitCode::FAILURE;
