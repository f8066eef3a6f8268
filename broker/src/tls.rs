//! TLS on listeners, made with rustls: who the broker is, whose certificates it asks for, and when the handshake comes.
//!
//! ```no_run
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! use embus::tls::TlsConfig;
//!
//! let tls = TlsConfig::from_files("server.pem", "server.key").client_ca_file("ca.pem").verify_clients();
//! let broker = embus::Broker::builder().listen("0.0.0.0:4222").tls(tls).start().await?;
//! assert!(broker.client_url().is_some_and(|url| url.starts_with("tls://")));
//! // Once the files have changed:
//! broker.reload_tls().await?;
//! # Ok(())
//! # }
//! ```

mod algorithms;
mod certificate;
mod config;
mod entrance;
mod error;
mod handshake;
mod load;
mod pem;
mod rate;
mod resolver;
mod secured;
mod security;

pub use config::{Handshake, TlsConfig, TlsVersion};
pub use error::TlsError;
pub use rustls;

pub(crate) use entrance::enter;
#[cfg(feature = "monitor")]
pub(crate) use handshake::accept;
pub(crate) use secured::{Secured, reload};
pub(crate) use security::Security;
