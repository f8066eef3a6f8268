//! What the test binaries of this package share: the transcript format, its player, and the brokers it plays against.

pub mod transcript;
