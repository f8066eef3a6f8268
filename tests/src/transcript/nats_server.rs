//! The reference server as a target: the binary that the environment variable `NATS_SERVER` names.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, Command},
    time::timeout,
};

use super::{
    connection::{DEADLINE, Stream},
    options::Options,
    target::{Server, Target},
};

/// Starts one `nats-server` process per scene.
#[derive(Debug)]
pub struct NatsServer {
    binary: PathBuf,
}

impl NatsServer {
    /// The binary that `NATS_SERVER` names; `None` when the variable is not set.
    pub fn from_env() -> Option<Self> {
        env::var_os("NATS_SERVER").map(|binary| Self { binary: binary.into() })
    }
}

impl Target for NatsServer {
    type Server = Process;

    fn kind(&self) -> &'static str {
        "nats"
    }

    async fn start(&self, options: &Options) -> io::Result<Process> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("nats.conf");
        std::fs::write(&config, configuration(options, folder.path()))?;
        let mut child = Command::new(&self.binary)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.binary.display())))?;
        let stderr = child.stderr.take().ok_or_else(|| io::Error::other("no stderr"))?;
        let mut log = BufReader::new(stderr).lines();
        let address = timeout(DEADLINE, read_address(&mut log)).await??;
        Ok(Process { binary: self.binary.clone(), child, address, _folder: folder, _log: log })
    }
}

/// A running `nats-server`; killed when dropped.
#[derive(Debug)]
pub struct Process {
    binary: PathBuf,
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
    /// Kept open: the server would stop on a broken pipe.
    _log: Lines<BufReader<ChildStderr>>,
}

impl Server for Process {
    async fn connect(&self) -> io::Result<Stream> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }

    async fn lame_duck(&mut self) -> io::Result<()> {
        self.signal("ldm").await
    }

    async fn stop(&mut self) -> io::Result<()> {
        self.signal("stop").await
    }
}

impl Process {
    async fn signal(&self, name: &str) -> io::Result<()> {
        let id = self.child.id().ok_or_else(|| io::Error::other("the server has ended"))?;
        let status = Command::new(&self.binary).arg("--signal").arg(format!("{name}={id}")).status().await?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("signal {name}: {status}"))) }
    }
}

/// The configuration file for these options; port -1 lets the system choose a port.
fn configuration(options: &Options, folder: &Path) -> String {
    let mut file = String::from("listen: \"127.0.0.1:-1\"\n");
    let numbers = [
        ("max_payload", options.max_payload),
        ("max_control_line", options.max_control_line),
        ("max_connections", options.max_connections),
        ("max_subscriptions", options.max_subscriptions),
        ("ping_max", options.ping_max.map(|count| count as usize)),
    ];
    for (name, value) in numbers {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = writeln!(file, "{name}: {value}");
        }
    }
    if let Some(interval) = options.ping_interval {
        let _ = writeln!(file, "ping_interval: \"{}ms\"", interval.as_millis());
    }
    if options.jetstream {
        file.push_str(&jetstream(options, folder));
    }
    logins(options, &mut file);
    file
}

/// Users within accounts stand in the blocks of these, all others in that of the global one.
fn logins(options: &Options, file: &mut String) {
    let mut accounts = BTreeMap::<&str, Vec<Value>>::new();
    for user in &options.users {
        let mut fields = user.clone();
        fields.as_object_mut().and_then(|fields| fields.remove("account"));
        accounts.entry(user["account"].as_str().unwrap_or_default()).or_default().push(fields);
    }
    let global = accounts.remove("").map(|users| format!("users: {}", Value::Array(users)));
    let token = options.token.as_ref().map(|token| format!("token: {}", Value::String(token.clone())));
    let timeout = options.login_timeout.map(|timeout| format!("timeout: {}", timeout.as_secs_f64()));
    let callout = options.auth_callout.as_ref().map(|callout| format!("auth_callout: {callout}"));
    let lines: Vec<_> = [global, token, timeout, callout].into_iter().flatten().collect();
    if !lines.is_empty() {
        let _ = writeln!(file, "authorization {{\n{}\n}}", lines.join("\n"));
    }
    for account in &options.accounts {
        accounts.entry(account["name"].as_str().unwrap_or_default()).or_default();
    }
    let blocks = accounts.into_iter().map(|(name, users)| {
        let fields = options.accounts.iter().filter(|account| account["name"] == name);
        let fields = fields.filter_map(Value::as_object).flatten().filter(|(field, _)| *field != "name");
        let fields: Vec<_> = fields.map(|(field, value)| format!("{field}: {value}")).collect();
        format!("{name} {{\n{}\nusers: {}\n}}\n", fields.join("\n"), Value::Array(users))
    });
    let blocks: String = blocks.collect();
    if !blocks.is_empty() {
        let _ = writeln!(file, "accounts {{\n{blocks}}}");
    }
    if let Some(operator) = &options.operator {
        let preload = options.account_jwts.iter().map(|jwt| format!("{}: {jwt}\n", subject(jwt)));
        let preload = preload.collect::<String>();
        let _ = writeln!(file, "operator: {operator}\nresolver: MEMORY\nresolver_preload {{\n{preload}}}");
    }
    if let Some(name) = &options.system_account {
        let _ = writeln!(file, "system_account: {name}");
    }
    if let Some(user) = &options.no_auth_user {
        let _ = writeln!(file, "no_auth_user: {user}");
    }
}

/// The key that a JWT speaks of.
fn subject(jwt: &str) -> String {
    let claims = jwt.split('.').nth(1).and_then(|claims| BASE64URL_NOPAD.decode(claims.as_bytes()).ok());
    let claims: Value = claims.and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or_default();
    claims["sub"].as_str().unwrap_or_default().to_owned()
}

fn jetstream(options: &Options, folder: &Path) -> String {
    let mut block = format!("jetstream {{\nstore_dir: \"{}\"\n", folder.display());
    for (name, value) in [("max_memory_store", options.max_memory_store), ("max_file_store", options.max_file_store)] {
        if let Some(bytes) = value {
            let _ = writeln!(block, "{name}: {bytes}");
        }
    }
    if let Some(domain) = &options.domain {
        let _ = writeln!(block, "domain: {domain}");
    }
    block.push_str("}\n");
    block
}

/// Reads the log up to the line that says the server is ready, and returns the address that an earlier line named.
async fn read_address(log: &mut Lines<BufReader<ChildStderr>>) -> io::Result<SocketAddr> {
    let mut address = None;
    let mut last = String::new();
    while let Some(line) = log.next_line().await? {
        if let Some((_, found)) = line.split_once("Listening for client connections on ") {
            address = found.trim().parse().ok();
        }
        if line.ends_with("Server is ready") {
            break;
        }
        last = line;
    }
    address.ok_or_else(|| io::Error::other(format!("the server did not start: {last}")))
}
