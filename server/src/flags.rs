//! The table of every flag `nats-server` has, and which of them embus carries out.
//!
//! The one place that knows the names. From it come the parser, the help text and the refusals.

use clap::{Arg, Command};

/// One flag under all its names.
#[derive(Debug)]
pub(crate) struct Flag {
    /// Names without dashes; the first is the identity.
    pub(crate) names: &'static [&'static str],
    pub(crate) takes: Takes,
    pub(crate) does: Does,
}

/// What follows the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing, or `=true` and `=false`.
    Nothing,
    /// Text, shown in the help under this name.
    Text(&'static str),
    /// A whole number, shown in the help under this name.
    Number(&'static str),
}

/// What embus does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// Carries it out; the text is the help.
    Work(&'static str),
    /// Refuses it, because it has no such thing yet; the text names the thing.
    Refuse(&'static str),
}

impl Flag {
    /// The flag with this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        FLAGS.iter().find(|flag| flag.names.contains(&name))
    }

    /// The name under which the parser knows it.
    pub(crate) fn id(&self) -> &'static str {
        self.names[0]
    }

    /// The first name that is a word.
    pub(crate) fn long(&self) -> &'static str {
        self.names.iter().find(|name| name.len() > 2).unwrap_or(&self.names[0])
    }

    fn arg(&self) -> Option<Arg> {
        let Does::Work(help) = self.does else { return None };
        let is_short = |name: &&&str| name.len() == 1;
        let aliases = self.names.iter().filter(|name| !is_short(name) && **name != self.long());
        let mut arg = Arg::new(self.id()).help(help).long(self.long()).visible_aliases(aliases);
        if let Some(short) = self.names.iter().find(is_short).and_then(|name| name.chars().next()) {
            arg = arg.short(short);
        }
        Some(match self.takes {
            Takes::Nothing => arg.action(clap::ArgAction::SetTrue),
            Takes::Text(name) => arg.value_name(name).require_equals(true).allow_hyphen_values(true),
            Takes::Number(name) => {
                let number = clap::value_parser!(i64);
                arg.value_name(name).require_equals(true).allow_hyphen_values(true).value_parser(number)
            }
        })
    }
}

/// The parser of a command line whose flags are spelt `--name`.
pub(crate) fn command() -> Command {
    let refused = FLAGS.iter().filter(|flag| matches!(flag.does, Does::Refuse(_))).map(|flag| spelt(flag.id()));
    Command::new(crate::program::OWN_NAME)
        .about("An embeddable message broker that speaks the NATS protocol, as a server of its own")
        .after_help(format!(
            "One dash or two, a space or '=' before a value: both are the same.\n\
             Options of nats-server that embus refuses, because it does not have what they ask for:\n  {}",
            refused.collect::<Vec<_>>().join(" ")
        ))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .args(FLAGS.iter().filter_map(Flag::arg))
}

/// A name as people write it: one dash before one letter or the double letters, two before a word.
pub(crate) fn spelt(name: &str) -> String {
    let dash = if name.len() < 4 { "-" } else { "--" };
    format!("{dash}{name}")
}

use Does::{Refuse, Work};
use Takes::{Nothing, Number, Text};

const fn flag(names: &'static [&'static str], takes: Takes, does: Does) -> Flag {
    Flag { names, takes, does }
}

/// [nats-server: usage], and the names that only its parser knows.
pub(crate) const FLAGS: &[Flag] = &[
    flag(
        &["c", "config"],
        Text("FILE"),
        Work("File with the configuration, in nats-server's format; flags come before it"),
    ),
    flag(&["t"], Nothing, Work("Check the file and end")),
    flag(&["a", "addr", "net"], Text("HOST"), Work("Address to listen on [default: 0.0.0.0]")),
    flag(&["p", "port"], Number("PORT"), Work("Port for clients, -1 for any free one [default: 4222]")),
    flag(&["n", "name", "server_name"], Text("NAME"), Work("Name of the server [default: its id]")),
    flag(&["user"], Text("NAME"), Work("Name of the one user that clients log in as")),
    flag(&["pass"], Text("PASSWORD"), Work("Its password; others on this machine can read it here, a file is better")),
    flag(&["auth"], Text("TOKEN"), Work("Token that clients log in with")),
    flag(&["P", "pid"], Text("FILE"), Work("File to write the process id to")),
    flag(
        &["m", "http_port"],
        Number("PORT"),
        Work("Port for monitoring over HTTP, -1 for any free one [default: off]"),
    ),
    flag(&["ports_file_dir"], Text("DIR"), Work("Directory for a file <name>_<pid>.ports that tells the ports in use")),
    flag(&["l", "log"], Text("FILE"), Work("File to append the log to, instead of standard error")),
    flag(&["T", "logtime"], Nothing, Work("Begin log lines with the time [default: true]")),
    flag(&["logtime_utc"], Nothing, Work("Use UTC for it, instead of local time")),
    flag(&["D", "debug"], Nothing, Work("Log what helps to find faults")),
    flag(&["V", "trace"], Nothing, Work("Log all that clients say and hear, payloads too")),
    flag(&["VV"], Nothing, Work("The same, also of clients of the system account")),
    flag(&["DV"], Nothing, Work("-D and -V")),
    flag(&["DVV"], Nothing, Work("-D and -VV")),
    flag(&["max_traced_msg_len"], Number("LENGTH"), Work("Bytes of a payload that -V shows at most [default: all]")),
    flag(&["s", "syslog"], Nothing, Work("Log to the syslog of this machine, unless there is a log file")),
    flag(&["r", "remote_syslog"], Text("URL"), Work("Log to the syslog at udp://host:port, or tcp://… or unix://…")),
    flag(&["js", "jetstream"], Nothing, Work("Have streams (JetStream)")),
    flag(
        &["sd", "store_dir"],
        Text("DIR"),
        Work("Directory to keep them in, below 'embus' [default: in the directory for temporary files]"),
    ),
    flag(
        &["sync"],
        Text("WHEN"),
        Work(
            "When a stored message is on the disk: always (before it is acknowledged), os, or an interval such as 500ms [default: always]",
        ),
    ),
    flag(
        &["sl", "signal"],
        Text("SIGNAL[=PID]"),
        Work(
            "Send ldm, stop, quit, term, reopen or reload to a running server; PID is a number or a file that holds it",
        ),
    ),
    flag(&["tls"], Nothing, Work("Ask clients for TLS; it takes a certificate and its key")),
    flag(&["tlscert"], Text("FILE"), Work("File with the certificate that the server shows, in PEM")),
    flag(&["tlskey"], Text("FILE"), Work("File with its key")),
    flag(&["tlsverify"], Nothing, Work("Ask clients for certificates, too")),
    flag(&["tlscacert"], Text("FILE"), Work("File with those who may have signed them")),
    flag(
        &["ms", "https_port"],
        Number("PORT"),
        Work("Port for monitoring over HTTPS, in place of HTTP; -1 for any free one [default: off]"),
    ),
    flag(
        &["cluster", "cluster_listen"],
        Text("URL"),
        Work("Port for other servers, nats://host:port; each is refused, as clusters are not supported yet"),
    ),
    flag(&["cluster_name"], Text("NAME"), Work("Name of the cluster that the server is alone in")),
    flag(&["v", "version"], Nothing, Work("Print the version")),
    flag(&["h", "help"], Nothing, Work("Print this help")),
    flag(&["help_tls"], Nothing, Refuse("TLS")),
    flag(&["log_size_limit"], Number("LIMIT"), Refuse("log rotation")),
    flag(&["client_advertise"], Text("URL"), Refuse("clustering")),
    flag(&["cluster_advertise"], Text("URL"), Refuse("clustering")),
    flag(&["routes"], Text("URLS"), Refuse("clustering")),
    flag(&["no_advertise"], Nothing, Refuse("clustering")),
    flag(&["connect_retries"], Number("COUNT"), Refuse("clustering")),
    flag(&["profile"], Number("PORT"), Refuse("profiling")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_taken_twice() {
        let mut names: Vec<_> = FLAGS.iter().flat_map(|flag| flag.names).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn the_parser_is_well_formed_and_helps() {
        command().debug_assert();
        let help = command().render_help().to_string();
        for part in ["--port", "--http_port", "--signal", "-c", "--routes"] {
            assert!(help.contains(part), "{part} is missing in {help}");
        }
    }
}
