//! The command line: words in, what to do out.
//!
//! The words follow the rules of Go's `flag` package, because that is what callers of `nats-server` write: one dash is
//! two dashes, the value is the next word or follows `=`, a switch may be `-x=false`, the last of two wins, the first
//! word that is no flag ends them. They are brought into one spelling here and then given to clap.

use std::{collections::BTreeMap, ffi::OsString, fmt, path::PathBuf, time::Duration};

use clap::ArgMatches;
use embus::SyncPolicy;

use crate::{
    flags::{self, Does, Flag, Takes},
    signal_tool::{Request, RequestError},
};

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Print this text.
    Help(String),
    /// Print the version.
    Version,
    /// Send a signal to another process.
    Signal(Request),
    /// Be a server.
    Serve(Box<Flags>),
}

/// What the command line says about being a server; it goes before what a configuration file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "flags are independent")]
pub(crate) struct Flags {
    pub(crate) config: Option<PathBuf>,
    /// Only look at the file.
    pub(crate) check: bool,
    pub(crate) host: Option<String>,
    /// As given: -1 is any free port, 0 the default.
    pub(crate) port: Option<i64>,
    /// As given: -1 is any free port, 0 is off.
    pub(crate) monitor_port: Option<i64>,
    /// As given: -1 is any free port, 0 is off.
    pub(crate) https_port: Option<i64>,
    pub(crate) server_name: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) token: Option<Secret>,
    pub(crate) tls: bool,
    pub(crate) tls_verify: bool,
    pub(crate) tls_cert: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) tls_ca: Option<PathBuf>,
    /// A URL.
    pub(crate) cluster: Option<String>,
    pub(crate) cluster_name: Option<String>,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) ports_file_dir: Option<PathBuf>,
    pub(crate) log_file: Option<PathBuf>,
    pub(crate) log_time: Option<bool>,
    pub(crate) log_time_utc: Option<bool>,
    pub(crate) debug: Option<bool>,
    pub(crate) trace: Option<bool>,
    /// Of the system account, too.
    pub(crate) trace_verbose: Option<bool>,
    /// As given: 0 is all.
    pub(crate) max_traced_message: Option<u64>,
    pub(crate) syslog: Option<bool>,
    /// A URL.
    pub(crate) remote_syslog: Option<String>,
    pub(crate) jetstream: bool,
    pub(crate) store_dir: Option<PathBuf>,
    pub(crate) sync: Option<SyncPolicy>,
}

/// Text that does not show in logs.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl Secret {
    fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A command line that cannot be followed; the text goes to standard error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    /// Remove the flag, or correct its name.
    #[error("flag provided but not defined: -{0}")]
    Undefined(String),
    /// Give the flag its value.
    #[error("flag needs an argument: -{0}")]
    NoValue(String),
    /// Write `true` or `false`.
    #[error("invalid boolean value {value:?} for -{name}")]
    NotBoolean { name: String, value: String },
    /// Write one or two dashes.
    #[error("bad flag syntax: {0}")]
    Syntax(String),
    /// Remove the word.
    #[error("unrecognized command: {0:?}")]
    Command(String),
    /// Write the argument in UTF-8.
    #[error("argument {0:?} is not UTF-8")]
    Encoding(OsString),
    /// Use nats-server, or go without.
    #[error("option {flag} ({thing}) is not supported yet")]
    Refused { flag: String, thing: &'static str },
    /// Choose a name without them.
    #[error("server name cannot contain spaces")]
    ServerName,
    /// Write `always`, `os`, or a number of milliseconds or seconds.
    #[error("invalid value {0:?} for --sync: it is always, os, or an interval such as 500ms or 2s")]
    Sync(String),
    /// Name the file.
    #[error("must specify [-c, --config] option to check configuration file syntax")]
    NothingToCheck,
    /// See what the parser says about the value.
    #[error("{0}")]
    Value(String),
    /// See what is wrong with the signal.
    #[error(transparent)]
    Signal(#[from] RequestError),
}

/// Reads the words behind the program's name.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Command, UsageError> {
    let given = Given::read(words)?;
    match given.word.as_deref() {
        _ if given.is_set("h") => return Ok(help()),
        _ if given.is_set("v") => return Ok(Command::Version),
        Some("help") => return Ok(help()),
        Some("version") => return Ok(Command::Version),
        Some(word) => return Err(UsageError::Command(word.to_owned())),
        None => {}
    }
    given.check_supported()?;
    let matches = flags::command().try_get_matches_from(given.spelt()).map_err(|error| value_error(&error))?;
    if let Some(request) = text(&matches, "sl") {
        return Ok(Command::Signal(request.parse()?));
    }
    flags(&matches, &given).map(|flags| Command::Serve(Box::new(flags)))
}

fn help() -> Command {
    Command::Help(flags::command().render_help().to_string())
}

/// clap's message without its own heading; the program's name goes before it.
fn value_error(error: &clap::Error) -> UsageError {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    UsageError::Value(line.trim_start_matches("error: ").to_owned())
}

fn flags(matches: &ArgMatches, given: &Given) -> Result<Flags, UsageError> {
    let server_name = text(matches, "n");
    if server_name.is_some_and(|name| name.contains(' ')) {
        return Err(UsageError::ServerName);
    }
    let number = |name| matches.get_one::<i64>(name).copied();
    let path = |name| text(matches, name).map(PathBuf::from);
    let flags = Flags {
        config: path("c"),
        check: given.is_set("t"),
        host: text(matches, "a").map(str::to_owned),
        port: number("p"),
        monitor_port: number("m"),
        https_port: number("ms"),
        server_name: server_name.map(str::to_owned),
        user: text(matches, "user").map(str::to_owned),
        password: text(matches, "pass").map(Secret::new),
        token: text(matches, "auth").map(Secret::new),
        tls: given.is_set("tls"),
        tls_verify: given.is_set("tlsverify"),
        tls_cert: path("tlscert"),
        tls_key: path("tlskey"),
        tls_ca: path("tlscacert"),
        cluster: text(matches, "cluster").map(str::to_owned),
        cluster_name: text(matches, "cluster_name").map(str::to_owned),
        pid_file: path("P"),
        ports_file_dir: path("ports_file_dir"),
        log_file: path("l"),
        log_time: given.switch("T"),
        log_time_utc: given.switch("logtime_utc"),
        debug: given.any_switch(&["D", "DV", "DVV"]),
        trace: given.any_switch(&["V", "VV", "DV", "DVV"]),
        trace_verbose: given.any_switch(&["VV", "DVV"]),
        max_traced_message: number("max_traced_msg_len").map(|length| u64::try_from(length).unwrap_or(0)),
        syslog: given.switch("s"),
        remote_syslog: text(matches, "r").map(str::to_owned),
        jetstream: given.is_set("js"),
        store_dir: path("sd"),
        sync: text(matches, "sync").map(sync_policy).transpose()?,
    };
    if flags.check && flags.config.is_none() {
        return Err(UsageError::NothingToCheck);
    }
    Ok(flags)
}

/// `always`, `os`, or an interval in ms or s.
fn sync_policy(text: &str) -> Result<SyncPolicy, UsageError> {
    let number = |suffix| text.strip_suffix(suffix).and_then(|number: &str| number.parse::<u32>().ok());
    let interval = match (number("ms"), number("s")) {
        (Some(millis), _) => Duration::from_millis(millis.into()),
        (None, Some(seconds)) => Duration::from_secs(seconds.into()),
        (None, None) => Duration::ZERO,
    };
    match text {
        "always" => Ok(SyncPolicy::Always),
        "os" => Ok(SyncPolicy::Os),
        _ if !interval.is_zero() => Ok(SyncPolicy::Interval(interval)),
        _ => Err(UsageError::Sync(text.to_owned())),
    }
}

/// The text of a flag; an empty one counts as not given.
fn text<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.get_one::<String>(name).map(String::as_str).filter(|text| !text.is_empty())
}

/// The flags as given, the last of each, and the word behind them.
#[derive(Debug, Default)]
struct Given {
    values: BTreeMap<&'static str, Value>,
    word: Option<String>,
}

#[derive(Debug)]
enum Value {
    Switch(bool),
    Text(String),
}

impl Given {
    fn read(words: impl Iterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut words = words.map(|word| word.into_string().map_err(UsageError::Encoding));
        let mut given = Self::default();
        while let Some(word) = words.next().transpose()? {
            let Some(body) = body(&word)? else {
                given.word = if word == "--" { words.next().transpose()? } else { Some(word) };
                break;
            };
            let (name, value) = body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value)));
            let flag = Flag::find(name).ok_or_else(|| UsageError::Undefined(name.to_owned()))?;
            let value = match (flag.takes, value) {
                (Takes::Nothing, None) => Value::Switch(true),
                (Takes::Nothing, Some(value)) => Value::Switch(boolean(name, value)?),
                (_, Some(value)) => Value::Text(value.to_owned()),
                (_, None) => {
                    Value::Text(words.next().transpose()?.ok_or_else(|| UsageError::NoValue(name.to_owned()))?)
                }
            };
            given.values.insert(flag.id(), value);
        }
        Ok(given)
    }

    fn switch(&self, id: &str) -> Option<bool> {
        match self.values.get(id)? {
            Value::Switch(value) => Some(*value),
            Value::Text(_) => None,
        }
    }

    /// On if one of them is.
    fn any_switch(&self, ids: &[&str]) -> Option<bool> {
        let given: Vec<_> = ids.iter().filter_map(|id| self.switch(id)).collect();
        if given.is_empty() { None } else { Some(given.contains(&true)) }
    }

    fn is_set(&self, id: &str) -> bool {
        self.switch(id) == Some(true)
    }

    /// A switch that is off asks for nothing and is never refused.
    fn check_supported(&self) -> Result<(), UsageError> {
        let asked = self.values.iter().filter(|(_, value)| !matches!(value, Value::Switch(false)));
        for (id, _) in asked {
            if let Some(Flag { does: Does::Refuse(thing), .. }) = Flag::find(id) {
                return Err(UsageError::Refused { flag: flags::spelt(id), thing });
            }
        }
        Ok(())
    }

    /// The flags in the one spelling the parser reads.
    fn spelt(&self) -> Vec<String> {
        let mut words = vec![crate::program::OWN_NAME.to_owned()];
        words.extend(self.values.iter().filter_map(|(id, value)| {
            let long = Flag::find(id)?.long();
            match value {
                Value::Switch(true) => Some(format!("--{long}")),
                Value::Switch(false) => None,
                Value::Text(text) => Some(format!("--{long}={text}")),
            }
        }));
        words
    }
}

/// What stands behind the dashes; nothing if the word is no flag.
fn body(word: &str) -> Result<Option<&str>, UsageError> {
    let Some(body) = word.strip_prefix('-').map(|rest| rest.strip_prefix('-').unwrap_or(rest)) else { return Ok(None) };
    match body {
        "" => Ok(None),
        _ if body.starts_with(['-', '=']) => Err(UsageError::Syntax(word.to_owned())),
        _ => Ok(Some(body)),
    }
}

fn boolean(name: &str, value: &str) -> Result<bool, UsageError> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(UsageError::NotBoolean { name: name.to_owned(), value: value.to_owned() }),
    }
}

#[cfg(test)]
mod tests;
