//! TLS of one listener.

use std::{path::PathBuf, time::Duration};

use super::{
    read::{Field, Read, Report, Section, word},
    validate::Checks,
};
use crate::{Kind, Value};

/// A `tls` block.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "directives are independent")]
pub struct Tls {
    /// `cert_file`.
    pub cert_file: Option<PathBuf>,
    /// `key_file`.
    pub key_file: Option<PathBuf>,
    /// `certs`: pairs of both, instead.
    pub certificates: Vec<Certificate>,
    /// `ca_file`: who may have signed the clients' certificates.
    pub ca_file: Option<PathBuf>,
    /// `verify`: clients must show a certificate.
    pub verify: bool,
    /// `verify_and_map`: and are the user that it names.
    pub verify_and_map: bool,
    /// `insecure`: what a server shows when this one connects to it is not checked.
    pub insecure: bool,
    /// `timeout`: for the handshake; 2 seconds without it.
    pub timeout: Option<Duration>,
    /// `handshake_first`: before INFO.
    pub handshake_first: HandshakeFirst,
    /// `min_version`; 1.2 without it.
    pub min_version: Option<TlsVersion>,
    /// `cipher_suites`, by their names.
    pub cipher_suites: Vec<String>,
    /// `allow_insecure_cipher_suites`.
    pub allow_insecure_cipher_suites: bool,
    /// `curve_preferences`, by their names.
    pub curve_preferences: Vec<String>,
    /// `pinned_certs`: SHA-256 of the public keys that clients may have, in hexadecimal.
    pub pinned_certificates: Vec<String>,
    /// `connection_rate_limit`: handshakes a second; any number at 0.
    pub connection_rate_limit: u64,
}

/// A certificate and its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// `cert_file`.
    pub cert_file: PathBuf,
    /// `key_file`.
    pub key_file: PathBuf,
}

/// Whether the handshake comes before INFO.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HandshakeFirst {
    /// INFO comes first.
    #[default]
    No,
    /// The handshake does, always.
    Always,
    /// The handshake does if the client begins it within this time.
    Within(Duration),
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2
    V1_2,
    /// 1.3
    V1_3,
}

impl Section for Tls {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "cert_file" => field.set(&mut self.cert_file),
            "key_file" => field.set(&mut self.key_file),
            "ca_file" => field.set(&mut self.ca_file),
            "certs" | "certificates" => field.set(&mut self.certificates),
            "verify" => field.set(&mut self.verify),
            "verify_and_map" => field.set(&mut self.verify_and_map),
            "insecure" => field.set(&mut self.insecure),
            "timeout" => field.set(&mut self.timeout),
            "handshake_first" | "first" | "immediate" => field.set(&mut self.handshake_first),
            "min_version" => field.set(&mut self.min_version),
            "cipher_suites" => field.set(&mut self.cipher_suites),
            "allow_insecure_cipher_suites" => field.set(&mut self.allow_insecure_cipher_suites),
            "curve_preferences" => field.set(&mut self.curve_preferences),
            "pinned_certs" => field.set(&mut self.pinned_certificates),
            "connection_rate_limit" => field.set(&mut self.connection_rate_limit),
            // Of Windows, of routes, and of OCSP.
            "cert_store"
            | "cert_match_by"
            | "cert_match"
            | "cert_match_skip_invalid"
            | "ca_certs_match"
            | "verify_cert_and_check_known_urls"
            | "ocsp_peer" => field.refuse(),
            _ => field.unknown(),
        }
    }
}

impl Section for Certificate {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "cert_file" => field.set(&mut self.cert_file),
            "key_file" => field.set(&mut self.key_file),
            _ => field.unknown(),
        }
    }
}

impl Read for HandshakeFirst {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        match &value.kind {
            Kind::Boolean(true) => Some(Self::Always),
            Kind::Boolean(false) => Some(Self::No),
            Kind::Text(text) if text.eq_ignore_ascii_case("auto") => Some(Self::Within(FALLBACK)),
            Kind::Text(_) => Duration::read(value, report).map(Self::Within),
            _ => report.wrong(value, "a boolean, auto or a duration"),
        }
    }
}

impl Read for TlsVersion {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        word(value, report, &[("1.2", Self::V1_2), ("1.3", Self::V1_3)])
    }
}

impl Tls {
    pub(super) fn check(&self, path: &str, checks: &mut Checks<'_>) {
        let files = (&self.cert_file, &self.key_file);
        match files {
            (Some(_), Some(_)) if !self.certificates.is_empty() => {
                checks.fault(path, "error parsing tls config, cannot combine 'cert_file' option with 'certs' option");
            }
            (Some(_), None) => checks.fault(path, "missing 'key_file' in TLS configuration"),
            (None, Some(_)) => checks.fault(path, "missing 'cert_file' in TLS configuration"),
            _ => {}
        }
        let is_incomplete =
            |pair: &Certificate| pair.cert_file.as_os_str().is_empty() || pair.key_file.as_os_str().is_empty();
        if self.certificates.iter().any(is_incomplete) {
            checks.fault(path, "a certificate needs both 'cert_file' and 'key_file'");
        }
        let is_digest = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let Some(pin) = self.pinned_certificates.iter().find(|pin| !is_digest(pin)) {
            checks
                .fault(path, format!("error parsing 'pinned_certs' key {pin:?} does not look like hex-encoded sha256"));
        }
    }
}

/// How long a client that may begin the handshake is waited for. [nats-server: `handshake_first: auto`]
const FALLBACK: Duration = Duration::from_millis(50);
