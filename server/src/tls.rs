//! `tls` blocks and flags, as the broker knows them.

use embus::tls::{Handshake, TlsConfig, TlsVersion};
use embus_conf::{HandshakeFirst, Tls};

use crate::args::Flags;

/// TLS that the broker cannot be told of. Nothing starts then: what is meant to be secure must not be open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsFault {
    /// Name a certificate. The text is nats-server's.
    #[error("TLS Server certificate must be present and valid")]
    NoCertificate,
    /// Name its key. The text is nats-server's.
    #[error("TLS Server private key must be present and valid")]
    NoKey,
}

/// The block of the file with the flags put over it.
pub(crate) fn overridden(file: Option<Tls>, flags: &Flags) -> Option<Tls> {
    let paths = [&flags.tls_cert, &flags.tls_key, &flags.tls_ca];
    let is_given = flags.tls || flags.tls_verify || paths.iter().any(|path| path.is_some());
    let mut tls = match file {
        Some(tls) => tls,
        None if is_given => Tls::default(),
        None => return None,
    };
    if flags.tls_cert.is_some() || flags.tls_key.is_some() {
        (tls.cert_file, tls.key_file) = (flags.tls_cert.clone(), flags.tls_key.clone());
        tls.certificates.clear();
    }
    tls.ca_file = flags.tls_ca.clone().or(tls.ca_file);
    tls.verify |= flags.tls_verify;
    Some(tls)
}

/// What a listener is told.
pub(crate) fn config(tls: &Tls) -> Result<TlsConfig, TlsFault> {
    let mut config = identity(tls)?.handshake(handshake(tls.handshake_first));
    if let Some(path) = &tls.ca_file {
        config = config.client_ca_file(path);
    }
    if tls.verify {
        config = config.verify_clients();
    }
    if tls.verify_and_map {
        config = config.map_clients();
    }
    if let Some(timeout) = tls.timeout {
        config = config.timeout(timeout);
    }
    if tls.min_version == Some(embus_conf::TlsVersion::V1_3) {
        config = config.min_version(TlsVersion::V1_3);
    }
    let limit = u32::try_from(tls.connection_rate_limit).unwrap_or(u32::MAX);
    config = config.connection_rate_limit(limit).cipher_suites(tls.cipher_suites.clone());
    config = config.curve_preferences(tls.curve_preferences.clone());
    Ok(tls.pinned_certificates.iter().filter_map(|pin| digest(pin)).fold(config, TlsConfig::pin_client_key))
}

fn identity(tls: &Tls) -> Result<TlsConfig, TlsFault> {
    let single = match (&tls.cert_file, &tls.key_file) {
        (Some(certificate), Some(key)) => Some(TlsConfig::from_files(certificate, key)),
        (Some(_), None) => return Err(TlsFault::NoKey),
        (None, _) => None,
    };
    let all = tls.certificates.iter().fold(single, |config, pair| {
        Some(match config {
            Some(config) => config.with_files(&pair.cert_file, &pair.key_file),
            None => TlsConfig::from_files(&pair.cert_file, &pair.key_file),
        })
    });
    all.ok_or(TlsFault::NoCertificate)
}

fn handshake(first: HandshakeFirst) -> Handshake {
    match first {
        HandshakeFirst::No => Handshake::AfterInfo,
        HandshakeFirst::Always => Handshake::First,
        HandshakeFirst::Within(time) => Handshake::FirstWithin(time),
    }
}

/// 64 digits, which the file was checked for.
fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use embus_conf::{Config, Nowhere};

    use super::*;

    fn of(text: &str) -> Option<Tls> {
        Config::parse("c.conf", text, &Nowhere).unwrap().tls
    }

    #[test]
    fn flags_go_before_the_file() {
        let file = of("tls { cert_file: a, key_file: b, ca_file: c }");
        let flags =
            Flags { tls_cert: Some("x".into()), tls_key: Some("y".into()), tls_verify: true, ..Flags::default() };
        let tls = overridden(file, &flags).unwrap();
        assert_eq!((tls.cert_file, tls.key_file, tls.ca_file), (Some("x".into()), Some("y".into()), Some("c".into())));
        assert!(tls.verify);
        assert_eq!(overridden(None, &Flags::default()), None);
    }

    #[test]
    fn tls_without_a_certificate_is_none() {
        let flags = Flags { tls: true, ..Flags::default() };
        assert!(matches!(config(&overridden(None, &flags).unwrap()), Err(TlsFault::NoCertificate)));
        let flags = Flags { tls_cert: Some("x".into()), ..Flags::default() };
        assert!(matches!(config(&overridden(None, &flags).unwrap()), Err(TlsFault::NoKey)));
    }

    #[test]
    fn digests_are_read() {
        assert_eq!(digest(&"0a".repeat(32)), Some([10; 32]));
        assert_eq!(digest(&"Fg".repeat(32)), None);
    }

    #[test]
    fn a_block_is_carried_out() {
        let text = "tls { certs: [{cert_file: a, key_file: b}, {cert_file: c, key_file: d}], verify_and_map: true, \
                    ca_file: e, timeout: 3, handshake_first: '300ms', min_version: '1.3' }";
        let told = format!("{:?}", config(&of(text).unwrap()).unwrap());
        for part in ["[(a, b), (c, d)]", "map: true", "timeout: 3s", "FirstWithin(300ms)", "V1_3"] {
            assert!(told.contains(part), "{part} in {told}");
        }
    }
}
