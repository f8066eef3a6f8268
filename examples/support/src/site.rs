//! The web server of a program: ready when it says so, gone when it is told to.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use tokio::net::TcpListener;

use crate::{Failure, assets};

/// A port that is bound, so that a browser can be sent there.
#[derive(Debug)]
pub(crate) struct Site {
    listener: TcpListener,
    address: SocketAddr,
}

impl Site {
    /// Binds a port of this machine; 0 is any free one.
    ///
    /// # Errors
    /// If the port is taken.
    pub(crate) async fn bind(port: u16) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.map_err(|error| format!("cannot listen on port {port}: {error}"))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where pages are.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until the process is told to end. Pages that are open do not hold it up.
    ///
    /// # Errors
    /// What the socket says.
    pub(crate) async fn serve(self, pages: Router) -> Result<(), Failure> {
        println!("open {}", self.url());
        let pages = pages.merge(assets::router());
        tokio::select! {
            served = async { axum::serve(self.listener, pages).await } => Ok(served?),
            () = told_to_end() => Ok(()),
        }
    }
}

/// Ctrl-C, or the signal of a service manager.
async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
