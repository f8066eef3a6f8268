//! What the test binaries of this package share: the transcript format, its player, the brokers it plays
//! against, and JWTs.

pub mod jwt;
pub mod transcript;
