//! Which directives this server carries out. Whatever else a file asks for is refused by name.

use embus_conf::{Config, Directive};

use crate::operators::asks_elsewhere;

/// What the file asks for and this server cannot do. Of a block only the block is named, not what is in it.
pub(crate) fn unsupported(config: &Config) -> Vec<Directive> {
    let mut found: Vec<Directive> = Vec::new();
    for directive in &config.given {
        let is_refused = || config.refused.iter().any(|refused| refused.path == directive.path);
        let is_done = if is_resolver(&directive.path) && asks_elsewhere(&config.operator) {
            false
        } else if directive.is_off {
            !asks_when_off(directive)
        } else {
            is_carried_out(&directive.path)
        };
        let is_part = found.last().is_some_and(|last| is_within(&directive.path, &last.path));
        if !is_part && (!is_done || is_refused()) {
            found.push(directive.clone());
        }
    }
    found
}

fn is_within(path: &str, block: &str) -> bool {
    path.strip_prefix(block).is_some_and(|rest| rest.starts_with(['.', '[']))
}

fn is_carried_out(path: &str) -> bool {
    CARRIED_OUT.contains(&path)
        || path.starts_with("resolver_preload.")
        || is_mapping(path)
        || is_of_login(path)
        || is_of_transport(path)
}

/// Accounts are looked up in the file, and nowhere else.
fn is_resolver(path: &str) -> bool {
    ["resolver", "account_resolver", "accounts_resolver"].contains(&path)
}

/// Subjects that stand for others, which are whatever they are.
fn is_mapping(path: &str) -> bool {
    ["mappings.", "maps."].iter().any(|block| path.starts_with(block))
}

/// A directive of a listener: under the other names of its block, and those of its TLS, which are the same everywhere.
fn is_of_transport(path: &str) -> bool {
    let (block, rest) = path.split_once('.').unwrap_or((path, ""));
    let block = match block {
        "ws" => "websocket",
        "leaf" => "leafnodes",
        other => other,
    };
    let is = |path: &str| CARRIED_OUT.contains(&path);
    match (block, rest.strip_prefix("tls.")) {
        ("tls", _) => CERTIFICATES.iter().any(|list| rest.starts_with(list)),
        ("websocket", Some(rest)) => {
            is(&format!("tls.{rest}")) || CERTIFICATES.iter().any(|list| rest.starts_with(list))
        }
        // Headers are called anything.
        ("websocket", None) if rest.starts_with("headers.") => true,
        // With nothing in them they ask for nothing; else the file is refused for them.
        ("leafnodes", _) if rest == "remotes" => true,
        ("cluster", _) if rest == "routes" => true,
        ("websocket" | "leafnodes", _) => is(&format!("{block}.{rest}")),
        _ => false,
    }
}

/// Lists of certificates.
const CERTIFICATES: &[&str] = &["certs[", "certificates["];

/// A directive of users or accounts: numbers in lists and names of accounts are anything. The account of the server itself
/// has nothing to give yet.
fn is_of_login(path: &str) -> bool {
    let path = path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect::<String>();
    if let Some(path) = path.strip_prefix("authorization.") {
        let is_whole = ["auth_callout", "auth_hook"].contains(&first(path));
        return OF_AUTHORIZATION.contains(&first(path)) && (!path.contains('.') || is_whole || is_of_user(path));
    }
    let Some((_, path)) = path.strip_prefix("accounts.").map(|path| path.split_once('.').unwrap_or((path, ""))) else {
        return false;
    };
    OF_ACCOUNT.contains(&path) || is_mapping(path) || is_of_user(path) || is_of_streams(path)
}

/// What an account may have of `JetStream`.
fn is_of_streams(path: &str) -> bool {
    path.split_once('.').is_some_and(|(block, path)| block == "jetstream" && path != "cluster_traffic")
}

/// What is in `users` and in permissions.
fn is_of_user(path: &str) -> bool {
    let Some((block, path)) = path.split_once('.') else { return false };
    match block {
        "users" => {
            OF_USER.contains(&path) || path.split_once('.').is_some_and(|(block, _)| PERMISSIONS.contains(&block))
        }
        _ => PERMISSIONS.contains(&block),
    }
}

fn first(path: &str) -> &str {
    path.split_once('.').map_or(path, |(first, _)| first)
}

/// Almost everything is off unless it is switched on.
fn asks_when_off(directive: &Directive) -> bool {
    directive.path == "jetstream.strict"
}

const OF_AUTHORIZATION: &[&str] = &[
    "user",
    "username",
    "password",
    "pass",
    "token",
    "timeout",
    "users",
    "default_permissions",
    "default_permission",
    "permissions",
    "auth_callout",
    "auth_hook",
];

/// But for users and streams, which have more to them.
const OF_ACCOUNT: &[&str] = &[
    "",
    "users",
    "default_permissions",
    "jetstream",
    "mappings",
    "maps",
    "exports",
    "exports.stream",
    "exports.service",
    "exports.accounts",
    "exports.response_type",
    "exports.response",
    "exports.response_threshold",
    "exports.threshold",
    "exports.account_token_position",
    "imports",
    "imports.stream",
    "imports.stream.account",
    "imports.stream.subject",
    "imports.service",
    "imports.service.account",
    "imports.service.subject",
    "imports.prefix",
    "imports.to",
    "imports.share",
    "limits",
    "limits.max_connections",
    "limits.max_conn",
    "limits.max_subscriptions",
    "limits.max_subs",
    "limits.max_payload",
    "limits.max_pay",
    // There are no leaf nodes to be bounded.
    "limits.max_leafnodes",
    "limits.max_leafs",
];

const OF_USER: &[&str] = &[
    "user",
    "username",
    "password",
    "pass",
    "nkey",
    "permissions",
    "permission",
    "authorization",
    "allowed_connection_types",
    "connection_types",
    "clients",
];

/// Blocks whose directives are all carried out.
const PERMISSIONS: &[&str] =
    &["permissions", "permission", "authorization", "default_permissions", "default_permission"];

/// Under all their names.
const CARRIED_OUT: &[&str] = &[
    "listen",
    "host",
    "net",
    "port",
    "server_name",
    "http",
    "http_port",
    "monitor_port",
    "max_control_line",
    "max_payload",
    "max_pending",
    "max_connections",
    "max_conn",
    "max_subscriptions",
    "max_subs",
    "ping_interval",
    "ping_max",
    "write_deadline",
    "lame_duck_duration",
    "lame_duck_grace_period",
    "debug",
    "trace",
    "trace_verbose",
    "max_traced_msg_len",
    "syslog",
    "remote_syslog",
    "logtime",
    "logtime_utc",
    "log_file",
    "logfile",
    "pid_file",
    "pidfile",
    "ports_file_dir",
    "store_dir",
    "storedir",
    // Hints about how, not what: a cache that clients cannot see, and failures of links that are refused by themselves.
    "disable_sublist_cache",
    "no_sublist_cache",
    "connect_error_reports",
    "reconnect_error_reports",
    "authorization",
    "accounts",
    "no_auth_user",
    "system_account",
    "system",
    "mappings",
    "maps",
    "operator",
    "operators",
    "root",
    "roots",
    "root_operator",
    "root_operators",
    "trusted_keys",
    "trusted",
    "resolver",
    "account_resolver",
    "accounts_resolver",
    "resolver_preload",
    "resolver_pinned_accounts",
    "default_sentinel",
    "jetstream",
    "jetstream.store_dir",
    "jetstream.storedir",
    "jetstream.store",
    "jetstream.max_mem",
    "jetstream.max_mem_store",
    "jetstream.max_memory_store",
    "jetstream.max_file",
    "jetstream.max_file_store",
    "jetstream.domain",
    "jetstream.enabled",
    "jetstream.enable",
    "jetstream.sync",
    "jetstream.sync_interval",
    "jetstream.strict",
    "https",
    "https_port",
    "allow_non_tls",
    "tls",
    "tls.cert_file",
    "tls.key_file",
    "tls.ca_file",
    "tls.certs",
    "tls.certificates",
    "tls.verify",
    "tls.verify_and_map",
    "tls.insecure",
    "tls.timeout",
    "tls.handshake_first",
    "tls.first",
    "tls.immediate",
    "tls.min_version",
    "tls.cipher_suites",
    "tls.curve_preferences",
    "tls.pinned_certs",
    "tls.connection_rate_limit",
    "websocket",
    "ws",
    "websocket.listen",
    "websocket.host",
    "websocket.net",
    "websocket.port",
    "websocket.tls",
    "websocket.no_tls",
    "websocket.same_origin",
    "websocket.allowed_origins",
    "websocket.allowed_origin",
    "websocket.allow_origins",
    "websocket.allow_origin",
    "websocket.origins",
    "websocket.origin",
    "websocket.compression",
    "websocket.handshake_timeout",
    "websocket.jwt_cookie",
    "websocket.user_cookie",
    "websocket.pass_cookie",
    "websocket.token_cookie",
    "websocket.headers",
    "leafnodes",
    "leaf",
    "leafnodes.listen",
    "leafnodes.host",
    "leafnodes.net",
    "leafnodes.port",
    "cluster",
    "cluster.name",
    "cluster.listen",
    "cluster.host",
    "cluster.net",
    "cluster.port",
];

#[cfg(test)]
mod tests {
    use embus_conf::Nowhere;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = unsupported(&Config::parse("c.conf", text, &Nowhere).unwrap());
        assert_eq!(found.iter().map(|directive| directive.path.as_str()).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn what_is_not_done_is_named_once() {
        check("port: 1\njetstream { max_mem: 5, strict: true }\ndebug: on", &[]);
        check(
            "ws { port: -1, no_tls: true, headers { X-A: b } }\nhost: a\ntls { certs: [{cert_file: a, key_file: b}] }",
            &[],
        );
        check(
            "websocket { port: 1, tls { cert_file: a, key_file: b }, ping_interval: 5 }",
            &["websocket.ping_interval"],
        );
        check("leaf { listen: 'a:1', remotes: [] }\ncluster { name: c, port: 1, routes: [] }", &[]);
        check("cluster { port: 1, routes: ['nats://a:1'] }", &["cluster.routes"]);
        check("leafnodes { port: 1, tls { cert_file: a, key_file: b } }", &["leafnodes.tls"]);
        check(
            "accounts { A { jetstream { max_mem: 1M, cluster_traffic: owner } } }",
            &["accounts.A.jetstream.cluster_traffic"],
        );
        check("accounts { $SYS { users [{user: a, password: b}] } }\nno_system_account: true", &["no_system_account"]);
        check("authorization { timeout: 2, proxy_required: yes }", &["authorization.proxy_required"]);
        check(
            "authorization { users [{user: a, password: b, proxy_required: yes}] }",
            &["authorization.users[0].proxy_required"],
        );
        check("jetstream { max_mem: 5, limits { max_ack_pending: 5 } }", &["jetstream.limits"]);
        check("operator: f\nresolver: MEMORY\nresolver_pinned_accounts: []", &[]);
        check("operator: f\nresolver: URL(http://a/b)", &["resolver"]);
        check("operator: f\nresolver { type: full, dir: d }", &["resolver"]);
        check("mqtt { port: 1 }\nleafnodes { remotes [{url: 'nats-leaf://a'}] }", &["mqtt", "leafnodes.remotes"]);
    }

    #[test]
    fn logins_are_done() {
        check(
            "authorization { users [{user: a, password: b, permissions {publish {allow: x, deny: y}, allow_responses {max: 5}}}] }",
            &[],
        );
        check("authorization { token: t, timeout: 1 }", &[]);
        check(
            "accounts { A { users [{user: a, pass: b, permission {sub: x}}], default_permissions {pub: x} } }\nno_auth_user: a",
            &[],
        );
        check("accounts: [A, B]", &[]);
        check(
            "accounts { A { exports [{stream: 'a.>', accounts: [B]}, {service: s, response: stream, threshold: 1s}], limits {max_conn: 5}, maps { 'x.*': [{dest: 'y.$1', weight: 30%}] } }, B { imports [{stream: {account: A, subject: 'a.b'}, prefix: p}] } }\nmappings { a: b }",
            &[],
        );
        check("accounts { A { exports [{service: s, latency: l}] } }", &["accounts.A.exports[0].latency"]);
        check("accounts { A { exports [{service: s, allow_trace: true}] } }", &["accounts.A.exports[0].allow_trace"]);
    }

    #[test]
    fn the_table_says_what_is_carried_out() {
        let table = include_str!("../../conf/DIRECTIVES.md");
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")).filter(|line| line.contains(" | yes |"));
        let names =
            rows.flat_map(|row| row.split(" | ").next().unwrap().split(['`', ' ']).filter(|name| !name.is_empty()));
        let (mut told, mut done) = (names.collect::<Vec<_>>(), CARRIED_OUT.to_vec());
        told.sort_unstable();
        done.sort_unstable();
        assert_eq!(told, done);
    }

    #[test]
    fn what_is_off_asks_for_nothing() {
        check("trace: false\nsyslog: no", &[]);
        check("jetstream { strict: off }", &["jetstream.strict"]);
    }
}
