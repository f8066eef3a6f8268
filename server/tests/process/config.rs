//! The configuration file: followed, overridden, checked, refused.

use std::{fs, path::PathBuf};

use crate::server::{Client, Server, address_in, output, wait_for_file};

/// A file with this text in a directory of its own.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("c.conf");
    fs::write(&path, text).expect("a file");
    (directory, path)
}

#[track_caller]
fn check_refused(text: &str, parts: &[&str]) {
    let (_directory, path) = file(text);
    let path = path.to_str().expect("a path in UTF-8");
    for words in [&["-c", path][..], &["-t", "--config", path]] {
        let (code, stdout, stderr) = output(words);
        assert_eq!((code, stdout.as_str()), (1, ""), "{words:?}: {stderr}");
        for part in parts {
            assert!(stderr.contains(part), "{stderr}");
        }
    }
}

#[test]
fn a_file_is_carried_out() {
    let (directory, path) = file(
        "listen: '127.0.0.1:-1'\nhttp: '127.0.0.1:-1'\nserver_name = meter\ndebug: true\nmax_payload: 2kb\nmax_conn: 5\n\
         include more.conf\n",
    );
    let own = directory.path().to_str().unwrap();
    let more = format!(
        "pid_file: '{own}/pid'; ports_file_dir: '{own}'\njetstream {{ store_dir: '{own}/js', max_mem: 1Mb }}\n"
    );
    fs::write(directory.path().join("more.conf"), more).unwrap();
    let server = Server::start(&["-c", path.to_str().unwrap()]);
    let line = server.wait_for("Using configuration file: ");
    assert!(line.contains("c.conf (sha256:"), "{line}");
    server.wait_for(&format!("Store Directory: \"{own}/js/embus\""));
    server.wait_for("Starting http monitor on 127.0.0.1:");
    let address = address_in(&server.wait_for("Listening for client connections on 127.0.0.1:"));
    server.wait_for("Server is ready");
    let (_client, info) = Client::connect(address);
    for part in ["\"server_name\":\"meter\"", "\"max_payload\":2048", "\"jetstream\":true"] {
        assert!(info.contains(part), "{info}");
    }
    wait_for_file(&directory.path().join("pid"), &server.pid().to_string());
    wait_for_file(&directory.path().join(format!("embus_{}.ports", server.pid())), "monitoring");
}

#[test]
fn flags_go_before_the_file() {
    let (_directory, path) = file("listen: 'localhost:4222'\nserver_name: file");
    let server = Server::start(&["-c", path.to_str().unwrap(), "-p", "-1", "-n", "flag"]);
    server.wait_for("Name:     flag");
    let line = server.wait_for("Listening for client connections on localhost:");
    assert!(!line.ends_with(":4222"), "{line}");
}

#[test]
fn a_file_can_be_checked_only() {
    let (_directory, path) = file("port: 4222");
    let path = path.to_str().unwrap();
    let (code, stdout, stderr) = output(&["-t", "-c", path]);
    let digest = "sha256:797533ebd0dfba7d34a0f9337ecf147e442871f48ddfd07ed751575a5737267e";
    let expected = format!("embus: configuration file {path} is valid ({digest})\n");
    assert_eq!((code, stdout.as_str(), stderr), (0, "", expected));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    check_refused("port: 4222\nhost: \"x\n", &["embus: Parse error on line 2: ", "c.conf:2:7"]);
    check_refused("port: x\nfoo: 1", &["c.conf:1:7: port must be an integer", "c.conf:2:1: unknown field \"foo\""]);
    let (code, _, stderr) = output(&["-c", "/nonexistent.conf"]);
    assert!(code == 1 && stderr.contains("/nonexistent.conf"), "{stderr}");
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let text = "websocket { port: -1, no_tls: true, ping_interval: 2 }\nmqtt { port: 1 }\nleafnodes { remotes: ['nats-leaf://a'] }";
    let parts = [
        "c.conf:1:37: not supported yet: websocket.ping_interval\n",
        "not supported yet: mqtt\n",
        "not supported yet: leafnodes.remotes\n",
    ];
    check_refused(text, &parts);
}

#[test]
fn what_the_broker_refuses_is_fatal() {
    let (_directory, path) = file("listen: '127.0.0.1:-1'\nping_max: 0");
    let (code, _, stderr) = output(&["-c", path.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(stderr.contains("[FTL] Can't start: "), "{stderr}");
}

#[test]
fn users_of_the_file_have_to_log_in() {
    let (_directory, path) =
        file("listen: '127.0.0.1:-1'\nauthorization { users [ {user: a, password: b, permissions {publish: 'x'}} ] }");
    let server = Server::start(&["-c", path.to_str().unwrap()]);
    let address = address_in(&server.wait_for("Listening for client connections on 127.0.0.1:"));
    let (mut client, info) = Client::connect(address);
    assert!(info.contains("\"auth_required\":true"), "{info}");
    client.send("CONNECT {\"user\":\"a\",\"pass\":\"wrong\"}\r\nPING\r\n");
    client.wait_for("-ERR 'Authorization Violation'");
    let (mut client, _) = Client::connect(address);
    client.send("CONNECT {\"user\":\"a\",\"pass\":\"b\",\"verbose\":false}\r\nPUB y 0\r\n\r\nPING\r\n");
    client.wait_for("-ERR 'Permissions Violation for Publish to \"y\"'");
    client.wait_for("PONG");
}

#[test]
fn a_token_on_the_command_line_has_to_be_known() {
    let server = Server::start(&["-a", "127.0.0.1", "-p", "-1", "--auth", "s3cret"]);
    let address = address_in(&server.wait_for("Listening for client connections on 127.0.0.1:"));
    let (mut client, _) = Client::connect(address);
    client.send("CONNECT {\"auth_token\":\"s3cret\",\"verbose\":false}\r\nPING\r\n");
    client.wait_for("PONG");
    let (mut stranger, _) = Client::connect(address);
    stranger.send("CONNECT {\"verbose\":false}\r\nPING\r\n");
    stranger.wait_for("-ERR 'Authorization Violation'");
}

#[test]
fn a_user_without_a_password_is_fatal() {
    let (_directory, path) = file("listen: '127.0.0.1:-1'\nauthorization { users [{user: a}] }");
    let (code, _, stderr) = output(&["-c", path.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(stderr.contains("[FTL] Can't start: authorization: user \"a\" has no password"), "{stderr}");
}

/// Accounts with streams, what they share, and one that goes away.
#[test]
fn accounts_of_the_file_are_kept_apart() {
    let accounts = "accounts {\n\
        A { jetstream: enabled, users [{user: a, password: x}], exports [{service: 'svc.*'}, {stream: 'out.>'}] }\n\
        B { jetstream { max_streams: 5 }, users [{user: b, password: x}], limits { max_subs: 50 }\n\
            imports [{service: {account: A, subject: 'svc.*'}, to: 'ask.*'}, {stream: {account: A, subject: 'out.>'}, prefix: a}] }\n\
        C { users [{user: c, password: x}], mappings { old: new } }\n}";
    let (directory, path) = file("");
    let write = |accounts: &str| {
        let own = directory.path().to_str().unwrap();
        let text = format!("listen: '127.0.0.1:-1'\njetstream {{ store_dir: '{own}/js' }}\n{accounts}");
        fs::write(&path, text).unwrap();
    };
    let start = || {
        let server = Server::start(&["-c", path.to_str().unwrap()]);
        let address = address_in(&server.wait_for("Listening for client connections on"));
        (server, address)
    };
    let client = |address, user: &str| {
        let (mut client, _) = Client::connect(address);
        client.send(&format!(
            "CONNECT {{\"user\":\"{user}\",\"pass\":\"x\",\"verbose\":false,\"headers\":true}}\r\nPING\r\n"
        ));
        client.wait_for("PONG");
        client
    };
    write(accounts);
    let (server, address) = start();
    let [mut a, mut b, mut c] = ["a", "b", "c"].map(|user| client(address, user));
    for one in [&mut a, &mut b] {
        one.send("SUB r 1\r\nPUB $JS.API.STREAM.CREATE.S r 29\r\n{\"name\":\"S\",\"subjects\":[\"s\"]}\r\n");
        one.wait_for("stream_create_response");
    }
    c.send("SUB r 1\r\nSUB new 2\r\nPUB old 0\r\n\r\nPUB $JS.API.INFO r 0\r\n\r\n");
    c.wait_for("MSG new 2 0");
    c.wait_for("JetStream not enabled for account");
    a.send("SUB svc.me 2\r\nPING\r\n");
    a.wait_for("PONG");
    b.send("SUB a.out.x 3\r\nPUB ask.me r 0\r\n\r\nPING\r\n");
    b.wait_for("PONG");
    let request = a.wait_for("HMSG svc.me 2 _R_.");
    let reply = request.split(' ').nth(3).expect("it has a reply").to_owned();
    a.send(&format!("PUB {reply} 2\r\nhi\r\nPUB out.x 2\r\nyo\r\n"));
    b.wait_for("MSG r 1 2");
    b.wait_for("MSG a.out.x 3 2");
    drop(server);

    // Without its account, a stream stays where it is, and comes back with it.
    write("accounts { B { jetstream: enabled, users [{user: b, password: x}] } }");
    let server = Server::start(&["-c", path.to_str().unwrap()]);
    server.wait_for("streams on the disk are not served");
    server.wait_for("Server is ready");
    drop(server);
    write(accounts);
    let (_server, address) = start();
    let mut a = client(address, "a");
    a.send("SUB r 1\r\nPUB $JS.API.STREAM.INFO.S r 0\r\n\r\n");
    assert!(a.wait_for("stream_info_response").contains("\"subjects\":[\"s\"]"));
}
