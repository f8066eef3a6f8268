//! Certificates and keys as PEM, from files or from the program.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::TlsError;

/// Where PEM comes from.
#[derive(Clone, PartialEq)]
pub(super) enum Pem {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

/// Far more than any chain or list of authorities has; what a wrong path leads to may be endless.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

impl fmt::Debug for Pem {
    /// Keys are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Pem {
    pub(super) fn bytes(pem: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(pem.into().into())
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes(_) => "PEM of the program".to_owned(),
        }
    }

    fn read(&self) -> Result<Vec<u8>, TlsError> {
        let Self::File(path) = self else {
            let Self::Bytes(bytes) = self else { return Ok(Vec::new()) };
            return Ok(bytes.to_vec());
        };
        let failed = |error: io::Error| TlsError::File { source_name: self.name(), error };
        let mut content = Vec::new();
        File::open(path).map_err(failed)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut content).map_err(failed)?;
        if content.len() as u64 > MAX_FILE_BYTES {
            return Err(TlsError::content(&self.name(), "too large for PEM"));
        }
        Ok(content)
    }

    /// All certificates in it, at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let content = self.read()?;
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
        let all = all.map_err(|error| TlsError::content(&self.name(), error))?;
        if all.is_empty() { Err(TlsError::content(&self.name(), "no certificate in it")) } else { Ok(all) }
    }

    /// The first private key in it.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.read()?).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => {
                TlsError::content(&self.name(), "no private key in it, or one with a password")
            }
            error => TlsError::content(&self.name(), error),
        })
    }
}
