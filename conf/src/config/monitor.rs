//! Monitoring over HTTP.

use super::address::Port;

/// Where `/varz` and its like are served: `http`, `http_port`, `https`, `https_port`, `http_base_path`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Monitor {
    /// The address to listen on; that of the clients without one.
    pub host: Option<String>,
    /// The port without TLS. 0 is off.
    pub http_port: Option<Port>,
    /// The port with TLS. 0 is off.
    pub https_port: Option<Port>,
    /// `http_base_path`: what all paths begin with.
    pub base_path: Option<String>,
}
