//! Which directives this server carries out. Whatever else a file asks for is refused by name.

use embus_conf::{Config, Directive};

/// What the file asks for and this server cannot do. Of a block only the block is named, not what is in it.
pub(crate) fn unsupported(config: &Config) -> Vec<Directive> {
    let mut found: Vec<Directive> = Vec::new();
    for directive in &config.given {
        let is_done =
            if directive.is_off { !asks_when_off(directive) } else { CARRIED_OUT.contains(&directive.path.as_str()) };
        let is_part = found.last().is_some_and(|last| is_within(&directive.path, &last.path));
        if !is_part && !is_done {
            found.push(directive.clone());
        }
    }
    found
}

fn is_within(path: &str, block: &str) -> bool {
    path.strip_prefix(block).is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// Almost everything is off unless it is switched on.
fn asks_when_off(directive: &Directive) -> bool {
    directive.path == "jetstream.strict"
}

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
        check("websocket { port: -1, no_tls: true }\nhost: a\ntls {}", &["websocket", "tls"]);
        check("accounts { A { users [{user: a, password: b}] } }", &["accounts"]);
        check("jetstream { max_mem: 5, limits { max_ack_pending: 5 } }", &["jetstream.limits"]);
        check("mqtt { port: 1 }\nleafnodes { remotes [{url: 'nats-leaf://a'}] }", &["mqtt", "leafnodes"]);
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
        check("trace: false\nallow_non_tls: off\nsyslog: no", &[]);
        check("jetstream { strict: off }", &["jetstream.strict"]);
    }
}
