//! The configuration file is read again: by signal, by the executable as a tool, and by a request.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
};

use rustix::process::Signal;

use crate::server::{Client, DEADLINE, Server, address_in, output, wait_for_file};

/// A server with a file of its own, which can be written anew.
struct Configured {
    directory: tempfile::TempDir,
    server: Server,
    address: SocketAddr,
}

const LISTEN: &str = "listen: '127.0.0.1:-1'\n";

impl Configured {
    fn start(text: &str) -> Self {
        Self::start_with(text, &[])
    }

    fn start_with(text: &str, words: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("c.conf");
        fs::write(&path, format!("{LISTEN}{text}")).expect("a file");
        let server = Server::start(&[&["-c", path.to_str().expect("a path in UTF-8")], words].concat());
        let address = address_in(&server.wait_for("Listening for client connections on"));
        server.wait_for("Server is ready");
        Self { directory, server, address }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, text: &str) {
        fs::write(self.path("c.conf"), format!("{LISTEN}{text}")).expect("a file");
    }

    /// Writes the file and sends the signal.
    fn reload(&self, text: &str) {
        self.write(text);
        self.server.signal(Signal::HUP);
    }

    #[track_caller]
    fn client(&self, user: &str, password: &str) -> Client {
        let (mut client, _) = Client::connect(self.address);
        client.send(&format!("CONNECT {{\"verbose\":false,\"user\":\"{user}\",\"pass\":\"{password}\"}}\r\nPING\r\n"));
        client.wait_for("PONG");
        client
    }
}

/// The harness of nats.js counts on it: the rights of a live connection change. [drop-in §1b: mrequest]
#[test]
fn rights_of_live_connections_change() {
    let with = |permissions: &str| {
        format!("authorization {{ users [\n {{ user: a, password: pw, permissions {{ {permissions} }} }} ] }}\n")
    };
    let configured = Configured::start(&with("publish: none"));
    let mut client = configured.client("a", "pw");
    client.send("PUB x 0\r\n\r\n");
    client.wait_for("-ERR 'Permissions Violation for Publish to \"x\"'");
    configured.reload(&with("publish: x"));
    configured.server.wait_for("[INF] Reloaded: authorization users");
    let line = configured.server.wait_for("[INF] Reloaded server configuration (sha256:");
    client.send("SUB x 1\r\nPUB x 2\r\nhi\r\n");
    client.wait_for("MSG x 1 2");
    let digest = line.rsplit(['(', ')']).nth(1).expect("a digest").to_owned();
    let (_, _, checked) = output(&["-t", "-c", configured.path("c.conf").to_str().expect("UTF-8")]);
    assert!(checked.contains(&digest), "{digest} in {checked}");
}

#[test]
fn the_tool_sends_the_signal() {
    let configured = Configured::start("max_payload: 1kb\n");
    configured.write("max_payload: 2kb\ndebug: on\n");
    assert_eq!(output(&["--signal", &format!("reload={}", configured.server.pid())]).0, 0);
    configured.server.wait_for("[INF] Reloaded: debug = true");
    configured.server.wait_for("[INF] Reloaded: max_payload = 2048");
    let (_, info) = Client::connect(configured.address);
    assert!(info.contains("\"max_payload\":2048"), "{info}");
    configured.server.wait_for("[DBG]");
}

#[test]
fn a_file_with_a_fault_changes_nothing() {
    let configured = Configured::start("max_payload: 1kb\n");
    let refused = |text: &str, part: &str| {
        configured.reload(text);
        let line = configured.server.wait_for("[ERR] Failed to reload server configuration: ");
        assert!(line.contains(part), "{line}");
        let (_, info) = Client::connect(configured.address);
        assert!(info.contains("\"max_payload\":1024"), "{info}");
    };
    refused("max_payload: 2kb\nfoo: 1\n", "c.conf:3:1: unknown field \"foo\"");
    refused("max_payload: 2kb\nhost: \"x", "Parse error on line 3");
    refused("max_payload: 2kb\nserver_name: other\n", "config reload not supported for server_name");
    refused("max_payload: 2kb\nhttp: '127.0.0.1:-1'\n", "config reload not supported for http");
    refused("max_payload: 2kb\njetstream: enabled\n", "config reload not supported for");
    refused("max_payload: 2kb\nports_file_dir: '/tmp'\n", "config reload not supported for ports_file_dir");
    refused("max_payload: 2kb\nauthorization { users [{user: a, password: b }, {user: a, password: c }] }\n", "a");
    refused("max_payload: 2kb\nlog_file: '/none/log'\n", "/none/log");
    refused("max_payload: 2kb\npid_file: '/none/pid'\n", "/none/pid");
    refused("max_payload: 2kb\nmqtt { port: 1 }\n", "not supported yet: mqtt");
}

#[test]
fn without_a_file_there_is_nothing_to_read() {
    let server = Server::ready(&[]);
    server.signal(Signal::HUP);
    server.wait_for("[ERR] Failed to reload server configuration: can only reload config when a file is provided");
    server.signal(Signal::INT);
    assert!(server.wait_exit().0.success());
}

#[test]
fn the_log_goes_elsewhere() {
    let configured = Configured::start("");
    let (log, pid) = (configured.path("log"), configured.path("pid"));
    configured.reload(&format!("log_file: '{}'\nlogtime: off\npid_file: '{}'\n", log.display(), pid.display()));
    let number = configured.server.pid();
    wait_for_file(&log, &format!("[{number}] [INF] Reloaded: logtime = false\n"));
    wait_for_file(&log, &format!("[{number}] [INF] Reloaded: pid_file = {}\n", pid.display()));
    assert_eq!(fs::read_to_string(&pid).unwrap(), number.to_string());
    configured.reload("");
    configured.server.wait_for("[INF] Reloaded: log_file = ");
}

/// Flags go before the file at the start, and so they do later.
#[test]
fn flags_still_go_before_the_file() {
    let configured = Configured::start_with("", &["-n", "flag", "--user", "u", "--pass", "p"]);
    let mut client = configured.client("u", "p");
    configured.reload("server_name: other\nauthorization { user: x, password: y }\nmax_payload: 5\n");
    configured.server.wait_for("[INF] Reloaded: max_payload = 5");
    client.send("PING\r\n");
    client.wait_for("PONG");
}

#[test]
fn new_certificates_are_taken() {
    let certificate = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().to_str().unwrap();
    let write = |name: &str| {
        let made = certificate(name);
        fs::write(directory.path().join("own.pem"), made.cert.pem()).unwrap();
        fs::write(directory.path().join("own.key"), made.signing_key.serialize_pem()).unwrap();
    };
    write("first.example");
    let text = format!("tls {{ cert_file: '{own}/own.pem', key_file: '{own}/own.key', handshake_first: true }}\n");
    let configured = Configured::start(&text);
    write("second.example");
    configured.server.signal(Signal::HUP);
    configured.server.wait_for("[INF] Reloaded: tls = enabled");
    assert!(shown(configured.address).windows(14).any(|part| part == b"second.example"));
    fs::write(directory.path().join("own.key"), "nothing").unwrap();
    configured.server.signal(Signal::HUP);
    let line = configured.server.wait_for("[ERR] Failed to reload server configuration: ");
    assert!(line.contains("own.key"), "{line}");
    assert!(shown(configured.address).windows(14).any(|part| part == b"second.example"));
}

/// What a listener shows of itself in a handshake of TLS 1.2, in which certificates are in the clear.
fn shown(address: SocketAddr) -> Vec<u8> {
    // ClientHello: TLS 1.2, ECDHE with AES-128-GCM, X25519 and P-256, ECDSA and RSA signatures.
    let mut extensions: Vec<u8> = Vec::new();
    extensions.extend(b"\x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17");
    extensions.extend(b"\x00\x0b\x00\x02\x01\x00");
    extensions.extend(b"\x00\x0d\x00\x0a\x00\x08\x04\x03\x08\x04\x04\x01\x05\x03");
    extensions.extend(b"\x00\x17\x00\x00");
    let mut hello: Vec<u8> = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend(b"\x00\x00\x04\xc0\x2b\xc0\x2f\x01\x00");
    hello.extend(u16::try_from(extensions.len()).expect("short").to_be_bytes());
    hello.extend(extensions);
    let mut record: Vec<u8> = vec![22, 3, 1];
    record.extend(u16::try_from(hello.len() + 4).expect("short").to_be_bytes());
    record.extend([1, 0]);
    record.extend(u16::try_from(hello.len()).expect("short").to_be_bytes());
    record.extend(hello);
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("the time is not 0");
    stream.write_all(&record).expect("the server reads");
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    // Its first flight ends with ServerHelloDone.
    while !answer.windows(4).any(|end| end == b"\x0e\x00\x00\x00") {
        let read = stream.read(&mut part).expect("the server answers");
        assert!(read > 0, "closed after {answer:?}");
        answer.extend(&part[..read]);
    }
    answer
}

/// [reference §1.13: `$SYS.REQ.SERVER.<id>.RELOAD`]
#[test]
fn the_system_account_may_ask_for_it() {
    let with = |more: &str| {
        format!("accounts {{ SYS {{ users [ {{ user: s, password: pw }} ] }} }}\nsystem_account: SYS\n{more}")
    };
    let configured = Configured::start(&with(""));
    let (_, info) = Client::connect(configured.address);
    let id = info.split("\"server_id\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
    let mut client = configured.client("s", "pw");
    configured.write(&with("max_payload: 5kb\n"));
    let request = format!("SUB in 1\r\nPUB $SYS.REQ.SERVER.{id}.RELOAD in 0\r\n\r\n");
    client.send(&request);
    client.wait_for("MSG in 1 ");
    let answer = client.line();
    assert!(answer.contains("\"server\":") && !answer.contains("error"), "{answer}");
    configured.server.wait_for("[INF] Reloaded: max_payload = 5120");
    configured.write("foo: 1\n");
    client.send(&request[request.find("PUB").expect("a publish")..]);
    client.wait_for("MSG in 1 ");
    let answer = client.line();
    assert!(answer.contains("\"code\":500") && answer.contains("unknown field"), "{answer}");
}
