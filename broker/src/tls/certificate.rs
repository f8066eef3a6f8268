//! What a client's certificate says, read out of its bytes. It is verified before.

use data_encoding::BASE64;
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
    certificate.pem = pem(der);
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

/// The certificate as text.
fn pem(der: &[u8]) -> String {
    let base64 = BASE64.encode(der);
    let lines = base64.as_bytes().chunks(PEM_COLUMNS).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

/// Characters of one line. [RFC 7468]
const PEM_COLUMNS: usize = 64;

/// SHA-256 of the public key with its algorithm.
pub(super) fn key_digest(der: &CertificateDer<'_>) -> Option<[u8; 32]> {
    let parsed = x509_cert::Certificate::from_der(der).ok()?;
    let key = parsed.tbs_certificate().subject_public_key_info().to_der().ok()?;
    Some(Sha256::digest(key).into())
}
