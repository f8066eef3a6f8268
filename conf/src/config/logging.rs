//! What is logged, and where to.

use std::path::PathBuf;

/// `debug`, `trace`, `log_file` and their like.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "directives are independent")]
pub struct Logging {
    /// `debug`: what helps to find faults.
    pub debug: bool,
    /// `trace`: the protocol.
    pub trace: bool,
    /// `trace_verbose`: the protocol of the system account as well.
    pub trace_verbose: bool,
    /// `trace_headers`: only the headers of messages.
    pub trace_headers: bool,
    /// `logtime`: whether lines begin with the time; they do without it.
    pub time: Option<bool>,
    /// `logtime_utc`: in UTC.
    pub utc: bool,
    /// `log_file`, `logfile`: standard error without one.
    pub file: Option<PathBuf>,
    /// `syslog`: to the daemon of this machine.
    pub syslog: bool,
    /// `remote_syslog`: to the one at this address.
    pub remote_syslog: Option<String>,
    /// `log_size_limit`, `logfile_size_limit`: bytes after which another file is begun; never at 0.
    pub size_limit: u64,
    /// `log_max_num`, `logfile_max_num`: how many files there are then; any number at 0.
    pub max_files: u64,
    /// `max_traced_msg_len`: bytes of a message that a trace shows; all at 0.
    pub max_traced_message: u64,
    /// `connect_error_reports`: every how many failures to connect one is told of.
    pub connect_error_reports: Option<u64>,
    /// `reconnect_error_reports`: the same for connecting again.
    pub reconnect_error_reports: Option<u64>,
}
