//! Files of certificates: faults in them, several of them, and new ones in their place.

use embus::tls::TlsConfig;
use embus::{Broker, StartError};

use super::{echoes, greeted, secured, start, trusting, upgraded};
use crate::support::{Authority, run, shake_hands};

async fn refused(tls: TlsConfig) -> String {
    let error = Broker::builder().listen("127.0.0.1:0").tls(tls).start().await.unwrap_err();
    assert!(matches!(error, StartError::Tls(_)), "{error:?}");
    error.to_string()
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_name() {
    run(async {
        let authority = Authority::new();
        let (certificate, key) = authority.write_pair("own", &authority.server());
        let (_, other_key) = authority.write_pair("other", &authority.server());
        let noise = authority.write("noise.pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
        let missing = authority.directory.path().join("missing.pem");
        let check = async |tls: TlsConfig, parts: &[&str]| {
            let error = refused(tls).await;
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        };
        check(TlsConfig::from_files(&missing, &key), &["cannot read", "missing.pem"]).await;
        check(TlsConfig::from_files(authority.directory.path(), &key), &["cannot read"]).await;
        check(TlsConfig::from_files(&noise, &key), &["noise.pem"]).await;
        check(TlsConfig::from_files(&key, &key), &["own.key", "no certificate"]).await;
        check(TlsConfig::from_files(&certificate, &certificate), &["own.pem", "no private key"]).await;
        check(TlsConfig::from_files(&certificate, &other_key), &["own.pem", "other.key"]).await;
        let good = || TlsConfig::from_files(&certificate, &key);
        check(good().client_ca_file(&noise).verify_clients(), &["noise.pem"]).await;
        check(good().verify_clients(), &["ca_file"]).await;
        check(good().pin_client_key([0; 32]), &["pinned", "verify"]).await;
        check(good().cipher_suites(["TLS_RSA_WITH_RC4_128_SHA"]), &["TLS_RSA_WITH_RC4_128_SHA", "not supported"]).await;
        check(good().curve_preferences(["CurveP521"]), &["CurveP521"]).await;
        check(good().timeout(std::time::Duration::ZERO), &["zero"]).await;
        assert!(Broker::builder().listen("127.0.0.1:0").tls(good()).start().await.is_ok());
    });
}

#[test]
fn keys_do_not_show() {
    let tls = TlsConfig::from_pem("certificate", "s3cret key");
    assert!(!format!("{tls:?} {:?}", Broker::builder().tls(tls.clone())).contains("s3cret"));
}

#[test]
fn new_files_count_for_new_connections() {
    run(async {
        let (old, new) = (Authority::new(), Authority::new());
        let (certificate, key) = old.write_pair("own", &old.server());
        let broker = start(Broker::builder().listen("127.0.0.1:0").tls(TlsConfig::from_files(certificate, key))).await;
        let mut before = upgraded(&broker, &old).await;
        let pair = new.server();
        old.write_pair("own", &pair);
        // Not before they are asked for.
        echoes(&broker, trusting(&old)).await;
        broker.reload_tls().await.unwrap();
        echoes(&broker, trusting(&new)).await;
        let (stream, _) = greeted(&broker).await;
        assert!(shake_hands(stream, old.trust(None, embus::tls::rustls::ALL_VERSIONS)).await.is_err());
        assert_eq!(before.fence().await, "");
        // Half of a pair changes nothing.
        old.write("own.key", "nothing");
        let error = broker.reload_tls().await.unwrap_err().to_string();
        assert!(error.contains("own.key"), "{error}");
        echoes(&broker, trusting(&new)).await;
    });
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    run(async {
        let authority = Authority::new();
        let (first, first_key) = authority.write_pair("first", &authority.signed(&["first.example"], |_| ()));
        let (second, second_key) = authority.write_pair("second", &authority.signed(&["localhost"], |_| ()));
        let tls = TlsConfig::from_files(first, first_key).with_files(second, second_key);
        let broker = start(Broker::builder().listen("127.0.0.1:0").tls(tls)).await;
        assert_eq!(upgraded(&broker, &authority).await.fence().await, "");
    });
}

#[test]
fn handshakes_may_be_limited() {
    run(async {
        let authority = Authority::new();
        let broker = secured(&authority, |tls| tls.connection_rate_limit(1)).await;
        // A second may end between two of them, but not between all.
        let mut refused = 0;
        for _ in 0..3 {
            let (stream, _) = greeted(&broker).await;
            let mut raw = crate::support::Raw::over(stream);
            // Who is let in is asked for a handshake, which this is none.
            raw.send("PING\r\n").await;
            let rest = raw.rest().await;
            refused +=
                usize::from(rest.starts_with("-ERR 'Connection throttling is active. Please try again later.'\r\n"));
        }
        assert!((1..3).contains(&refused), "{refused}");
    });
}
