//! The system account's questions: the pages of the monitor as answers to requests, with what any account may ask about
//! itself. [reference §1.13]

use std::fmt;
use std::sync::Arc;

use embus_engine::Engine;
use embus_engine::connection::ClientId;
use embus_engine::jobs::Jobs;
use embus_engine::service::{Request, Service};
use embus_engine::worker::Worker;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::query::Query;
use super::reload::{ReloadRequest, ReloadRequests};
use super::{accountz, accstatz, connz, healthz, jsz, links, statsz, subsz, user_info, varz};
use crate::jobs::BlockingThreads;
use crate::tasks::Tasks;

/// Answers requests in the system account. What takes long is done away from the runtime's workers.
pub(super) struct Requests {
    jobs: Arc<Jobs>,
    reload: Option<ReloadRequests>,
}

/// Why there is no answer.
pub(super) enum Failed {
    /// The request is not meant for this server.
    Elsewhere,
    /// An error as the answer.
    Error { code: u16, description: String },
}

#[derive(Serialize)]
struct ErrorBlock<'a> {
    code: u16,
    description: &'a str,
}

/// Which servers are asked; those that are not meant say nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filter {
    server_name: String,
    cluster: String,
    host: String,
    domain: String,
    exact_match: bool,
    tags: Vec<String>,
}

/// What is asked of a server.
const OF_SERVER: [&str; 11] =
    ["IDZ", "VARZ", "CONNZ", "SUBSZ", "JSZ", "ACCOUNTZ", "HEALTHZ", "STATSZ", "ROUTEZ", "LEAFZ", "GATEWAYZ"];

/// What is asked of one server only.
const OF_ONE_SERVER: [&str; 2] = ["KICK", "LDM"];

/// What is asked of an account.
const OF_ACCOUNT: [&str; 7] = ["CONNZ", "SUBSZ", "JSZ", "LEAFZ", "INFO", "STATZ", "CONNS"];

/// Requests that are answered at once: what else blocks needs threads, too. As over HTTP.
const MAX_AT_ONCE: usize = 4;
/// Others that may wait. Everybody may ask about the own account.
const MAX_WAITING: usize = 256;
/// Bytes of one: a few options, and who asks.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// Answers from now on, in the system account and, to what is granted to all, in every account.
pub(super) fn start(engine: &Arc<Engine>, tasks: &Tasks, reload: Option<ReloadRequests>) {
    let id = engine.info().server_id;
    let mut filters = vec!["$SYS.REQ.SERVER.PING".to_owned(), "$SYS.REQ.USER.*.INFO".to_owned()];
    filters.extend(OF_SERVER.iter().map(|what| format!("$SYS.REQ.SERVER.PING.{what}")));
    filters.extend(OF_SERVER.iter().chain(&OF_ONE_SERVER).map(|what| format!("$SYS.REQ.SERVER.{id}.{what}")));
    filters.extend(OF_ACCOUNT.iter().map(|what| format!("$SYS.REQ.ACCOUNT.*.{what}")));
    filters.extend(reload.iter().map(|_| format!("$SYS.REQ.SERVER.{id}.RELOAD")));
    let filters: Vec<_> = filters.iter().map(String::as_str).collect();
    let jobs = Jobs::new(Arc::new(BlockingThreads::new(tasks)), MAX_AT_ONCE);
    let service = Arc::new(Requests { jobs, reload });
    engine.serve(engine.system_account(), &filters, service);
    engine.grant_system_requests();
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Requests")
    }
}

impl Service for Requests {
    fn call(&self, engine: &Arc<Engine>, request: &Request<'_>, _: &mut Worker) {
        let Some(reply) = request.reply else { return };
        if let Some(reload) = self.reload.as_ref().filter(|_| request.subject.ends_with(b".RELOAD")) {
            return reload.take(ReloadRequest::new(engine, reply));
        }
        if request.payload.len() + request.headers.len() > MAX_REQUEST_BYTES || self.jobs.waiting() >= MAX_WAITING {
            tracing::debug!("a request to the system account is dropped: it is too long, or too many wait");
            return;
        }
        let (engine, request) = (Arc::clone(engine), request.to_owned());
        self.jobs.spawn(Box::new(move || {
            let request = request.as_request();
            let Some(reply) = request.reply else { return };
            if let Some(text) = answer(&engine, &request) {
                let message = Request { subject: reply, reply: None, headers: b"", payload: text.as_bytes() };
                engine.publish_internal(engine.system_account(), &message);
            }
        }));
    }
}

/// The whole answer; none where another server is meant.
fn answer(engine: &Arc<Engine>, request: &Request<'_>) -> Option<String> {
    let subject = std::str::from_utf8(request.subject).ok()?;
    let data = match body(request.payload) {
        // Who the servers are is told to everybody. [nats-server: `IDZ`]
        Ok(body) if subject.rsplit('.').next() != Some("IDZ") && !is_meant(engine, &body) => return None,
        Ok(body) => data(engine, subject, &body, request.headers),
        Err(error) => Err(Failed::Error { code: 400, description: error.to_string() }),
    };
    let server = || to_json(&engine.server_block());
    match data {
        Ok(Answer::Empty) => Some(format!("{{\"server\":{}}}", server())),
        Ok(Answer::Bare(text)) => Some(text),
        Ok(Answer::Data(text)) => Some(format!("{{\"server\":{},\"data\":{text}}}", server())),
        Ok(Answer::Named(name, text)) => Some(format!("{{\"server\":{},\"{name}\":{text}}}", server())),
        Err(Failed::Elsewhere) => None,
        Err(Failed::Error { code, description }) => {
            let error = to_json(&ErrorBlock { code, description: &description });
            Some(format!("{{\"server\":{},\"error\":{error}}}", server()))
        }
    }
}

/// The server's numbers as a message.
pub(super) fn numbers(engine: &Arc<Engine>) -> String {
    format!("{{\"server\":{},\"statsz\":{}}}", to_json(&engine.server_block()), to_json(&statsz::render(engine)))
}

/// An answer in one of its forms.
enum Answer {
    /// That it was done.
    Empty,
    Bare(String),
    Data(String),
    Named(&'static str, String),
}

fn body(payload: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    if payload.trim_ascii().is_empty() { Ok(Map::new()) } else { serde_json::from_slice(payload) }
}

fn is_meant(engine: &Engine, body: &Map<String, Value>) -> bool {
    let Ok(filter) = serde_json::from_value::<Filter>(Value::Object(body.clone())) else { return true };
    let info = engine.info();
    let is = |asked: &str, ours: &str| {
        asked.is_empty() || if filter.exact_match { asked == ours } else { ours.contains(asked) }
    };
    is(&filter.server_name, &info.server_name)
        && is(&filter.host, &info.host)
        && is(&filter.cluster, "")
        && is(&filter.domain, &info.domain.unwrap_or_default())
        && filter.tags.is_empty()
}

fn data(engine: &Arc<Engine>, subject: &str, body: &Map<String, Value>, headers: &[u8]) -> Result<Answer, Failed> {
    let words: Vec<&str> = subject.split('.').skip(2).collect();
    match words.as_slice() {
        ["SERVER", "PING"] | ["SERVER", _, "STATSZ"] => Ok(Answer::Named("statsz", to_json(&statsz::render(engine)))),
        ["SERVER", _, "IDZ"] => Ok(Answer::Bare(to_json(&statsz::Idz::of(engine)))),
        ["SERVER", _, "KICK"] => kick(engine, body),
        ["SERVER", _, "LDM"] => lame_duck(engine, body),
        ["SERVER", _, what] | ["ACCOUNT", "PING", what @ ("CONNZ" | "STATZ")] => {
            page(engine, what, None, body).map(Answer::Data)
        }
        ["ACCOUNT", account, "CONNS"] => {
            accstatz::one(&**engine, account).map(|row| Answer::Bare(to_json(&row))).ok_or_else(|| no_account(account))
        }
        ["ACCOUNT", account, what] => page(engine, what, Some(account), body).map(Answer::Data),
        ["USER", account, "INFO"] => user_info::render(engine, account, headers)
            .map(|info| Answer::Data(to_json(&info)))
            .ok_or(Failed::Elsewhere),
        _ => Err(Failed::Elsewhere),
    }
}

/// A page of the monitor, of one account if one is given.
fn page(engine: &Arc<Engine>, what: &str, account: Option<&str>, body: &Map<String, Value>) -> Result<String, Failed> {
    if let Some(account) = account
        && engine.account(account).is_none()
    {
        return Err(no_account(account));
    }
    let mut query = Query::of_options(body);
    if let Some(account) = account {
        query.set("acc", account);
    }
    let source = &**engine;
    Ok(match what {
        "VARZ" => to_json(&varz::of_request(source)),
        "CONNZ" => to_json(&connz::render(source, &connz::Options::parse(&query).map_err(|error| bad(&error))?)),
        "SUBSZ" => {
            if account.is_some() {
                query.set("subs", "1");
            }
            to_json(&subsz::render(source, &subsz::Options::parse(&query).map_err(|error| bad(&error))?))
        }
        "JSZ" => jsz_of(source, account, &query)?,
        "ACCOUNTZ" => to_json(&accountz::render(source, &query).map_err(|error| bad(&error))?),
        "ROUTEZ" => to_json(&links::routes(source)),
        "LEAFZ" => to_json(&links::leaf_nodes(source)),
        "GATEWAYZ" => to_json(&links::gateways(source)),
        "INFO" => to_json(&accountz::detail(source, &query).map_err(|error| bad(&error))?),
        "STATZ" => to_json(&accstatz::render_of(source, account, query.flag("unused").unwrap_or(false))),
        "HEALTHZ" => {
            let is_accepting = !engine.is_lame_duck() && !engine.is_stopping();
            to_json(
                &healthz::check(&query, is_accepting, &engine.jetstreams()).map_err(|error| bad(&error))?.with_code(),
            )
        }
        _ => return Err(Failed::Elsewhere),
    })
}

fn jsz_of(source: &Engine, account: Option<&str>, query: &Query<'_>) -> Result<String, Failed> {
    let options = jsz::Options::parse(query).map_err(|error| bad(&error))?;
    match account {
        None => Ok(to_json(&jsz::render(source, &options))),
        Some(name) => {
            let detail = jsz::one(source, &options);
            let description = || format!("account {name:?} not jetstream enabled");
            detail.map(|detail| to_json(&detail)).ok_or_else(|| Failed::Error { code: 500, description: description() })
        }
    }
}

/// Cuts the connection that is named. [nats-server: `KICK`]
fn kick(engine: &Arc<Engine>, body: &Map<String, Value>) -> Result<Answer, Failed> {
    if engine.kick(cid(body), embus_engine::CloseReason::Kicked) {
        return Ok(Answer::Empty);
    }
    Err(Failed::Error { code: 500, description: "no such client or leafnode id".to_owned() })
}

/// Asks the client that is named to go elsewhere. [nats-server: `LDM`]
fn lame_duck(engine: &Arc<Engine>, body: &Map<String, Value>) -> Result<Answer, Failed> {
    if engine.send_elsewhere(cid(body)) {
        return Ok(Answer::Empty);
    }
    Err(Failed::Error { code: 500, description: "no such client id".to_owned() })
}

fn cid(body: &Map<String, Value>) -> ClientId {
    ClientId(body.get("cid").and_then(Value::as_u64).unwrap_or(0))
}

fn bad(error: &super::query::QueryError) -> Failed {
    Failed::Error { code: 500, description: error.to_string() }
}

fn no_account(account: &str) -> Failed {
    Failed::Error { code: 500, description: format!("Account {account} does not exist") }
}

fn to_json(value: &impl Serialize) -> String {
    // What is written here has no keys but texts.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
