//! Memory and processor of the process the broker lives in, from `/proc`; zero where there is none.

use std::{fs, thread};

/// Bytes of memory that are resident.
pub(super) fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    resident_of(&status).unwrap_or(0)
}

/// Per cent of one core, averaged over the life of the process.
///
/// Differs from nats-server: it averages over the last second, for which it samples all the time.
pub(super) fn cpu_percent() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    cpu_of(&stat, &uptime).unwrap_or(0.0)
}

/// Cores this process may use.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn resident_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn cpu_of(stat: &str, uptime: &str) -> Option<f64> {
    // The second field is the name in parentheses and may hold anything; the third starts behind the last `)`.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let used = (field(14)? + field(15)?) / TICKS_PER_SECOND;
    let lived = uptime.split_whitespace().next()?.parse::<f64>().ok()? - field(22)? / TICKS_PER_SECOND;
    // One decimal place, as process listings show it.
    (lived > 0.0).then(|| (used / lived * 1000.0).round() / 10.0)
}

/// `USER_HZ`, the unit of times in `/proc/<pid>/stat`: 100 on every architecture that Linux still builds for servers.
const TICKS_PER_SECOND: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_kernels_text() {
        assert_eq!(resident_of("Name:\tx\nVmRSS:\t    3204 kB\nThreads:\t1\n"), Some(3204 * 1024));
        let stat = "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 150 50 0 0 20 0 9 0 1000 0 0";
        assert_eq!(cpu_of(stat, "30.00 12.00\n"), Some(10.0));
    }

    #[test]
    fn damaged_text_gives_nothing() {
        for text in ["", "VmRSS:", "VmRSS: x kB", "VmRSS: 99999999999999999999 kB", "1 (x) S 1", "1 (x"] {
            assert_eq!(resident_of(text), None);
            assert_eq!(cpu_of(text, text), None);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_cores() {
        assert!(resident_bytes() > 0);
        assert!(cores() > 0);
        assert!(cpu_percent() >= 0.0);
    }
}
