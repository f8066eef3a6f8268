//! Streams of the executable: killed under load, stopped, and on a disk that has no more room.

mod full_disk;
mod killed;
mod load;
mod peer;
mod stopped;
mod workers;

use std::net::SocketAddr;
use std::path::Path;

use crate::server::{Server, address_in};

/// A server with its streams in `store`, and where it listens.
fn start(store: &Path, words: &[&str]) -> (Server, SocketAddr) {
    let place = store.to_str().expect("temporary directories have plain names");
    let server = Server::start(&[&["-a", "127.0.0.1", "-p", "-1", "-js", "-sd", place], words].concat());
    let address = address_in(&server.wait_for("Listening for client connections on"));
    server.wait_for("Server is ready");
    (server, address)
}
