//! Several certificates of one listener: the name that a client asks for chooses.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::names;

/// The first certificate that has the name and a key that the client can work with, else the first with such a key.
#[derive(Debug)]
pub(super) struct ByName {
    keys: Vec<(Vec<String>, Arc<CertifiedKey>)>,
}

impl ByName {
    pub(super) fn new(keys: Vec<CertifiedKey>) -> Self {
        let with_names = |key: CertifiedKey| {
            let certificate = key.cert.first().and_then(names);
            (certificate.map(|certificate| certificate.dns_names).unwrap_or_default(), Arc::new(key))
        };
        Self { keys: keys.into_iter().map(with_names).collect() }
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let fits = |key: &CertifiedKey| key.key.choose_scheme(hello.signature_schemes()).is_some();
        let mut usable = self.keys.iter().filter(|(_, key)| fits(key)).peekable();
        let first = usable.peek().map(|(_, key)| Arc::clone(key));
        let Some(wanted) = hello.server_name() else { return first };
        let named = usable.find(|(names, _)| names.iter().any(|name| covers(name, wanted)));
        named.map(|(_, key)| Arc::clone(key)).or(first)
    }
}

/// A wildcard stands for one label.
fn covers(name: &str, wanted: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(domain) => wanted.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
        None => name.eq_ignore_ascii_case(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn names_and_wildcards() {
        assert!(covers("a.example", "A.example") && covers("*.example", "a.example"));
        assert!(!covers("*.example", "a.b.example") && !covers("*.example", "example") && !covers("a", "b"));
    }
}
