//! The directives of the outermost level.

use super::{
    Config, Listen, Logging, Monitor,
    account::{Account, Switch},
    identity::{Identity, Tags},
    jetstream::JetStream,
    limits::{AtLeastNone, Limits},
    listen,
    mapping::Mappings,
    read::{Field, Read, Report, Section, named},
};
use crate::{Kind, Value};

impl Section for Config {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        let left = self.listen.take(name, field);
        let left = left.and_then(|field| self.identity.take(name, field));
        let left = left.and_then(|field| self.limits.take(name, field));
        let left = left.and_then(|field| self.logging.take(name, field));
        let left = left.and_then(|field| self.monitor.take(name, field));
        let left = left.and_then(|field| self.operator.field(name, field));
        let left = left.and_then(|field| self.take_users(name, field));
        if let Some(field) = left.and_then(|field| self.take_others(name, field)) {
            refuse_or_unknown(name, field);
        }
    }
}

/// Directives for what embus does not have.
fn refuse_or_unknown(name: &str, field: Field<'_, '_>) {
    match name {
        "gateway" | "mqtt" | "prof_port" | "prof_block_rate" | "ocsp" | "ocsp_cache" | "proxies" | "feature_flags"
        | "default_js_domain" => field.refuse(),
        _ => field.unknown(),
    }
}

impl Config {
    fn take_users<'v, 'r>(&mut self, name: &str, field: Field<'v, 'r>) -> Option<Field<'v, 'r>> {
        match name {
            "authorization" => field.set(&mut self.authorization),
            "no_auth_user" => field.set(&mut self.no_auth_user),
            "accounts" => field.set_from::<Accounts, _>(&mut self.accounts),
            "system_account" | "system" => field.set(&mut self.system_account),
            "no_system_account" | "no_system" | "no_sys_acc" => field.set(&mut self.no_system_account),
            "mappings" | "maps" => field.set_from::<Mappings, _>(&mut self.mappings),
            _ => return Some(field),
        }
        None
    }

    fn take_others<'v, 'r>(&mut self, name: &str, field: Field<'v, 'r>) -> Option<Field<'v, 'r>> {
        match name {
            "tls" => field.set(&mut self.tls),
            "allow_non_tls" => field.set(&mut self.allow_non_tls),
            "jetstream" => field.set_from::<Switch<JetStream>, _>(&mut self.jetstream),
            "store_dir" | "storedir" => field.set(&mut self.store_dir),
            "websocket" | "ws" => field.set(&mut self.websocket),
            "leafnodes" | "leaf" => field.set(&mut self.leafnodes),
            "cluster" => field.set(&mut self.cluster),
            "lame_duck_duration" => field.set(&mut self.lame_duck.duration),
            "lame_duck_grace_period" => field.set(&mut self.lame_duck.grace_period),
            "pid_file" | "pidfile" => field.set(&mut self.pid_file),
            "ports_file_dir" => field.set(&mut self.ports_file_dir),
            _ => return Some(field),
        }
        None
    }
}

impl Listen {
    fn take<'v, 'r>(&mut self, name: &str, field: Field<'v, 'r>) -> Option<Field<'v, 'r>> {
        match name {
            "listen" => listen::set(field, &mut self.host, &mut self.port),
            "host" | "net" => field.set(&mut self.host),
            "port" => field.set(&mut self.port),
            "client_advertise" => field.set(&mut self.advertise),
            "proxy_protocol" => field.set(&mut self.proxy_protocol),
            _ => return Some(field),
        }
        None
    }
}

impl Identity {
    fn take<'v, 'r>(&mut self, name: &str, field: Field<'v, 'r>) -> Option<Field<'v, 'r>> {
        match name {
            "server_name" => field.set(&mut self.name),
            "server_tags" => field.set_from::<Tags, _>(&mut self.tags),
            "server_metadata" => field.set(&mut self.metadata),
            _ => return Some(field),
        }
        None
    }
}

impl Limits {
    fn take<'v, 'r>(&mut self, name: &str, field: Field<'v, 'r>) -> Option<Field<'v, 'r>> {
        match name {
            "max_control_line" => field.set(&mut self.max_control_line),
            "max_payload" => field.set(&mut self.max_payload),
            "max_pending" => field.set(&mut self.max_pending),
            "max_connections" | "max_conn" => field.set_from::<AtLeastNone, _>(&mut self.max_connections),
            "max_subscriptions" | "max_subs" => field.set(&mut self.max_subscriptions),
            "max_sub_tokens" | "max_subscription_tokens" => field.set(&mut self.max_subscription_tokens),
            "max_closed_clients" => field.set(&mut self.max_closed_clients),
            "ping_interval" => field.set(&mut self.ping_interval),
            "ping_max" => field.set(&mut self.ping_max),
            "write_deadline" => field.set(&mut self.write_deadline),
            "write_timeout" => field.set(&mut self.write_timeout),
            "no_fast_producer_stall" => field.set(&mut self.no_fast_producer_stall),
            "no_header_support" => field.set(&mut self.no_headers),
            "disable_sublist_cache" | "no_sublist_cache" => field.set(&mut self.no_match_cache),
            _ => return Some(field),
        }
        None
    }
}

impl Logging {
    fn take<'v, 'r>(&mut self, name: &str, field: Field<'v, 'r>) -> Option<Field<'v, 'r>> {
        match name {
            "syslog" => field.set(&mut self.syslog),
            "remote_syslog" => field.set(&mut self.remote_syslog),
            "debug" => field.set(&mut self.debug),
            "trace" => field.set(&mut self.trace),
            "trace_verbose" => field.set(&mut self.trace_verbose),
            "trace_headers" => field.set(&mut self.trace_headers),
            "logtime" => field.set(&mut self.time),
            "logtime_utc" => field.set(&mut self.utc),
            "log_file" | "logfile" => field.set(&mut self.file),
            "log_size_limit" | "logfile_size_limit" => field.set(&mut self.size_limit),
            "log_max_num" | "logfile_max_num" => field.set(&mut self.max_files),
            "max_traced_msg_len" => field.set(&mut self.max_traced_message),
            "connect_error_reports" => field.set(&mut self.connect_error_reports),
            "reconnect_error_reports" => field.set(&mut self.reconnect_error_reports),
            _ => return Some(field),
        }
        None
    }
}

impl Monitor {
    fn take<'v, 'r>(&mut self, name: &str, field: Field<'v, 'r>) -> Option<Field<'v, 'r>> {
        match name {
            "http" => listen::set(field, &mut self.host, &mut self.http_port),
            "https" => listen::set(field, &mut self.host, &mut self.https_port),
            "http_port" | "monitor_port" => field.set(&mut self.http_port),
            "https_port" => field.set(&mut self.https_port),
            "http_base_path" => field.set(&mut self.base_path),
            _ => return Some(field),
        }
        None
    }
}

/// Names, or names with what the accounts have.
struct Accounts(Vec<(String, Account)>);

impl Read for Accounts {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        match &value.kind {
            Kind::List(_) => {
                let names = Vec::<String>::read(value, report)?;
                Some(Self(names.into_iter().map(|name| (name, Account::default())).collect()))
            }
            _ => named(value, report).map(Self),
        }
    }
}

impl From<Accounts> for Vec<(String, Account)> {
    fn from(Accounts(accounts): Accounts) -> Self {
        accounts
    }
}
