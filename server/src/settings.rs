//! What a server is started with: the configuration file, and the flags, which go before it.

use std::{path::PathBuf, time::Duration};

use embus::{Builder, SyncPolicy, TraceOptions};
use embus_conf::{Authorization, Config, JetStream, LameDuck, Limit, Limits, Logging, Port, Sync};

use crate::{
    args::{Flags, Secret},
    log::{self, Daemon, InvalidDaemon},
    login::{Login, LoginError},
    transports::Transports,
};

/// How to be a server.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "flags are independent")]
pub(crate) struct Settings {
    pub(crate) host: String,
    /// As given: -1 is any free port, 0 the default.
    pub(crate) port: i64,
    pub(crate) monitor_host: String,
    /// As given: -1 is any free port, 0 is off.
    pub(crate) monitor_port: i64,
    pub(crate) server_name: Option<String>,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) ports_file_dir: Option<PathBuf>,
    pub(crate) log_file: Option<PathBuf>,
    pub(crate) log_time: bool,
    pub(crate) log_time_utc: bool,
    pub(crate) debug: bool,
    pub(crate) trace: Option<TraceOptions>,
    pub(crate) syslog: Option<Daemon>,
    pub(crate) limits: Limits,
    pub(crate) lame_duck: LameDuck,
    pub(crate) login: Login,
    pub(crate) jetstream: bool,
    /// What the file says about it.
    pub(crate) jetstream_config: JetStream,
    pub(crate) store_dir: Option<PathBuf>,
    pub(crate) transports: Transports,
    pub(crate) sync: SyncPolicy,
    /// Of the file, as one number.
    pub(crate) digest: String,
}

impl Settings {
    /// The file with the flags put over it.
    ///
    /// # Errors
    /// [`InvalidDaemon`] for a syslog that cannot be one.
    pub(crate) fn new(flags: Flags, mut config: Config) -> Result<Self, InvalidDaemon> {
        let (trace, syslog) = (trace(&flags, &config.logging), syslog(&flags, &config.logging)?);
        let transports = Transports::new(&flags, &mut config);
        let monitor_port = flags.https_port.or(flags.monitor_port).unwrap_or_else(|| match config.monitor.https_port {
            Some(Port::Number(0)) | None => number(config.monitor.http_port),
            port => number(port),
        });
        let authorization = overridden(config.authorization.unwrap_or_default(), &flags);
        let host = flags.host.or(config.listen.host).unwrap_or_else(|| DEFAULT_HOST.to_owned());
        let is_on = config.jetstream.as_ref().is_some_and(|jetstream| jetstream.enabled != Some(false));
        let jetstream = config.jetstream.unwrap_or_default();
        let store_dir = jetstream.store_dir.clone().or(config.store_dir);
        Ok(Self {
            monitor_host: config.monitor.host.unwrap_or_else(|| host.clone()),
            host,
            port: flags.port.unwrap_or_else(|| number(config.listen.port)),
            monitor_port,
            server_name: flags.server_name.or(config.identity.name),
            pid_file: flags.pid_file.or(config.pid_file),
            ports_file_dir: flags.ports_file_dir.or(config.ports_file_dir),
            log_file: flags.log_file.or(config.logging.file),
            log_time: flags.log_time.or(config.logging.time).unwrap_or(true),
            log_time_utc: flags.log_time_utc.unwrap_or(config.logging.utc),
            debug: flags.debug.unwrap_or(config.logging.debug),
            trace,
            syslog,
            limits: config.limits,
            lame_duck: config.lame_duck,
            login: Login {
                authorization,
                accounts: config.accounts,
                mappings: config.mappings,
                no_auth_user: config.no_auth_user,
                system_account: config.system_account,
                operator: config.operator,
                maps_certificates: transports.maps_certificates(),
            },
            transports,
            jetstream: flags.jetstream || is_on,
            store_dir: flags.store_dir.or(store_dir),
            sync: flags.sync.or_else(|| sync(&jetstream)).unwrap_or(SyncPolicy::Always),
            jetstream_config: jetstream,
            digest: String::new(),
        })
    }

    /// How to log.
    pub(crate) fn log_options(&self) -> log::Options {
        log::Options {
            file: self.log_file.clone(),
            time: self.log_time,
            utc: self.log_time_utc,
            debug: self.debug,
            trace: self.trace.is_some(),
            syslog: self.syslog.clone(),
        }
    }

    /// Tells the broker what is not the default.
    pub(crate) fn apply(&self, builder: Builder) -> Result<Builder, LoginError> {
        let builder = self.apply_limits(builder);
        let builder = self.apply_jetstream(builder);
        let (duration, grace) = self.lame_duck.times();
        self.login.apply(builder.lame_duck(duration, grace).trace(self.trace), self.jetstream)
    }

    fn apply_limits(&self, mut builder: Builder) -> Builder {
        let limits = &self.limits;
        builder = set(builder, limits.max_control_line.map(size), Builder::max_control_line);
        builder = set(builder, limits.max_payload.map(size), Builder::max_payload);
        builder = set(builder, limits.max_pending.map(size), Builder::max_pending);
        builder = set(builder, limits.max_connections.map(size), Builder::max_connections);
        builder = set(builder, limits.max_subscriptions.map(bound), Builder::max_subscriptions);
        builder = set(builder, limits.ping_interval, Builder::ping_interval);
        builder = set(builder, limits.ping_max, Builder::ping_max);
        set(builder, limits.write_deadline, Builder::write_deadline)
    }

    fn apply_jetstream(&self, mut builder: Builder) -> Builder {
        let jetstream = &self.jetstream_config;
        let bytes = |limit| if let Some(Limit::AtMost(bytes)) = limit { Some(bytes) } else { None };
        builder = builder.jetstream(self.jetstream).sync(self.sync);
        builder = set(builder, bytes(jetstream.max_memory_store), Builder::max_memory_store);
        builder = set(builder, bytes(jetstream.max_file_store), Builder::max_file_store);
        set(builder, jetstream.domain.clone(), Builder::jetstream_domain)
    }
}

/// What clients say and hear, if it is to be logged.
fn trace(flags: &Flags, logging: &Logging) -> Option<TraceOptions> {
    let verbose = flags.trace_verbose.unwrap_or(logging.trace_verbose);
    let is_on = flags.trace.unwrap_or(logging.trace) || verbose;
    let longest = flags.max_traced_message.unwrap_or(logging.max_traced_message);
    let max_payload = usize::try_from(longest).ok().filter(|longest| *longest > 0);
    is_on.then_some(TraceOptions { max_payload, system_account: verbose })
}

/// An address of another machine's goes before this one's.
fn syslog(flags: &Flags, logging: &Logging) -> Result<Option<Daemon>, InvalidDaemon> {
    let remote = flags.remote_syslog.as_ref().or(logging.remote_syslog.as_ref()).filter(|url| !url.is_empty());
    match remote {
        Some(url) => Daemon::parse(url).map(Some),
        None => Ok(flags.syslog.unwrap_or(logging.syslog).then_some(Daemon::Local)),
    }
}

/// The one user or token of the flags goes before that of the file.
fn overridden(mut authorization: Authorization, flags: &Flags) -> Authorization {
    let text = |secret: &Option<Secret>| secret.as_ref().map(|Secret(text)| text.clone());
    if flags.user.is_some() || flags.password.is_some() || flags.token.is_some() {
        (authorization.user, authorization.password) = (flags.user.clone(), text(&flags.password));
        authorization.token = text(&flags.token);
    }
    authorization
}

fn set<T>(builder: Builder, value: Option<T>, set: impl FnOnce(Builder, T) -> Builder) -> Builder {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

/// More than the machine can count is as good as no bound.
fn size(number: impl Into<u64>) -> usize {
    usize::try_from(number.into()).unwrap_or(usize::MAX)
}

/// As the broker has it, 0 is no bound.
fn bound(limit: Limit) -> usize {
    match limit {
        Limit::Unlimited => 0,
        Limit::AtMost(number) => size(number),
    }
}

fn number(port: Option<Port>) -> i64 {
    match port {
        None => 0,
        Some(Port::Any) => -1,
        Some(Port::Number(number)) => number.into(),
    }
}

fn sync(jetstream: &JetStream) -> Option<SyncPolicy> {
    Some(match jetstream.sync? {
        // No time at all between two syncs is before each answer.
        Sync::Always | Sync::Within(Duration::ZERO) => SyncPolicy::Always,
        Sync::Within(interval) => SyncPolicy::Interval(interval),
    })
}

/// All addresses, as the ecosystem expects of a server that was told nothing.
const DEFAULT_HOST: &str = "0.0.0.0";

#[cfg(test)]
mod tests {
    use embus_conf::Nowhere;

    use super::*;

    fn settings(flags: Flags, text: &str) -> Settings {
        Settings::new(flags, Config::parse("c.conf", text, &Nowhere).unwrap()).unwrap()
    }

    #[test]
    fn flags_go_before_the_file() {
        let text = "listen: 'a:1'\nhttp: 'b:2'\nserver_name: n\ndebug: on\nlogtime: off\njetstream {store_dir: d}";
        let file = settings(Flags::default(), text);
        assert_eq!((file.host.as_str(), file.port, file.monitor_host.as_str(), file.monitor_port), ("a", 1, "b", 2));
        assert!(file.debug && !file.log_time && file.jetstream);
        assert_eq!(file.store_dir, Some("d".into()));
        let flags = Flags {
            port: Some(-1),
            monitor_port: Some(3),
            log_time: Some(true),
            debug: Some(false),
            store_dir: Some("e".into()),
            ..Flags::default()
        };
        let both = settings(flags, text);
        assert_eq!((both.host.as_str(), both.port, both.monitor_host.as_str(), both.monitor_port), ("a", -1, "b", 3));
        assert!(!both.debug && both.log_time);
        assert_eq!((both.server_name.as_deref(), both.store_dir), (Some("n"), Some("e".into())));
    }

    #[test]
    fn monitoring_is_where_the_clients_are_unless_it_is_told_otherwise() {
        let flags = Flags { host: Some("h".into()), ..Flags::default() };
        assert_eq!(settings(flags, "http: 1").monitor_host, "h");
    }

    #[test]
    fn the_login_of_the_flags_goes_before_that_of_the_file() {
        let secret = |text: &str| Some(Secret(text.into()));
        let flags = Flags { user: Some("u".into()), password: secret("p"), ..Flags::default() };
        let login = settings(flags, "authorization { token: t }").login.authorization;
        assert_eq!((login.user.as_deref(), login.password.as_deref(), login.token), (Some("u"), Some("p"), None));
        let flags = Flags { token: secret("x"), ..Flags::default() };
        assert_eq!(settings(flags, "port: 1").login.authorization.token.as_deref(), Some("x"));
    }

    #[test]
    fn what_is_switched_off_stays_off() {
        let off = settings(Flags::default(), "jetstream { enabled: false }");
        assert!(!off.jetstream);
        assert!(settings(Flags { jetstream: true, ..Flags::default() }, "jetstream: disabled").jetstream);
    }

    #[test]
    fn syncs() {
        let sync = |text: &str| settings(Flags::default(), &format!("jetstream {{ {text} }}")).sync;
        assert_eq!(sync(""), SyncPolicy::Always);
        assert_eq!(sync("sync: always"), SyncPolicy::Always);
        assert_eq!(sync("sync_interval: '0s'"), SyncPolicy::Always);
        assert_eq!(sync("sync_interval: '2s'"), SyncPolicy::Interval(Duration::from_secs(2)));
    }
}
