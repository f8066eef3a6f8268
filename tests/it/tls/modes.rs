//! TLS as it can be asked for: always, or not, before INFO, or behind it.

use std::time::Duration;

use async_nats::ConnectOptions;
use embus::Broker;
use embus::statistics::CloseReason;
use embus::tls::rustls::version::{TLS12, TLS13};
use embus::tls::{Handshake, TlsConfig, TlsVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{echoes, greeted, own, secured, start, trusting, upgraded};
use crate::support::{Authority, Raw, connect_tls, connect_with, eventually, run, shake_hands, within};

#[test]
fn clients_are_told_to_use_it() {
    run(async {
        let authority = Authority::new();
        let broker = secured(&authority, |tls| tls).await;
        assert!(broker.client_url().unwrap().starts_with("tls://127.0.0.1:"));
        let (_stream, info) = greeted(&broker).await;
        assert!(info.contains(r#""tls_required":true"#) && !info.contains("tls_verify"), "{info}");
        echoes(&broker, trusting(&authority)).await;
        let client = connect_with(&broker, trusting(&authority)).await;
        assert!(client.server_info().tls_required);
        let known = broker.connections().into_iter().find(|known| known.cid == client.server_info().client_id).unwrap();
        let tls = known.tls.unwrap();
        assert_eq!((tls.version, tls.is_first), ("1.3", false));
        assert!(tls.cipher_suite.starts_with("TLS_") && tls.certificate.is_none(), "{tls:?}");
    });
}

#[test]
fn who_does_not_use_it_is_closed() {
    run(async {
        let authority = Authority::new();
        let broker = secured(&authority, |tls| tls).await;
        let (mut stream, _) = greeted(&broker).await;
        stream.write_all(b"CONNECT {}\r\nPING\r\n").await.unwrap();
        let mut rest = Vec::new();
        let _ = within("the end", stream.read_to_end(&mut rest)).await;
        assert!(!rest.windows(4).any(|part| part == b"PONG"), "{rest:?}");
        eventually("the connection is gone", || broker.connections().is_empty()).await;
        assert_eq!(broker.closed_connections()[0].reason, Some(CloseReason::TlsHandshakeFailure));
        // Nobody who does not trust the authority is served either.
        let foreign = ConnectOptions::new().add_root_certificates(Authority::new().path());
        assert!(foreign.connect(broker.client_url().unwrap()).await.is_err());
    });
}

#[test]
fn it_may_be_left_to_the_client() {
    run(async {
        let authority = Authority::new();
        let broker = secured(&authority, TlsConfig::optional).await;
        assert!(broker.client_url().unwrap().starts_with("nats://"));
        let (_stream, info) = greeted(&broker).await;
        assert!(info.contains(r#""tls_available":true"#) && !info.contains("tls_required"), "{info}");
        echoes(&broker, ConnectOptions::new()).await;
        echoes(&broker, trusting(&authority).require_tls(true)).await;
        assert_eq!(upgraded(&broker, &authority).await.fence().await, "");
    });
}

#[test]
fn who_waits_where_it_is_optional_goes_on_without() {
    run(async {
        let authority = Authority::new();
        let broker = secured(&authority, |tls| tls.optional().timeout(Duration::from_millis(1))).await;
        let (stream, _) = greeted(&broker).await;
        // By then the broker has long given up waiting for a handshake.
        eventually("a millisecond has passed", {
            let start = std::time::Instant::now();
            move || start.elapsed() > Duration::from_millis(20)
        })
        .await;
        assert_eq!(Raw::over(stream).plain().await.fence().await, "");
    });
}

#[test]
fn the_handshake_may_come_first() {
    run(async {
        let authority = Authority::new();
        let first = |tls: TlsConfig| tls.handshake(Handshake::First).timeout(Duration::from_secs(3));
        let broker = secured(&authority, first).await;
        echoes(&broker, trusting(&authority).tls_first()).await;
        let config = authority.trust(None, &[&TLS13]);
        let stream = connect_tls(broker.local_addr().unwrap(), config).await.unwrap();
        assert_eq!(Raw::greeted(stream).await.plain().await.fence().await, "");
        // Whoever waits for INFO waits in vain, and is not waited for.
        let mut stream = TcpStream::connect(broker.local_addr().unwrap()).await.unwrap();
        let mut rest = Vec::new();
        let _ = within("the end", stream.read_to_end(&mut rest)).await;
        assert_eq!(rest, b"");
    });
}

#[test]
fn the_handshake_may_come_first_from_those_who_hurry() {
    run(async {
        let authority = Authority::new();
        let within = Handshake::FirstWithin(Duration::from_secs(1));
        let broker = secured(&authority, |tls| tls.handshake(within)).await;
        echoes(&broker, trusting(&authority)).await;
        echoes(&broker, trusting(&authority).tls_first()).await;
        eventually("both are known", || broker.closed_connections().len() == 2).await;
        let is_first = |gone: &embus::statistics::ConnectionSnapshot| gone.tls.as_ref().unwrap().is_first;
        let mut order: Vec<_> = broker.closed_connections().iter().map(is_first).collect();
        order.sort_unstable();
        assert_eq!(order, [false, true]);
    });
}

#[test]
fn versions_and_algorithms_may_be_chosen() {
    run(async {
        let authority = Authority::new();
        let broker = secured(&authority, |tls| tls.min_version(TlsVersion::V1_3)).await;
        let (stream, _) = greeted(&broker).await;
        assert!(shake_hands(stream, authority.trust(None, &[&TLS12])).await.is_err());
        assert_eq!(upgraded(&broker, &authority).await.fence().await, "");
        let only = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
        let broker = secured(&authority, |tls| tls.cipher_suites([only]).curve_preferences(["CurveP384"])).await;
        let (stream, _) = greeted(&broker).await;
        let stream = shake_hands(stream, authority.trust(None, &[&TLS12])).await.unwrap();
        let suite = stream.get_ref().1.negotiated_cipher_suite().unwrap();
        assert!(format!("{:?}", suite.suite()).ends_with("CHACHA20_POLY1305_SHA256"), "{suite:?}");
        let shown = || broker.connections().first().and_then(|known| known.tls.clone());
        eventually("the session is known", || shown().is_some()).await;
        let tls = shown().unwrap();
        assert_eq!((tls.version, tls.cipher_suite.as_str()), ("1.2", only));
    });
}

#[test]
fn each_listener_may_have_its_own() {
    run(async {
        let authority = Authority::new();
        let builder = Broker::builder().listen("127.0.0.1:0").listen_tls("127.0.0.1:0", own(&authority));
        let broker = start(builder).await;
        echoes(&broker, ConnectOptions::new()).await;
        let url = format!("tls://{}", broker.local_addrs()[1]);
        let client = trusting(&authority).connect(url).await.unwrap();
        assert!(client.server_info().tls_required && client.server_info().port == broker.local_addrs()[1].port());
        assert!(!broker.server_info().tls_required, "the first listener has none");
    });
}

#[test]
fn what_rustls_is_to_do_may_be_the_programs() {
    run(async {
        use embus::tls::rustls::pki_types::pem::PemObject;
        use embus::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
        use embus::tls::rustls::{ServerConfig, crypto};
        let (authority, provider) = (Authority::new(), crypto::ring::default_provider());
        let pair = authority.server();
        let config =
            ServerConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions().unwrap();
        let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let tls = TlsConfig::from_rustls(config);
        let broker = start(Broker::builder().listen("127.0.0.1:0").tls(tls.clone())).await;
        echoes(&broker, trusting(&authority)).await;
        let both = Broker::builder().listen("127.0.0.1:0").tls(tls.min_version(TlsVersion::V1_3));
        assert!(both.start().await.unwrap_err().to_string().contains("of the rustls configuration"));
    });
}

#[test]
fn monitoring_may_use_it() {
    run(async {
        let authority = Authority::new();
        let builder = Broker::builder().listen("127.0.0.1:0").monitor_tls("127.0.0.1:0", own(&authority));
        let broker = start(builder).await;
        let config = authority.trust(None, &[&TLS13]);
        let mut stream = connect_tls(broker.monitor_addr().unwrap(), config).await.unwrap();
        stream.write_all(b"GET /varz HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        let _ = within("an answer", stream.read_to_string(&mut answer)).await;
        let port = format!("\"https_port\":{}", broker.monitor_addr().unwrap().port());
        assert!(answer.starts_with("HTTP/1.1 200") && answer.replace(": ", ":").contains(&port), "{answer}");
    });
}
