//! What the kernel knows about a process: processor time to the nanosecond, resident memory, limits on open files.

use std::fs;
use std::io;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::ClockId;
use nix::unistd::Pid;

/// Reads the processor time of one process, over all its threads.
#[derive(Debug, Clone, Copy)]
pub struct CpuClock(ClockId);

impl CpuClock {
    /// The clock of process `pid`.
    pub fn of(pid: Pid) -> io::Result<Self> {
        Ok(Self(ClockId::pid_cpu_clock_id(pid)?))
    }

    /// The clock of this process.
    pub fn own() -> Self {
        Self(ClockId::CLOCK_PROCESS_CPUTIME_ID)
    }

    /// User and system time used so far.
    pub fn now(self) -> io::Result<Duration> {
        Ok(Duration::from(self.0.now()?))
    }

    /// User and system time used since [`CpuClock::now`] was `earlier`.
    pub fn since(self, earlier: Duration) -> io::Result<Duration> {
        Ok(self.now()?.saturating_sub(earlier))
    }
}

/// Resident memory of process `pid` in bytes, counted exactly over its mappings.
pub fn resident_bytes(pid: Pid) -> io::Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    parse_resident(&rollup).ok_or_else(|| io::Error::other("no Rss in smaps_rollup"))
}

fn parse_resident(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Raises the limit on open files as far as this user may, and returns it. Children inherit it.
pub fn raise_open_files() -> io::Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_kibibytes() {
        let rollup = "00400000-7fff [rollup]\nRss:                1234 kB\nPss:  7 kB\n";
        assert_eq!(parse_resident(rollup), Some(1234 * 1024));
        assert_eq!(parse_resident("Pss: 7 kB\n"), None);
    }

    #[test]
    fn own_clock_advances() -> io::Result<()> {
        let before = CpuClock::own().now()?;
        assert!((0..1_000_000_u64).fold(0, |a: u64, b| a ^ std::hint::black_box(b)) < u64::MAX);
        assert!(CpuClock::own().since(before)? > Duration::ZERO);
        Ok(())
    }
}
