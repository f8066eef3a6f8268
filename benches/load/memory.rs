//! What the server keeps in memory for connections and subscriptions that do nothing, and for itself.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::unistd::Pid;

use crate::connection::{Connection, nothing_but_pings};
use crate::process::resident_bytes;
use crate::server::Server;

/// Connections that carry the subscriptions.
const SUBSCRIBING_CONNECTIONS: usize = 4;

/// `SUB` lines sent before the server has to answer a PING.
const LINES_PER_PING: usize = 5_000;

/// What a server gets to finish what follows its start or the last connection, before its memory is read.
const QUIET: Duration = Duration::from_millis(300);

/// Resident bytes per connection, over `count` connections that have done their handshake.
pub fn bytes_per_connection(server: &Server, count: usize) -> io::Result<f64> {
    let address = server.address();
    let first = Connection::open(address)?;
    let before = resident_when_quiet(server)?;
    let connections = (0..count).map(|_| Connection::open(address)).collect::<io::Result<Vec<_>>>()?;
    let after = resident_when_quiet(server)?;
    drop((first, connections));
    Ok(growth_each(before, after, count))
}

/// Resident bytes per subscription, over `count` literal filters of 24 bytes on a few connections; and the server's
/// processor time per subscription.
pub fn bytes_per_subscription(server: &Server, count: usize) -> io::Result<(f64, Duration)> {
    let address = server.address();
    let open = |_| Connection::open(address);
    let mut connections = (0..SUBSCRIBING_CONNECTIONS).map(open).collect::<io::Result<Vec<_>>>()?;
    let clock = server.cpu_clock()?;
    let (before, cpu_before) = (resident_when_quiet(server)?, clock.now()?);
    let numbers: Vec<usize> = (0..count).collect();
    for (at, chunk) in numbers.chunks(LINES_PER_PING).enumerate() {
        let connection = &mut connections[at % SUBSCRIBING_CONNECTIONS];
        connection.send(&subscribe_lines(chunk))?;
        nothing_but_pings(&connection.settle()?)?;
    }
    let cpu = clock.since(cpu_before)?;
    Ok((growth_each(before, resident_when_quiet(server)?, count), cpu))
}

/// Resident bytes of a server after a moment in which nothing was asked of it.
pub fn resident_when_quiet(server: &Server) -> io::Result<u64> {
    thread::sleep(QUIET);
    server.resident_bytes()
}

/// Resident bytes of `program`, which prints a line when it is ready and ends when its input does.
pub fn resident_of_idle_program(program: &Path) -> io::Result<u64> {
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or_else(|| io::Error::other("no output to read"))?;
    BufReader::new(output).read_line(&mut String::new())?;
    thread::sleep(QUIET);
    let resident = resident_bytes(Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?))?;
    drop(child.stdin.take());
    child.wait()?;
    Ok(resident)
}

fn subscribe_lines(numbers: &[usize]) -> Vec<u8> {
    let mut lines = Vec::new();
    for number in numbers {
        let Ok(()) = write!(lines, "SUB load.memory.{number:012} {number}\r\n") else {
            unreachable!("writing to a Vec cannot fail")
        };
    }
    lines
}

#[expect(clippy::cast_precision_loss, reason = "bytes and counts stay below 2^53")]
fn growth_each(before: u64, after: u64, count: usize) -> f64 {
    (after as f64 - before as f64) / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscription_filters_are_24_bytes_long() {
        let lines = subscribe_lines(&[7]);
        assert_eq!(lines, b"SUB load.memory.000000000007 7\r\n");
        assert_eq!(lines.split(|byte| *byte == b' ').nth(1).map(<[u8]>::len), Some(24));
    }
}
