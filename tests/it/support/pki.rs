//! Certificates that a test makes for itself, and clients that speak TLS by hand.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use embus::tls::rustls::pki_types::pem::PemObject;
use embus::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use embus::tls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, crypto};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::within;

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// Somebody who signs certificates, and a directory for them.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
    pub(crate) directory: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let authority = Self { issuer: Issuer::new(params, key), pem, directory: tempfile::tempdir().unwrap() };
        authority.write("ca.pem", &authority.pem);
        authority
    }

    /// A certificate for these names.
    pub(crate) fn signed(&self, names: &[&str], fill: impl FnOnce(&mut CertificateParams)) -> Pair {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        fill(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    /// A certificate for this machine.
    pub(crate) fn server(&self) -> Pair {
        self.signed(&["localhost", "127.0.0.1"], |_| ())
    }

    /// A certificate of a client with an email address.
    pub(crate) fn client(&self, email: &str) -> Pair {
        self.signed(&[], |params| params.subject_alt_names.push(SanType::Rfc822Name(email.try_into().unwrap())))
    }

    /// Writes a file into the directory.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The same for a certificate and its key.
    pub(crate) fn write_pair(&self, name: &str, pair: &Pair) -> (PathBuf, PathBuf) {
        (self.write(&format!("{name}.pem"), &pair.certificate), self.write(&format!("{name}.key"), &pair.key))
    }

    /// Where its own certificate is.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// What a client of a server with its certificates goes by.
    pub(crate) fn trust(&self, own: Option<&Pair>, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        let Some(own) = own else { return builder.with_no_client_auth() };
        let certificates = CertificateDer::pem_slice_iter(own.certificate.as_bytes()).map(Result::unwrap).collect();
        builder.with_client_auth_cert(certificates, PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap()).unwrap()
    }
}

/// Shakes hands as `localhost`.
pub(crate) async fn shake_hands(stream: TcpStream, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    within("a handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

/// Connects, and shakes hands at once.
pub(crate) async fn connect_tls(address: SocketAddr, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    shake_hands(TcpStream::connect(address).await?, config).await
}
