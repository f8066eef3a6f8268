use std::time::Duration;

use super::*;
use crate::Nowhere;

#[track_caller]
fn read(text: &str) -> Config {
    Config::parse("c.conf", text, &Nowhere).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

#[track_caller]
fn faults(text: &str) -> Vec<String> {
    match Config::parse("c.conf", text, &Nowhere) {
        Err(ConfigError::Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("{text}\n{other:?}"),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what it is compared with is optional")]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn all_faults_are_told_at_once() {
    let found = faults("port: a\nhost: 5\nfoo: 1\njetstream { max_mem: true, bar: 2 }\nno_auth_user: x");
    let expected = [
        "c.conf:1:7: port must be an integer, but is a string",
        "c.conf:2:7: host must be a string, but is an integer",
        "c.conf:3:1: unknown field \"foo\"",
        "c.conf:4:22: max_mem must be a size, but is a boolean",
        "c.conf:4:28: unknown field \"bar\"",
        "c.conf:5:1: no_auth_user: \"x\" not present as user or nkey in authorization block or account configuration",
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_programs_fill_is_checked_as_well() {
    let mut config = Config::default();
    assert_eq!(config.validate(), []);
    config.limits.max_payload = Some(100);
    config.limits.max_pending = Some(50);
    config.lame_duck.duration = Some(Duration::from_secs(1));
    let faults = config.validate();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults.iter().all(|fault| fault.position.is_none()));
}

#[test]
fn every_directive_is_known_by_its_place() {
    let config = read("host: a\njetstream {\n store_dir: x\n}\nauthorization { users [{user: a, password: b}] }");
    let given: Vec<_> = config.given.iter().map(|directive| directive.path.as_str()).collect();
    let users = ["authorization.users", "authorization.users[0].user", "authorization.users[0].password"];
    let expected = [&["host", "jetstream", "jetstream.store_dir", "authorization"][..], &users].concat();
    assert_eq!(given, expected);
    assert_eq!(config.given[2].position.to_string(), "c.conf:3:2");
}

#[test]
fn variables_are_no_directives() {
    let config = read("x: 5\nport: $x");
    assert_eq!(config.listen.port, Some(Port::Number(5)));
    assert_eq!(config.given.len(), 1);
}

#[test]
fn what_embus_does_not_have_is_named() {
    let refused = |text| read(text).refused.into_iter().map(|directive| directive.path).collect::<Vec<_>>();
    assert_eq!(refused("gateway { name: A }\nmqtt { port: 1 }\nocsp: true"), ["gateway", "mqtt", "ocsp"]);
    assert_eq!(refused("leafnodes { remotes: [{url: 'nats-leaf://a'}] }"), ["leafnodes.remotes"]);
    assert_eq!(refused("cluster { routes: ['nats://a:1'], pool_size: 3 }"), ["cluster.routes", "cluster.pool_size"]);
    assert_eq!(refused("tls { ocsp_peer: true, cert_store: x }"), ["tls.ocsp_peer", "tls.cert_store"]);
    assert_eq!(refused("jetstream { tpm {} }\nprof_port: 1"), ["jetstream.tpm", "prof_port"]);
    assert!(refused("proxies: false\nleafnodes { remotes: [], compression: off }\nocsp: no").is_empty());
}

#[test]
fn addresses() {
    let config = read("listen: 'a:1'\nhttp: 8222\nclient_advertise: b\nproxy_protocol: yes");
    let listen = Listen { host: text("a"), port: Some(Port::Number(1)), advertise: text("b"), proxy_protocol: true };
    assert_eq!(config.listen, listen);
    assert_eq!(config.monitor, Monitor { http_port: Some(Port::Number(8222)), ..Monitor::default() });
    let config = read("net: a\nport: -1\nhttp: 'b:-1'\nhttp_base_path: /x");
    assert_eq!((config.listen.host, config.listen.port), (text("a"), Some(Port::Any)));
    let monitor = Monitor { host: text("b"), http_port: Some(Port::Any), base_path: text("/x"), https_port: None };
    assert_eq!(config.monitor, monitor);
    let config = read("host: a\nlisten: 5");
    assert_eq!((config.listen.host, config.listen.port), (text("a"), Some(Port::Number(5))));
}

#[test]
fn names_and_files() {
    let config = read("server_name: n\nserver_tags: 'a, b'\nserver_metadata {c: d}\npid_file: p\nports_file_dir: q");
    let identity =
        Identity { name: text("n"), tags: vec!["a".into(), "b".into()], metadata: vec![("c".into(), "d".into())] };
    assert_eq!(config.identity, identity);
    assert_eq!((config.pid_file, config.ports_file_dir), (Some("p".into()), Some("q".into())));
}

#[test]
fn logging() {
    let config = read(
        "debug: on\ntrace: on\ntrace_verbose: on\ntrace_headers: on\nlogtime: off\nlogtime_utc: on\nlogfile: l\n\
         logfile_size_limit: 1k\nlogfile_max_num: 2\nmax_traced_msg_len: 3\nconnect_error_reports: 4\n\
         reconnect_error_reports: 5\nsyslog: on\nremote_syslog: 'udp://h:1'",
    );
    let logging = Logging {
        debug: true,
        trace: true,
        trace_verbose: true,
        trace_headers: true,
        time: Some(false),
        utc: true,
        file: Some("l".into()),
        syslog: true,
        remote_syslog: Some("udp://h:1".into()),
        size_limit: 1000,
        max_files: 2,
        max_traced_message: 3,
        connect_error_reports: Some(4),
        reconnect_error_reports: Some(5),
    };
    assert_eq!(config.logging, logging);
}

#[test]
fn limits() {
    assert_eq!(read("max_connections: -1").limits.max_connections, Some(0));
    let config = read(
        "max_control_line: 1\nmax_payload: 2\nmax_pending: 3\nmax_conn: 4\nmax_subs: -1\nmax_sub_tokens: 5\n\
         max_closed_clients: 6\nping_interval: 7s\nping_max: 8\nwrite_deadline: 9\nwrite_timeout: retry\n\
         no_fast_producer_stall: on\nno_header_support: on\nno_sublist_cache: on",
    );
    let limits = Limits {
        max_control_line: Some(1),
        max_payload: Some(2),
        max_pending: Some(3),
        max_connections: Some(4),
        max_subscriptions: Some(Limit::Unlimited),
        max_subscription_tokens: Some(5),
        max_closed_clients: Some(6),
        ping_interval: Some(Duration::from_secs(7)),
        ping_max: Some(8),
        write_deadline: Some(Duration::from_secs(9)),
        write_timeout: WriteTimeout::Retry,
        no_fast_producer_stall: true,
        no_headers: true,
        no_match_cache: true,
    };
    assert_eq!(config.limits, limits);
}

#[test]
fn jetstream_is_switched_in_many_ways() {
    for on in ["true", "enabled", "{}", "{ enabled: true }", "yes"] {
        assert!(read(&format!("jetstream: {on}")).jetstream.is_some(), "{on}");
    }
    for off in ["false", "disabled"] {
        assert!(read(&format!("jetstream: {off}")).jetstream.is_none(), "{off}");
    }
    assert_eq!(read("jetstream { enabled: false }").jetstream.unwrap().enabled, Some(false));
    let jetstream =
        read("jetstream { store_dir: d, max_mem: 1K, max_file: '2G', domain: h, strict: off, sync: always }");
    let expected = JetStream {
        store_dir: Some("d".into()),
        max_memory_store: Some(Limit::AtMost(1000)),
        max_file_store: Some(Limit::AtMost(2 << 30)),
        domain: text("h"),
        strict: Some(false),
        sync: Some(Sync::Always),
        ..JetStream::default()
    };
    assert_eq!(jetstream.jetstream, Some(expected));
    let jetstream =
        read("jetstream { sync_interval: '2s', limits { max_ack_pending: 1, batch { max_msgs: 2 } } }").jetstream;
    let jetstream = jetstream.unwrap();
    assert_eq!(jetstream.sync, Some(Sync::Within(Duration::from_secs(2))));
    assert_eq!(
        (jetstream.limits.max_ack_pending, jetstream.limits.batch.max_messages),
        (Some(Limit::AtMost(1)), Some(2))
    );
}

#[test]
fn users_and_permissions() {
    let config = read(
        "authorization { timeout: 0.5, default_permission { publish: d }, users [\n\
         {user: a, pass: b, permissions {pub: 'x', sub: {allow: [y, 'z q'], deny: w}, allow_responses: true}}\n\
         {user: c, password: d, permission {allow_responses {max: 5, expires: '1m'}}, clients: [mqtt, In_Process]} ] }",
    );
    let authorization = config.authorization.unwrap();
    assert_eq!(authorization.timeout, Some(Duration::from_millis(500)));
    assert_eq!(authorization.default_permissions.unwrap().publish.allow, Some(vec!["d".into()]));
    let [a, c] = &authorization.users.unwrap()[..] else { panic!() };
    let permissions = a.permissions.as_ref().unwrap();
    assert_eq!((a.id(), a.password.as_deref()), (Some("a"), Some("b")));
    assert_eq!(permissions.publish.allow, Some(vec!["x".into()]));
    let subscribe = SubjectPermission { allow: Some(vec!["y".into(), "z q".into()]), deny: vec!["w".into()] };
    assert_eq!(permissions.subscribe, subscribe);
    assert_eq!(permissions.allow_responses, Some(ResponsePermission::default()));
    let responses = ResponsePermission { max_messages: 5, expires: Duration::from_secs(60) };
    assert_eq!(c.permissions.as_ref().unwrap().allow_responses, Some(responses));
    assert_eq!(c.connection_types, [ConnectionType::Mqtt, ConnectionType::InProcess]);
}

#[test]
fn secrets_do_not_show() {
    let config = read(
        "authorization { users [{user: a, password: hush}] }\nwebsocket { authorization {token: hush} }\n\
         jetstream { key: hush }",
    );
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn accounts() {
    let config = read(
        "accounts { A { users [{user: a, password: b}], jetstream {mem: 1, disk: '1K', streams: 2, max_bytes: on},\n\
         exports [{stream: 's.*', accounts: [B]}, {service: q, response: chunk, threshold: 1s, latency: {subject: l, sampling: headers}}],\n\
         mappings {m: [{dest: n, weight: 30%}]}, limits {max_conn: 1, max_pay: -1}, trace_dest: {dest: t, sampling: 5} }\n\
         B { imports [{stream: {account: A, subject: 's.*'}, to: 'x.$1'}, {service: {account: A, subject: q}, share: on}] } }",
    );
    let [(_, a), (_, b)] = &config.accounts[..] else { panic!() };
    let jetstream = a.jetstream.as_ref().unwrap();
    assert_eq!((jetstream.max_memory, jetstream.max_storage), (Some(Limit::AtMost(1)), Some(Limit::AtMost(1024))));
    assert!(jetstream.max_bytes_required);
    assert_eq!(a.exports[0].accounts, Some(vec!["B".into()]));
    assert_eq!(a.exports[1].response_type, Some(ResponseType::Chunked));
    assert_eq!(a.exports[1].latency, Some(Latency { subject: "l".into(), sampling: None }));
    let destination = Destination { subject: "n".into(), weight: Some(30), cluster: None };
    assert_eq!(a.mappings, [Mapping { source: "m".into(), destinations: vec![destination] }]);
    assert_eq!(a.limits.max_payload, Some(Limit::Unlimited));
    assert_eq!(a.trace, Some(AccountTrace { destination: "t".into(), sampling: 5 }));
    assert_eq!(b.imports[0].to, text("x.$1"));
    assert!(b.imports[1].share);
}

#[test]
fn circles_of_imports_are_found_through_others() {
    let account = |name: &str, from: &str| {
        format!("{name} {{ exports [{{stream: 'a.>'}}], imports [{{stream: {{account: {from}, subject: 'a.>'}}}}] }}\n")
    };
    let ring =
        |first: &str| format!("accounts {{ {} {} {} }}", account("A", first), account("B", "A"), account("C", "B"));
    let found = faults(&ring("C"));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].ends_with("Error adding stream import \"a.>\": import forms a cycle"), "{found:?}");
    let chain = "accounts { A { exports [{stream: a}] }\n B { imports [{stream: {account: A, subject: a}}] } }";
    assert_eq!(read(chain).accounts.len(), 2);
}

/// nats-server finds it or not, as it happens to look.
#[test]
fn an_import_is_renamed_in_one_way() {
    let found = faults(
        "accounts { A {exports: [{stream: a}]}\n B {imports: [{stream: {account: A, subject: a}, to: b, prefix: c}]} }",
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("both a prefix and a to"), "{found:?}");
}

#[test]
fn other_listeners() {
    let config = read(
        "websocket { listen: ':1', no_tls: on, origins: o, headers {A: b}, ping_interval: 1m }\n\
         leafnodes { port: -1, isolate: on, reconnect: 5 }\ncluster { name: c, listen: 'h:2' }",
    );
    let (websocket, leafnodes, cluster) =
        (config.websocket.unwrap(), config.leafnodes.unwrap(), config.cluster.unwrap());
    assert_eq!((websocket.port, websocket.allowed_origins), (Some(Port::Number(1)), vec!["o".to_owned()]));
    assert_eq!(websocket.headers, [("A".to_owned(), "b".to_owned())]);
    assert_eq!((leafnodes.port, leafnodes.reconnect), (Some(Port::Any), Some(Duration::from_secs(5))));
    assert_eq!((cluster.name, cluster.host, cluster.port), (text("c"), text("h"), Some(Port::Number(2))));
}

#[test]
fn tls() {
    let config =
        read("tls { cert_file: c, key_file: k, first: auto, min_version: '1.3', timeout: 2 }\nallow_non_tls: on");
    let tls = config.tls.unwrap();
    assert_eq!((tls.cert_file, tls.key_file), (Some("c".into()), Some("k".into())));
    assert_eq!(tls.handshake_first, HandshakeFirst::Within(Duration::from_millis(50)));
    assert_eq!((tls.min_version, tls.timeout), (Some(TlsVersion::V1_3), Some(Duration::from_secs(2))));
    assert!(config.allow_non_tls);
    assert_eq!(read("tls { handshake_first: on }").tls.unwrap().handshake_first, HandshakeFirst::Always);
}

#[test]
fn operators() {
    assert_eq!(read("resolver: Memory").operator.resolver, Some(Resolver::Memory));
    assert_eq!(read("resolver: URL(http://a/b)").operator.resolver, Some(Resolver::Url("http://a/b".into())));
    let config = read(
        "operator: [a, b]\nresolver {type: FULL, dir: d, ttl: 1h}\ndefault_sentinel: eyJ0eXAiOiAiSldUIiwgImFsZyI6ICJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiAiWCIsICJpYXQiOiAxNjAwMDAwMDAwLCAiaXNzIjogIkFDWVpBWVRHUUFGSTJLWDQ2SldFSDdIVFJaWjdXRUVRWUNaR0hGTEE1UVM3UTJUTjJKWElFS0FUIiwgInN1YiI6ICJVQlBPQ1pJV0Q1RERIUkFLQk9ONDNFUkJXRDVIT0lZR05JNUxGMjdBRFJPNFFTS1FJWkJUQVBBRCIsICJuYW1lIjogImFkYSIsICJuYXRzIjogeyJiZWFyZXJfdG9rZW4iOiB0cnVlLCAidHlwZSI6ICJ1c2VyIiwgInZlcnNpb24iOiAyfX0.QVYhyyPGdWD7EGb-EuMUFAwo9emgKT5ljOBLEVrGqcFUg_CDLmZXCnQhUuE1GZ7qGkAOsWk3YC3d-ZfApJz4AA\nresolver_pinned_accounts: [ACYZAYTGQAFI2KX46JWEH7HTRZZ7WEEQYCZGHFLA5QS7Q2TN2JXIEKAT]",
    );
    assert_eq!(config.operator.operators, ["a", "b"]);
    let Some(Resolver::Directory(resolver)) = config.operator.resolver else { panic!() };
    assert_eq!((resolver.kind.as_str(), resolver.ttl), ("FULL", Some(Duration::from_secs(3600))));
    assert_eq!(config.operator.pinned_accounts, ["ACYZAYTGQAFI2KX46JWEH7HTRZZ7WEEQYCZGHFLA5QS7Q2TN2JXIEKAT"]);
}
