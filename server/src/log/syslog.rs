//! Lines to a syslog daemon: the local one, or one at another machine. [RFC 3164]
//!
//! Each line is a message of its own, over the local socket or UDP a datagram. One that cannot be sent is lost, as with
//! any syslog; the connection is made anew for the next one.

use std::{
    fmt,
    io::{self, Write},
    net::{TcpStream, UdpSocket},
    os::unix::net::UnixDatagram,
    path::PathBuf,
    time::Duration,
};

/// Where the daemon is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Daemon {
    /// On this machine.
    Local,
    /// `host:port`.
    Udp(String),
    /// `host:port`.
    Tcp(String),
    /// A socket of this machine.
    Unix(PathBuf),
}

/// The address is none.
#[derive(Debug, thiserror::Error)]
#[error("invalid address of a syslog: {0:?}: the form is udp://host:port, tcp://host:port or unix://path")]
pub(crate) struct InvalidDaemon(String);

impl Daemon {
    /// Reads `udp://host:port` and its like. [nats-server: `remote_syslog`]
    pub(crate) fn parse(url: &str) -> Result<Self, InvalidDaemon> {
        let fault = || InvalidDaemon(url.to_owned());
        let (scheme, rest) = url.split_once("://").ok_or_else(fault)?;
        let address = rest.rsplit_once(':').filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        match scheme {
            "udp" if address.is_some() => Ok(Self::Udp(rest.to_owned())),
            "tcp" if address.is_some() => Ok(Self::Tcp(rest.to_owned())),
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            _ => Err(fault()),
        }
    }

    fn connect(&self) -> io::Result<Socket> {
        match self {
            Self::Local => local(),
            Self::Unix(path) => unix(path.as_os_str().as_ref()),
            Self::Udp(address) => {
                let any = if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                Ok(Socket::Udp(socket))
            }
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Socket::Tcp(stream))
            }
        }
    }
}

/// A daemon that takes nothing must not hold up the log for longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where daemons listen, by system. [Go: log/syslog]
const LOCAL: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];

fn local() -> io::Result<Socket> {
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    for path in LOCAL {
        outcome = unix(path.as_ref());
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn unix(path: &std::path::Path) -> io::Result<Socket> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(Socket::Unix(socket))
}

enum Socket {
    Unix(UnixDatagram),
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Socket {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Unix(socket) => socket.send(message).map(drop),
            Self::Udp(socket) => socket.send(message).map(drop),
            // Over a stream a line end stands between two.
            Self::Tcp(stream) => stream.write_all(&[message, b"\n"].concat()),
        }
    }
}

/// Sends each line that is written to it.
pub(super) struct Syslog {
    daemon: Daemon,
    socket: Option<Socket>,
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syslog").field("daemon", &self.daemon).finish_non_exhaustive()
    }
}

impl Syslog {
    /// Connects: a daemon that is not there at the start is a fault of the configuration.
    pub(super) fn open(daemon: Daemon) -> io::Result<Self> {
        let socket = daemon.connect()?;
        Ok(Self { daemon, socket: Some(socket) })
    }

    fn send(&mut self, message: &[u8]) {
        if self.socket.as_mut().is_some_and(|socket| socket.send(message).is_ok()) {
            return;
        }
        // It may have been started anew.
        self.socket = self.daemon.connect().ok();
        if let Some(socket) = &mut self.socket {
            let _ = socket.send(message);
        }
    }
}

impl Write for Syslog {
    /// Takes whole lines.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).for_each(|line| self.send(line));
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        assert_eq!(Daemon::parse("udp://localhost:514").unwrap(), Daemon::Udp("localhost:514".into()));
        assert_eq!(Daemon::parse("tcp://[::1]:601").unwrap(), Daemon::Tcp("[::1]:601".into()));
        assert_eq!(Daemon::parse("unix:///run/x").unwrap(), Daemon::Unix("/run/x".into()));
        for bad in ["localhost:514", "udp://localhost", "udp://:514", "http://a:1", "unix://x", ""] {
            assert!(Daemon::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_line_is_a_message() {
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        daemon.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let address = daemon.local_addr().unwrap().to_string();
        let mut syslog = Syslog::open(Daemon::Udp(address)).unwrap();
        syslog.write_all(b"<29>one\n<27>two\n").unwrap();
        let mut buffer = [0; 100];
        for expected in [&b"<29>one"[..], b"<27>two"] {
            let read = daemon.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..read], expected);
        }
    }

    #[test]
    fn a_daemon_that_comes_back_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        assert!(Syslog::open(Daemon::Unix(path.clone())).is_err());
        let first = UnixDatagram::bind(&path).unwrap();
        let mut syslog = Syslog::open(Daemon::Unix(path.clone())).unwrap();
        drop(first);
        std::fs::remove_file(&path).unwrap();
        syslog.write_all(b"lost\n").unwrap();
        let second = UnixDatagram::bind(&path).unwrap();
        syslog.write_all(b"found\n").unwrap();
        let mut buffer = [0; 100];
        let read = second.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..read], b"found");
    }
}
