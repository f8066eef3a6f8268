//! What a client's certificate says, read out of its bytes. It is verified before.

use embus_auth::{Certificate, DistinguishedName};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Reads the names in a certificate. Nothing if it does not parse: then it names nobody.
pub(super) fn names(der: &CertificateDer<'_>) -> Option<Certificate> {
    let parsed = x509_cert::Certificate::from_der(der).ok()?;
    let tbs = parsed.tbs_certificate();
    let mut certificate = Certificate::default();
    // A certificate whose subject is empty has its names elsewhere.
    if !tbs.subject().is_empty() {
        certificate.subject = DistinguishedName::parse(&tbs.subject().to_string())?;
    }
    let alternative = tbs.get_extension::<SubjectAltName>().ok()?;
    for name in alternative.iter().flat_map(|(_, names)| &names.0) {
        match name {
            GeneralName::Rfc822Name(name) => certificate.emails.push(name.to_string()),
            GeneralName::DnsName(name) => certificate.dns_names.push(name.to_string()),
            GeneralName::UniformResourceIdentifier(name) => certificate.uris.push(name.to_string()),
            _ => {}
        }
    }
    Some(certificate)
}

/// SHA-256 of the public key with its algorithm.
pub(super) fn key_digest(der: &CertificateDer<'_>) -> Option<[u8; 32]> {
    let parsed = x509_cert::Certificate::from_der(der).ok()?;
    let key = parsed.tbs_certificate().subject_public_key_info().to_der().ok()?;
    Some(Sha256::digest(key).into())
}
