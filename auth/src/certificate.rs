//! What a client's certificate says of it. Whoever made the TLS handshake has verified it.

use crate::distinguished_name::DistinguishedName;

/// The names in a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// Email addresses among its alternative names.
    pub emails: Vec<String>,
    /// DNS names among them.
    pub dns_names: Vec<String>,
    /// URIs among them.
    pub uris: Vec<String>,
    /// Its subject.
    pub subject: DistinguishedName,
    /// All of it in PEM, for who wants to see more.
    pub pem: String,
}

impl Certificate {
    /// A certificate of this subject.
    pub fn new(subject: DistinguishedName) -> Self {
        Self { subject, ..Self::default() }
    }

    /// Its alternative names, in the order in which users are looked for. [reference §1.7]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.emails.iter().chain(&self.dns_names).chain(&self.uris).map(String::as_str)
    }
}
