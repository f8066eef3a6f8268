//! What a listener is told of TLS.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::pem::Pem;

/// TLS of a listener.
///
/// Files are read when the broker starts, and again with [`Broker::reload_tls`](crate::Broker::reload_tls).
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is secured before a builder takes it"]
pub struct TlsConfig {
    pub(super) identity: Identity,
    pub(super) client_ca: Option<Pem>,
    pub(super) verify: bool,
    pub(crate) map: bool,
    pub(super) pinned: Vec<[u8; 32]>,
    pub(super) min_version: TlsVersion,
    pub(super) cipher_suites: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(crate) timeout: Duration,
    pub(super) handshake: Handshake,
    pub(super) is_optional: bool,
    pub(super) rate_limit: u32,
}

/// Who the broker is.
#[derive(Debug, Clone)]
pub(super) enum Identity {
    /// Certificates with their keys; the client's wish for a name chooses.
    Pairs(Vec<(Pem, Pem)>),
    /// Made by the program.
    Made(Arc<rustls::ServerConfig>),
}

impl PartialEq for Identity {
    /// What a program made is the same if it is the same thing.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pairs(one), Self::Pairs(other)) => one == other,
            (Self::Made(one), Self::Made(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

/// A version of TLS. Older ones are not spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2
    #[default]
    V1_2,
    /// TLS 1.3
    V1_3,
}

/// When the handshake comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Handshake {
    /// Behind INFO, which is sent in the clear and says that TLS is asked for. All clients know that.
    #[default]
    AfterInfo,
    /// Before INFO: nothing at all is sent in the clear. Clients have to be told.
    First,
    /// Before INFO if the client begins it within this time, else behind it.
    FirstWithin(Duration),
}

impl TlsConfig {
    /// The broker shows the certificates in a file, its own first, and has the key in another one. Both are PEM.
    pub fn from_files(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::new(Identity::Pairs(vec![(Pem::File(certificates.into()), Pem::File(key.into()))]))
    }

    /// The same with the PEM itself.
    pub fn from_pem(certificates: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self::new(Identity::Pairs(vec![(Pem::bytes(certificates), Pem::bytes(key))]))
    }

    /// All that rustls is to do, as the program made it. What is said here of certificates, versions and algorithms has no
    /// place then: a broker does not start with both.
    pub fn from_rustls(config: impl Into<Arc<rustls::ServerConfig>>) -> Self {
        Self::new(Identity::Made(config.into()))
    }

    fn new(identity: Identity) -> Self {
        Self {
            identity,
            client_ca: None,
            verify: false,
            map: false,
            pinned: Vec::new(),
            min_version: TlsVersion::default(),
            cipher_suites: Vec::new(),
            groups: Vec::new(),
            timeout: TLS_TIMEOUT,
            handshake: Handshake::default(),
            is_optional: false,
            rate_limit: 0,
        }
    }

    /// Another certificate, for clients that ask for one of its names.
    pub fn with_files(mut self, certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        if let Identity::Pairs(pairs) = &mut self.identity {
            pairs.push((Pem::File(certificates.into()), Pem::File(key.into())));
        }
        self
    }

    /// Who may have signed the certificates of clients: a file of PEM.
    pub fn client_ca_file(self, path: impl Into<PathBuf>) -> Self {
        Self { client_ca: Some(Pem::File(path.into())), ..self }
    }

    /// The same with the PEM itself.
    pub fn client_ca_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { client_ca: Some(Pem::bytes(pem)), ..self }
    }

    /// Clients must show a certificate that is signed by who [may](Self::client_ca_file).
    pub fn verify_clients(self) -> Self {
        Self { verify: true, ..self }
    }

    /// The same, and they are the [users](crate::auth::Credential::Certificate) whom it names.
    pub fn map_clients(self) -> Self {
        Self { verify: true, map: true, ..self }
    }

    /// Lets only clients in whose public key has one of these digests: SHA-256 of the key's `SubjectPublicKeyInfo`.
    pub fn pin_client_key(mut self, digest: [u8; 32]) -> Self {
        self.pinned.push(digest);
        self
    }

    /// The oldest version that is spoken; 1.2 by default.
    pub fn min_version(self, version: TlsVersion) -> Self {
        Self { min_version: version, ..self }
    }

    /// The cipher suites that may be used, by their names, such as `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`. Those of TLS
    /// 1.3 are all there unless one of them is named.
    pub fn cipher_suites<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        Self { cipher_suites: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// The groups of key exchanges that may be used, the best first: `X25519`, `CurveP256`, `CurveP384`.
    pub fn curve_preferences<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        Self { groups: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// How long a client may take for the handshake; 2 seconds by default.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// When the handshake comes.
    pub fn handshake(self, handshake: Handshake) -> Self {
        Self { handshake, ..self }
    }

    /// Clients may do without TLS.
    pub fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// How many handshakes may begin in one second; any number at 0, the default.
    pub fn connection_rate_limit(self, handshakes: u32) -> Self {
        Self { rate_limit: handshakes, ..self }
    }

    /// Whether clients are told the same of both, and the handshake comes at the same time: one can take the place of the
    /// other while the listener runs.
    pub(crate) fn has_form_of(&self, other: &Self) -> bool {
        let form = |config: &Self| (config.handshake, config.is_optional, config.verify, config.map);
        form(self) == form(other)
    }

    /// The same, for a listener that asks nobody for a certificate.
    #[cfg(feature = "monitor")]
    pub(crate) fn without_verification(self) -> Self {
        Self { verify: false, map: false, pinned: Vec::new(), rate_limit: 0, ..self }
    }
}

/// Time for a handshake. [nats-server: `tls.timeout`]
const TLS_TIMEOUT: Duration = Duration::from_secs(2);
