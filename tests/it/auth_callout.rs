//! A service that decides who clients are: in the process and over the wire, open and encrypted, silent and wrong.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectErrorKind, ConnectOptions};
use data_encoding::BASE64URL_NOPAD;
use embus::auth::callout::AuthCallout;
use embus::auth::{Credential, User};
use embus::clock::ManualClock;
use embus::statistics::CloseReason;
use embus::{Broker, Client};
use embus_tests::jwt;
use futures_util::StreamExt;
use nkeys::XKey;
use serde_json::{Value, json};

use crate::support::{Raw, connect_with, eventually, listening, next, run, subscribe};

fn with(callout: AuthCallout) -> embus::Builder {
    let service = User::new(Credential::password("auth", "x")).in_account("AUTH");
    listening().account("AUTH").account("APP").user(service).auth_callout(callout)
}

fn callout() -> AuthCallout {
    AuthCallout::new(jwt::key("A:issuer")).in_account("AUTH").user("auth")
}

fn claims(jwt: &[u8]) -> Value {
    let claims = jwt.split(|byte| *byte == b'.').nth(1).expect("three parts");
    serde_json::from_slice(&BASE64URL_NOPAD.decode(claims).unwrap()).unwrap()
}

/// The answer that lets a client in as `bob`.
fn welcome(request: &Value) -> String {
    let user = request["nats"]["user_nkey"].as_str().unwrap();
    let user = jwt::user(&json!({"name": "bob", "by": "A:issuer", "sub": user, "aud": "APP"}));
    response(request, &json!({"type": "authorization_response", "version": 2, "jwt": user}))
}

fn response(request: &Value, nats: &Value) -> String {
    let claims = json!({
        "iss": jwt::key("A:issuer"), "sub": request["nats"]["user_nkey"],
        "aud": request["nats"]["server_id"]["id"], "iat": 1_600_000_000, "nats": nats,
    });
    jwt::sign(&claims, &jwt::pair("A:issuer"))
}

/// A service in the process: `answer` is asked for each question.
async fn serve(client: Client, answer: impl Fn(embus::Message) -> Vec<u8> + Send + 'static) {
    let mut questions = client.subscribe("$SYS.REQ.USER.AUTH").await.unwrap();
    tokio::spawn(async move {
        while let Some(question) = questions.next().await {
            let reply = question.reply.clone().expect("an answer is wanted");
            client.publish(reply, answer(question).into()).await.expect("the broker is there");
        }
    });
}

async fn refused(broker: &Broker) {
    let options = ConnectOptions::with_user_and_password("u".into(), "p".into());
    let error = options.connect(broker.client_url().unwrap()).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::AuthorizationViolation, "{error:?}");
}

#[test]
fn a_service_in_the_process() {
    run(async {
        let broker = with(callout()).server_name("here").start().await.unwrap();
        let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
        serve(broker.client_as("auth").unwrap(), move |question| {
            let request = claims(&question.payload);
            sender.send(request.clone()).unwrap();
            welcome(&request).into_bytes()
        })
        .await;
        let options = ConnectOptions::with_user_and_password("u".into(), "secret".into()).name("tester");
        let client = connect_with(&broker, options).await;
        let mut subscriber = subscribe(&broker, &client, "echo").await;
        client.publish("echo", "hi".into()).await.unwrap();
        assert_eq!(next(&mut subscriber).await.payload, "hi");
        let row = broker.connections().into_iter().find(|row| row.user == "bob").unwrap();
        assert_eq!(row.account, "APP");
        let request = seen.recv().await.unwrap();
        let (server, options) = (&request["nats"]["server_id"], &request["nats"]["connect_opts"]);
        assert_eq!((&server["name"], &request["iss"]), (&json!("here"), &server["id"]));
        assert_eq!(
            (&options["user"], &options["pass"], &options["name"]),
            (&json!("u"), &json!("secret"), &json!("tester"))
        );
        assert_eq!(request["nats"]["client_info"]["host"], "127.0.0.1");
        assert_eq!(request["nats"]["client_info"]["id"], row.cid);
        assert_eq!(
            (&request["aud"], &request["sub"]),
            (&json!("nats-authorization-request"), &json!(jwt::key("A:issuer")))
        );
    });
}

#[test]
fn a_service_over_the_wire() {
    run(async {
        let broker = with(callout()).start().await.unwrap();
        let service = connect_with(&broker, ConnectOptions::with_user_and_password("auth".into(), "x".into())).await;
        let mut questions = subscribe(&broker, &service, "$SYS.REQ.USER.AUTH").await;
        tokio::spawn(async move {
            while let Some(question) = questions.next().await {
                let answer = welcome(&claims(&question.payload));
                service.publish(question.reply.expect("an answer is wanted"), answer.into()).await.unwrap();
            }
        });
        connect_with(&broker, ConnectOptions::with_token("t".into())).await;
        connect_with(&broker, ConnectOptions::new()).await;
    });
}

/// What a service says to a request.
type Answer = Box<dyn Fn(&Value) -> Vec<u8> + Send>;

#[test]
fn what_the_service_says_no_to() {
    run(async {
        let no = |request: &Value| {
            response(request, &json!({"type": "authorization_response", "version": 2, "error": "no"}))
        };
        let cases: Vec<Answer> = vec![
            Box::new(move |request| no(request).into_bytes()),
            Box::new(|_| b"garbage".to_vec()),
            Box::new(|_| Vec::new()),
            Box::new(|_| vec![0xff; 100_000]),
            Box::new(|request| {
                response(request, &json!({"type": "authorization_response", "version": 2})).into_bytes()
            }),
        ];
        for answer in cases {
            let broker = with(callout()).start().await.unwrap();
            serve(broker.client_as("auth").unwrap(), move |question| answer(&claims(&question.payload))).await;
            refused(&broker).await;
        }
    });
}

#[test]
fn nobody_answers() {
    run(async {
        refused(&with(callout()).start().await.unwrap()).await;
    });
}

/// The login ends when its time is over, and nothing that the client sent is carried out.
#[test]
fn a_silent_service() {
    run(async {
        let clock = ManualClock::new();
        let builder = with(callout()).clock(Arc::new(clock.clone())).login_timeout(Duration::from_secs(60));
        let broker = builder.start().await.unwrap();
        let service = broker.client_as("auth").unwrap();
        let mut questions = service.subscribe("$SYS.REQ.USER.AUTH").await.unwrap();
        let mut raw = Raw::connect(&broker).await;
        raw.send("CONNECT {\"verbose\":false,\"user\":\"u\"}\r\nSUB a 1\r\n").await;
        let question = next(&mut questions).await;
        clock.advance(Duration::from_secs(60));
        assert_eq!(raw.rest().await, "-ERR 'Authorization Violation'\r\n");
        let is_gone = |broker: &Broker| broker.closed_connections().last().and_then(|row| row.reason);
        eventually("it is gone", || is_gone(&broker) == Some(CloseReason::AuthenticationFailure)).await;
        // Too late: nobody waits for it, and it is good for nobody else.
        let answer = welcome(&claims(&question.payload));
        service.publish(question.reply.unwrap(), answer.into()).await.unwrap();
        assert!(broker.connections().iter().all(|row| row.user != "bob"));
    });
}

/// An answer counts once: for the client that it was asked about.
#[test]
fn answers_are_not_for_others() {
    run(async {
        let broker = with(callout()).start().await.unwrap();
        let first = Arc::new(parking_lot::Mutex::new(None::<Vec<u8>>));
        let kept = Arc::clone(&first);
        serve(broker.client_as("auth").unwrap(), move |question| {
            let answer = || welcome(&claims(&question.payload)).into_bytes();
            kept.lock().get_or_insert_with(answer).clone()
        })
        .await;
        connect_with(&broker, ConnectOptions::with_user_and_password("u".into(), "p".into())).await;
        refused(&broker).await;
    });
}

#[test]
fn questions_may_be_encrypted() {
    run(async {
        let key = XKey::new();
        let broker = with(callout().encrypted_for(key.public_key())).start().await.unwrap();
        assert!(broker.server_info().xkey.starts_with('X'));
        let reads = key.clone();
        serve(broker.client_as("auth").unwrap(), move |question| {
            let server = question.headers.as_ref().unwrap().get("Nats-Server-Xkey").unwrap().to_string();
            let server = XKey::from_public_key(&server).unwrap();
            assert!(!question.payload.starts_with(b"eyJ"));
            let request = reads.open(&question.payload, &server).unwrap();
            reads.seal(welcome(&claims(&request)).as_bytes(), &server).unwrap()
        })
        .await;
        connect_with(&broker, ConnectOptions::with_user_and_password("u".into(), "p".into())).await;
    });
}

#[test]
fn an_answer_that_nobody_can_open() {
    run(async {
        let key = XKey::new();
        let broker = with(callout().encrypted_for(key.public_key())).start().await.unwrap();
        serve(broker.client_as("auth").unwrap(), move |question| {
            let server = question.headers.as_ref().unwrap().get("Nats-Server-Xkey").unwrap().to_string();
            let server = XKey::from_public_key(&server).unwrap();
            let request = key.open(&question.payload, &server).unwrap();
            XKey::new().seal(welcome(&claims(&request)).as_bytes(), &server).unwrap()
        })
        .await;
        refused(&broker).await;
    });
}

#[test]
fn accounts_may_be_bounded() {
    run(async {
        let broker = with(callout().allowed_account("AUTH")).start().await.unwrap();
        serve(broker.client_as("auth").unwrap(), |question| welcome(&claims(&question.payload)).into_bytes()).await;
        refused(&broker).await;
    });
}

#[test]
fn a_service_that_nobody_can_ask_is_refused() {
    run(async {
        for (builder, text) in [
            (with(AuthCallout::new("x").user("auth")), "is not the public nkey of an account"),
            (with(AuthCallout::new(jwt::key("A:issuer"))), "no user for the service itself"),
            (with(callout().encrypted_for("x")), "is not a public xkey"),
            (with(callout().user("none")), "\"none\" of the auth callout is none of the users"),
            (with(callout().in_account("NONE")), "account \"NONE\" of the auth callout is not declared"),
            (with(callout().allowed_account("NONE")), "account \"NONE\" of the auth callout is not declared"),
        ] {
            let error = builder.start().await.unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    });
}
