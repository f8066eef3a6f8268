//! Cipher suites and key exchanges by the names that Go gives them, as nats-server's configuration has them.

use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{NamedGroup, SupportedCipherSuite};

use super::error::TlsError;

/// The provider with those algorithms only that are named; all that it has where none is.
pub(super) fn provider(suites: &[String], groups: &[String]) -> Result<CryptoProvider, TlsError> {
    let mut provider = rustls::crypto::ring::default_provider();
    if !suites.is_empty() {
        provider.cipher_suites = choose_suites(&provider.cipher_suites, suites)?;
    }
    if !groups.is_empty() {
        provider.kx_groups = choose_groups(&provider.kx_groups, groups)?;
    }
    Ok(provider)
}

/// In the order of the names. Those of TLS 1.3 stay unless one of them is named, as Go has it.
fn choose_suites(known: &[SupportedCipherSuite], names: &[String]) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    let find = |name: &String| {
        let found = known.iter().copied().find(|suite| is_named(*suite, name));
        found.ok_or_else(|| {
            let all: Vec<_> = known.iter().map(|suite| suite_name(*suite)).collect();
            TlsError::config(format!("cipher suite {name:?} is not supported; these are: {}", all.join(", ")))
        })
    };
    let mut chosen = names.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    if chosen.iter().all(|suite| suite.tls13().is_none()) {
        let modern = known.iter().copied().filter(|suite| suite.tls13().is_some());
        chosen = modern.chain(chosen).collect();
    }
    Ok(chosen)
}

/// Go leaves the digest out in two names.
fn is_named(suite: SupportedCipherSuite, name: &str) -> bool {
    let own = suite_name(suite);
    own == name || own.strip_suffix("_SHA256").is_some_and(|short| short == name && short.ends_with("POLY1305"))
}

/// The name in the standard.
pub(super) fn suite_name(suite: SupportedCipherSuite) -> String {
    let name = format!("{:?}", suite.suite());
    name.strip_prefix("TLS13_").map_or(name.clone(), |rest| format!("TLS_{rest}"))
}

fn choose_groups(
    known: &[&'static dyn SupportedKxGroup],
    names: &[String],
) -> Result<Vec<&'static dyn SupportedKxGroup>, TlsError> {
    let find = |name: &String| {
        let group = GROUPS.iter().find(|(group, _)| group == name).map(|(_, group)| *group);
        let found = known.iter().copied().find(|known| group == Some(known.name()));
        found.ok_or_else(|| {
            let all: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
            TlsError::config(format!("curve {name:?} is not supported; these are: {}", all.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

const GROUPS: &[(&str, NamedGroup)] =
    &[("X25519", NamedGroup::X25519), ("CurveP256", NamedGroup::secp256r1), ("CurveP384", NamedGroup::secp384r1)];

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str]) -> Result<Vec<String>, String> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let provider = provider(&names, &[]).map_err(|error| error.to_string())?;
        Ok(provider.cipher_suites.into_iter().map(suite_name).collect())
    }

    #[test]
    fn suites_are_known_by_the_names_of_go() {
        let only = chosen(&["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"]).unwrap();
        assert_eq!(only, ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"]);
        let old = chosen(&["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]).unwrap();
        assert!(old.len() == 4 && old.contains(&"TLS_AES_256_GCM_SHA384".to_owned()), "{old:?}");
    }

    #[test]
    fn what_rustls_does_not_have_is_refused_by_name() {
        for name in ["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "x", ""] {
            assert!(chosen(&[name]).unwrap_err().contains(&format!("{name:?}")), "{name}");
        }
        let error = provider(&[], &["CurveP521".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("\"CurveP521\" is not supported"), "{error}");
        assert_eq!(provider(&[], &["CurveP384".into(), "X25519".into()]).unwrap().kx_groups.len(), 2);
    }
}
