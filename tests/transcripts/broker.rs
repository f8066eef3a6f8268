//! Our broker as a target: behind a socket, or behind a byte stream in memory.

use std::{io, net::SocketAddr, path::Path, time::Duration};

use embus::Broker;
use embus_tests::transcript::{Options, Server, Stream, Target};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::{accounts, logins};

/// How the player reaches the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrokerTarget {
    /// Over TCP.
    Tcp,
    /// Over `Broker::duplex`.
    Memory,
}

impl Target for BrokerTarget {
    type Server = Running;

    fn kind(&self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Memory => "memory",
        }
    }

    async fn start(&self, options: &Options) -> io::Result<Running> {
        let token = CancellationToken::new();
        let store = tempfile::tempdir()?;
        let builder = with_jetstream(configured(options), options, store.path()).cancellation_token(token.clone());
        let mut builder = with_logins(builder, options)?;
        if *self == Self::Tcp {
            builder = builder.listen("127.0.0.1:0");
        }
        let broker = builder.start().await.map_err(io::Error::other)?;
        Ok(Running { address: broker.local_addr(), broker, token, _store: store })
    }
}

fn configured(options: &Options) -> embus::Builder {
    let mut builder = Broker::builder();
    if let Some(bytes) = options.max_payload {
        builder = builder.max_payload(bytes);
    }
    if let Some(bytes) = options.max_control_line {
        builder = builder.max_control_line(bytes);
    }
    if let Some(connections) = options.max_connections {
        builder = builder.max_connections(connections);
    }
    if let Some(subscriptions) = options.max_subscriptions {
        builder = builder.max_subscriptions(subscriptions);
    }
    if let Some(interval) = options.ping_interval {
        builder = builder.ping_interval(interval);
    }
    if let Some(pings) = options.ping_max {
        builder = builder.ping_max(pings);
    }
    builder
}

/// Has clients log in, if the options have users.
fn with_logins(builder: embus::Builder, options: &Options) -> io::Result<embus::Builder> {
    let builder = logins::users(options)?.into_iter().fold(builder, embus::Builder::user);
    if let Some(operators) = logins::operators(options)? {
        let builder = builder.jetstream_in_global_account(false).operators(operators);
        return Ok(options.login_timeout.into_iter().fold(builder, embus::Builder::login_timeout));
    }
    let accounts = accounts::declared(options)?;
    // As soon as there are accounts, clients in none of them have no streams. [reference §1.15]
    let builder = builder.jetstream_in_global_account(accounts.is_empty());
    let builder = accounts.into_iter().map(accounts::Declared::into_account).fold(builder, embus::Builder::account);
    let builder = logins::callout(options).into_iter().fold(builder, embus::Builder::auth_callout);
    let builder = options.system_account.iter().fold(builder, embus::Builder::system_account);
    let builder = options.no_auth_user.iter().fold(builder, embus::Builder::no_auth_user);
    Ok(options.login_timeout.into_iter().fold(builder, embus::Builder::login_timeout))
}

/// Switches JetStream on, with an empty store on disk and the limits and the domain of the options; or off.
fn with_jetstream(builder: embus::Builder, options: &Options, store: &Path) -> embus::Builder {
    let mut builder = builder.jetstream(options.jetstream).store_dir(store);
    if let Some(bytes) = options.max_memory_store {
        builder = builder.max_memory_store(bytes);
    }
    if let Some(bytes) = options.max_file_store {
        builder = builder.max_file_store(bytes);
    }
    if let Some(domain) = &options.domain {
        builder = builder.jetstream_domain(domain.clone());
    }
    builder
}

/// A running broker; dropping it stops the broker through its token.
#[derive(Debug)]
pub(crate) struct Running {
    broker: Broker,
    address: Option<SocketAddr>,
    token: CancellationToken,
    _store: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

impl Server for Running {
    async fn connect(&self) -> io::Result<Stream> {
        let Some(address) = self.address else { return Ok(Box::new(self.broker.duplex())) };
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }

    async fn lame_duck(&mut self) -> io::Result<()> {
        let broker = self.broker.clone();
        // It ends when the broker does, which the scene does not wait for.
        drop(tokio::spawn(async move { broker.lame_duck().await }));
        Ok(())
    }

    async fn stop(&mut self) -> io::Result<()> {
        self.broker.shutdown(STOP_DEADLINE).await;
        Ok(())
    }
}

const STOP_DEADLINE: Duration = Duration::from_secs(5);
