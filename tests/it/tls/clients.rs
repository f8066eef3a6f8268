//! Certificates of clients: asked for, pinned, and users by them.

use async_nats::{ConnectErrorKind, ConnectOptions};
use embus::Broker;
use embus::auth::{Credential, User};
use embus::tls::TlsConfig;
use rcgen::{DnType, SanType};

use super::{echoes, own, secured, start, trusting};
use crate::support::{Authority, Pair, connect_with, run};

fn verifying(authority: &Authority, tls: TlsConfig) -> TlsConfig {
    tls.client_ca_pem(authority.pem.clone()).verify_clients()
}

fn showing(authority: &Authority, pair: &Pair) -> ConnectOptions {
    let (certificate, key) = authority.write_pair("client", pair);
    trusting(authority).add_client_certificate(certificate, key)
}

#[test]
fn only_who_shows_a_certificate_may_come_in() {
    run(async {
        let (authority, stranger) = (Authority::new(), Authority::new());
        let broker = secured(&authority, |tls| verifying(&authority, tls)).await;
        assert!(broker.server_info().tls_verify && broker.server_info().tls_required);
        let url = broker.client_url().unwrap();
        assert!(trusting(&authority).connect(&url).await.is_err());
        assert!(showing(&authority, &stranger.client("a@b")).connect(&url).await.is_err());
        let (pair, own) = (authority.client("a@b"), authority.client("a@b"));
        let mixed = Pair { certificate: pair.certificate.clone(), key: own.key };
        assert!(showing(&authority, &mixed).connect(&url).await.is_err());
        echoes(&broker, showing(&authority, &pair)).await;
        let shown = broker.closed_connections().into_iter().filter_map(|gone| gone.tls?.certificate);
        assert!(shown.map(|certificate| certificate.emails.clone()).all(|emails| emails == ["a@b"]));
    });
}

#[test]
fn keys_may_be_pinned() {
    run(async {
        use embus::tls::rustls::pki_types::CertificateDer;
        use embus::tls::rustls::pki_types::pem::PemObject;
        let authority = Authority::new();
        let (known, other) = (authority.client("a@b"), authority.client("a@b"));
        let der = CertificateDer::from_pem_slice(known.certificate.as_bytes()).unwrap();
        let broker = secured(&authority, |tls| verifying(&authority, tls).pin_client_key(digest(&der))).await;
        assert!(showing(&authority, &other).connect(broker.client_url().unwrap()).await.is_err());
        echoes(&broker, showing(&authority, &known)).await;
    });
}

/// The digest of the `SubjectPublicKeyInfo` of a key on P-256, found by how all of them begin.
fn digest(certificate: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    const BEGIN: &[u8] = &[0x30, 0x59, 0x30, 0x13, 0x06, 0x07];
    let at = certificate.windows(BEGIN.len()).position(|part| part == BEGIN).unwrap();
    Sha256::digest(&certificate[at..at + 0x5b]).into()
}

#[test]
fn clients_may_be_the_users_whom_their_certificates_name() {
    run(async {
        let authority = Authority::new();
        let user = |name: &str| User::new(Credential::certificate(name));
        let tls = verifying(&authority, own(&authority)).map_clients();
        let broker = Broker::builder()
            .listen("127.0.0.1:0")
            .tls(tls)
            .user(user("meter@plant.example"))
            .user(user("spiffe://plant/pump"))
            .user(user("CN=valve,O=Plant"))
            .user(User::new(Credential::password("both@plant.example", "s3cret")))
            .no_auth_user("meter@plant.example");
        let broker = start(broker).await;
        let uri = authority.signed(&[], |params| {
            params.subject_alt_names.push(SanType::URI("spiffe://plant/pump".try_into().unwrap()));
        });
        let subject = authority.signed(&[], |params| {
            params.distinguished_name.push(DnType::CommonName, "valve");
            params.distinguished_name.push(DnType::OrganizationName, "Plant");
        });
        for (pair, name) in [
            (authority.client("meter@plant.example"), "meter@plant.example"),
            (uri, "spiffe://plant/pump"),
            (subject, "CN=valve,O=Plant"),
        ] {
            let client = connect_with(&broker, showing(&authority, &pair)).await;
            let known = broker.connections();
            let known = known.iter().find(|known| known.cid == client.server_info().client_id).unwrap();
            assert_eq!(known.user, name);
        }
        refused(&broker, showing(&authority, &authority.client("nobody@plant.example"))).await;
        let both = authority.client("both@plant.example");
        refused(&broker, showing(&authority, &both)).await;
        let with = |pass: &str| showing(&authority, &both).user_and_password("other".into(), pass.into());
        refused(&broker, with("wrong")).await;
        echoes(&broker, with("s3cret")).await;
    });
}

async fn refused(broker: &Broker, options: ConnectOptions) {
    let error = options.connect(broker.client_url().unwrap()).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::AuthorizationViolation, "{error:?}");
}
