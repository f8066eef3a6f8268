//! One line: process id, time, level, text.

use std::{fmt::Write, process};

use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::program::OWN_NAME;

/// What all lines of one log have in common.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pid: u32,
    zone: Option<TimeZone>,
    syslog: Option<Tag>,
}

/// What a line to a syslog names: the machine, where that is not the daemon's own.
#[derive(Debug, Clone)]
struct Tag {
    host: Option<String>,
}

impl Form {
    /// Lines with or without a time, which is local or UTC.
    pub(super) fn new(time: bool, utc: bool) -> Self {
        let zone = if utc { TimeZone::UTC } else { TimeZone::system() };
        Self { pid: process::id(), zone: time.then_some(zone), syslog: None }
    }

    /// Messages for a syslog, which may be another machine's.
    pub(super) fn of_syslog(is_remote: bool) -> Self {
        let host = is_remote.then(|| std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default());
        let host =
            host.map(|host| if host.trim().is_empty() { "localhost".to_owned() } else { host.trim().to_owned() });
        Self { syslog: Some(Tag { host }), ..Self::new(true, false) }
    }

    /// A line of now, with its line end.
    pub(super) fn line(&self, level: &str, text: &str) -> String {
        self.line_at(Timestamp::now(), level, text)
    }

    fn line_at(&self, now: Timestamp, level: &str, text: &str) -> String {
        let mut line = match &self.syslog {
            Some(tag) => self.message(tag, now, level),
            None => self.beginning(now, level),
        };
        push_printable(&mut line, text);
        line.push('\n');
        line
    }

    fn beginning(&self, now: Timestamp, level: &str) -> String {
        let mut line = format!("[{}] ", self.pid);
        if let Some(zone) = &self.zone {
            let now: Zoned = now.to_zoned(zone.clone());
            let _ = write!(line, "{} ", now.strftime("%Y/%m/%d %H:%M:%S%.6f"));
        }
        let _ = write!(line, "[{level}] ");
        line
    }

    /// The time and the host stand as the daemons read them: the local one adds the host itself. [RFC 3164]
    fn message(&self, Tag { host }: &Tag, now: Timestamp, level: &str) -> String {
        let now: Zoned = now.to_zoned(self.zone.clone().unwrap_or(TimeZone::UTC));
        let priority = DAEMON * 8 + severity(level);
        let host = host.as_ref().map(|host| format!("{host} ")).unwrap_or_default();
        format!("<{priority}>{} {host}{OWN_NAME}[{}]: ", now.strftime("%b %e %H:%M:%S"), self.pid)
    }
}

/// The facility of daemons.
const DAEMON: u8 = 3;

/// As nats-server has them.
fn severity(level: &str) -> u8 {
    match level {
        "FTL" => 2,
        "ERR" => 3,
        "WRN" => 4,
        "DBG" => 7,
        _ => 5,
    }
}

/// Appends `text` up to the longest line. Control characters are escaped: part of it may be a client's, who must not
/// be able to forge a line.
fn push_printable(line: &mut String, text: &str) {
    for character in text.chars() {
        if line.len() >= MAX_LINE_BYTES {
            line.push_str("...");
            return;
        }
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
}

/// Bytes of a line, but for a few at its end.
const MAX_LINE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn form(zone: Option<TimeZone>) -> Form {
        Form { pid: 7, zone, syslog: None }
    }

    #[test]
    fn lines_have_the_form_that_harnesses_read() {
        let now: Timestamp = "2026-11-20T16:06:35.5977Z".parse().unwrap();
        let line = form(Some(TimeZone::UTC)).line_at(now, "INF", "Server is ready");
        assert_eq!(line, "[7] 2026/11/20 16:06:35.597700 [INF] Server is ready\n");
        let line = form(Some(TimeZone::fixed(jiff::tz::offset(2)))).line_at(now, "WRN", "x");
        assert_eq!(line, "[7] 2026/11/20 18:06:35.597700 [WRN] x\n");
        assert_eq!(form(None).line_at(now, "DBG", "x"), "[7] [DBG] x\n");
    }

    #[test]
    fn a_syslog_is_told_the_priority() {
        let now: Timestamp = "2026-11-02T16:06:35.5977Z".parse().unwrap();
        let line = |host: Option<&str>, level| {
            let syslog = Some(Tag { host: host.map(str::to_owned) });
            Form { syslog, ..form(Some(TimeZone::UTC)) }.line_at(now, level, "x\ny")
        };
        assert_eq!(line(None, "INF"), "<29>Nov  2 16:06:35 embus[7]: x\\ny\n");
        assert_eq!(line(Some("here"), "ERR"), "<27>Nov  2 16:06:35 here embus[7]: x\\ny\n");
    }

    #[test]
    fn text_cannot_make_a_line_of_its_own() {
        let line = form(None).line("INF", "a\r\n[7] [INF] forged\u{1b}[0m é");
        assert_eq!(line, "[7] [INF] a\\r\\n[7] [INF] forged\\u{1b}[0m é\n");
        assert!(form(None).line("INF", &"x".repeat(100_000)).len() < MAX_LINE_BYTES + 16);
    }
}
