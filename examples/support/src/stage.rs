//! Brokers for the tests of a program's domain: the one inside, and those that async-nats connects to.

use std::process::Stdio;

use embus::Broker;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A client and what it talks to, which goes when this is dropped.
#[derive(Debug)]
pub struct Stage<C> {
    /// The client.
    pub client: C,
    _running: Running,
}

#[derive(Debug)]
enum Running {
    Embedded { _broker: Broker },
    Server { _process: Box<Child>, _store: tempfile::TempDir },
}

/// An in-process client of a broker of its own.
///
/// # Panics
/// If the broker does not start.
pub async fn embedded() -> Vec<Stage<embus::Client>> {
    let broker = Broker::builder().start().await.expect("a broker without listeners starts");
    vec![Stage { client: broker.client(), _running: Running::Embedded { _broker: broker } }]
}

/// async-nats beside embus and, where `NATS_SERVER` names one, beside nats-server.
///
/// # Panics
/// If one of them does not start.
pub async fn remote() -> Vec<Stage<async_nats::Client>> {
    let broker = Broker::builder().listen("127.0.0.1:0").start().await.expect("a port is free");
    let url = broker.client_url().expect("the broker listens");
    let client = async_nats::connect(url).await.expect("the broker accepts clients");
    let mut stages = vec![Stage { client, _running: Running::Embedded { _broker: broker } }];
    if let Some(path) = std::env::var_os("NATS_SERVER") {
        stages.push(nats_server(&path).await);
    }
    stages
}

/// Starts it on any free port, which it tells in its log.
async fn nats_server(path: &std::ffi::OsStr) -> Stage<async_nats::Client> {
    let store = tempfile::tempdir().expect("there is room for a directory");
    let mut process = Command::new(path)
        .args(["-a", "127.0.0.1", "-p", "-1", "-js", "-sd"])
        .arg(store.path())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("NATS_SERVER names a program");
    let log = process.stderr.take().expect("its log is piped");
    let mut lines = BufReader::new(log).lines();
    let address = loop {
        let line = lines.next_line().await.expect("the log is text").expect("the server starts");
        if let Some((_, address)) = line.split_once("Listening for client connections on ") {
            break address.to_owned();
        }
    };
    // Whoever stops reading stops the server at its next line.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let client = async_nats::connect(address).await.expect("the server accepts clients");
    Stage { client, _running: Running::Server { _process: Box::new(process), _store: store } }
}
