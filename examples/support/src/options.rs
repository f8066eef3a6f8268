//! The options that all programs have.

use std::path::PathBuf;

/// Where a program keeps its messages, and where it is reached.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Directory for streams and buckets; made if it is not there
    #[arg(long, default_value = "data", conflicts_with = "url")]
    pub dir: PathBuf,

    /// Port of the web pages on 127.0.0.1; 0 for any free one
    #[arg(long, default_value_t = 8080)]
    pub port: u16,

    /// Let NATS clients of this machine in, too, and print the URL for them
    #[arg(
        long,
        value_name = "HOST:PORT",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:4222",
        conflicts_with = "url"
    )]
    pub listen: Option<String>,

    /// Use this NATS server instead of the broker inside
    #[arg(long, value_name = "nats://HOST:PORT")]
    pub url: Option<String>,
}
