//! Files and settings made into what rustls works with.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ConfigBuilder, RootCertStore, SupportedProtocolVersion, WantsVerifier};

use super::algorithms::provider;
use super::config::{Identity, TlsConfig, TlsVersion};
use super::error::TlsError;
use super::pem::Pem;
use super::resolver::ByName;

impl TlsConfig {
    /// Reads all files anew.
    pub(super) fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        self.check()?;
        let pairs = match &self.identity {
            Identity::Pairs(pairs) => pairs,
            Identity::Made(config) => return Ok(Arc::clone(config)),
        };
        let provider = Arc::new(provider(&self.cipher_suites, &self.groups)?);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = self.verifying(builder.with_protocol_versions(self.versions())?, &provider)?;
        let keys = pairs.iter().map(|pair| certified(pair, &provider)).collect::<Result<Vec<_>, _>>()?;
        let mut config = builder.with_cert_resolver(Arc::new(ByName::new(keys)));
        // NATS clients keep their connections, and none resumes a session: tickets would cost each handshake something,
        // and let those in again whose authority a reload has taken away.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    fn check(&self) -> Result<(), TlsError> {
        if self.timeout.is_zero() {
            return Err(TlsError::config("the time for a TLS handshake must not be zero"));
        }
        let is_made = matches!(self.identity, Identity::Made(_));
        let has_algorithms = !self.cipher_suites.is_empty() || !self.groups.is_empty();
        if is_made && (self.client_ca.is_some() || has_algorithms || self.min_version != TlsVersion::default()) {
            return Err(TlsError::config(
                "certificates, versions and algorithms are those of the rustls configuration",
            ));
        }
        // The authorities of the whole world would let in whoever has a certificate from any of them.
        if !is_made && self.verify && self.client_ca.is_none() {
            return Err(TlsError::config(
                "clients are verified, but no certificates of authorities are given (ca_file)",
            ));
        }
        if !is_made && !self.pinned.is_empty() && !self.verify {
            return Err(TlsError::config(
                "keys of clients are pinned, but clients are asked for no certificate (verify)",
            ));
        }
        Ok(())
    }

    fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        match self.min_version {
            TlsVersion::V1_2 => rustls::ALL_VERSIONS,
            TlsVersion::V1_3 => MODERN,
        }
    }

    fn verifying(
        &self,
        builder: ConfigBuilder<ServerConfig, WantsVerifier>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>, TlsError> {
        match &self.client_ca {
            Some(pem) if self.verify => Ok(builder.with_client_cert_verifier(verifier(pem, provider)?)),
            _ => Ok(builder.with_no_client_auth()),
        }
    }
}

static MODERN: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

fn verifier(pem: &Pem, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in pem.certificates()? {
        roots.add(certificate).map_err(|error| TlsError::content(&pem.name(), error))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    builder.build().map_err(|error| TlsError::content(&pem.name(), error))
}

/// A certificate and its key, which have to belong together.
fn certified((certificates, key): &(Pem, Pem), provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = certificates.certificates()?;
    let signer = provider.key_provider.load_private_key(key.key()?);
    let certified = CertifiedKey::new(chain, signer.map_err(|error| TlsError::content(&key.name(), error))?);
    match certified.keys_match() {
        // Some keys cannot tell; then the first handshake does.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(error) => Err(TlsError::content(&certificates.name(), format!("{error} ({})", key.name()))),
    }
}
