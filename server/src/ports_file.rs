//! The ports file: JSON that tells which addresses a server on random ports listens at.
//!
//! Its place is taken before anything listens, so that a directory that cannot be written to stops the start. It
//! appears complete or not at all, and goes when the server stops.

use std::{
    fs::{self, File},
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::Serialize;

/// The content; the names are nats-server's.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Ports {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) nats: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) monitoring: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cluster: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) websocket: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) leafnodes: Vec<String>,
}

/// `scheme://address`; an address that stands for all addresses becomes the one every machine has.
pub(crate) fn url(scheme: &str, address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        // Readers split at the colon; a dual-stack listener is reached over IPv4 just as well.
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

/// A ports file that was begun under another name. Dropping it removes what there is.
#[derive(Debug)]
pub(crate) struct PortsFile {
    file: File,
    begun: PathBuf,
    path: PathBuf,
}

impl PortsFile {
    /// Begins `<directory>/<program>_<pid>.ports`.
    pub(crate) fn begin(directory: &Path, program: &str) -> io::Result<Self> {
        let name = format!("{program}_{}.ports", std::process::id());
        let begun = directory.join(format!(".{name}.begun"));
        Ok(Self { file: File::create(&begun)?, begun, path: directory.join(name) })
    }

    /// Writes the content and lets the file appear.
    pub(crate) fn publish(&mut self, ports: &Ports) -> io::Result<()> {
        self.file.write_all(serde_json::to_string(ports)?.as_bytes())?;
        fs::rename(&self.begun, &self.path)
    }

    /// Where it appears.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PortsFile {
    fn drop(&mut self) {
        for path in [&self.begun, &self.path] {
            // One of the two is not there; and somebody who removed the file did our work.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_appears_complete_and_goes() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = PortsFile::begin(directory.path(), "nats-server").unwrap();
        let path = directory.path().join(format!("nats-server_{}.ports", std::process::id()));
        assert_eq!(file.path(), path);
        assert!(!path.exists());
        let nats = vec![url("nats", SocketAddr::from(([0, 0, 0, 0], 4222)))];
        file.publish(&Ports { nats, ..Ports::default() }).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), r#"{"nats":["nats://127.0.0.1:4222"]}"#);
        drop(file);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(PortsFile::begin(&directory.path().join("none"), "x").is_err());
    }

    #[test]
    fn addresses_become_urls_one_can_connect_to() {
        for (address, expected) in [
            ("10.0.0.1:1", "nats://10.0.0.1:1"),
            ("0.0.0.0:1", "nats://127.0.0.1:1"),
            ("[::]:1", "nats://127.0.0.1:1"),
            ("[::1]:1", "nats://[::1]:1"),
        ] {
            assert_eq!(url("nats", address.parse().unwrap()), expected);
        }
    }
}
