//! Accounts of a transcript, which are written as in nats-server's configuration, as our broker has them.

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, SystemTime},
};

use embus::auth::{Account, ClientLimits, Export, Import, JetStreamLimits, Mapping, ResponseType};
use embus_engine::{
    operators::{Described, describe},
    sharing::Sharing,
};
use embus_tests::transcript::Options;
use serde_json::Value;

use crate::logins;

/// One account.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) jetstream: Option<JetStreamLimits>,
    pub(crate) clients: ClientLimits,
    pub(crate) sharing: Sharing,
}

/// The accounts of the options, those included that are only named by users.
pub(crate) fn declared(options: &Options) -> io::Result<Vec<Declared>> {
    if let Some(operators) = logins::operators(options)? {
        let described = describe(&operators, SystemTime::UNIX_EPOCH + START).map_err(io::Error::other)?;
        return Ok(described.into_iter().map(Declared::from).collect());
    }
    let mut all = BTreeMap::new();
    for name in options.users.iter().filter_map(|user| user["account"].as_str()) {
        all.insert(name.to_owned(), Declared { name: name.to_owned(), ..Declared::default() });
    }
    for account in &options.accounts {
        let name = text(&account["name"]);
        all.insert(name.clone(), declare(name, account));
    }
    Ok(all.into_values().collect())
}

/// The account of the server itself, if it is not `$SYS`.
pub(crate) fn system(options: &Options) -> io::Result<Option<String>> {
    let operators = logins::operators(options)?;
    let vouched = operators.and_then(|operators| operators.system_account().map(str::to_owned));
    Ok(vouched.or_else(|| options.system_account.clone()))
}

impl From<Described> for Declared {
    fn from(Described { name, clients, jetstream, sharing }: Described) -> Self {
        Self { name, jetstream, clients, sharing }
    }
}

impl Declared {
    /// The same as the builder takes it.
    pub(crate) fn into_account(self) -> Account {
        let account = Account::new(self.name).clients(self.clients);
        let account = self.jetstream.into_iter().fold(account, Account::jetstream);
        let account = self.sharing.exports.into_iter().fold(account, Account::export);
        let account = self.sharing.imports.into_iter().fold(account, Account::import);
        self.sharing.mappings.into_iter().fold(account, Account::map)
    }
}

fn declare(name: String, fields: &Value) -> Declared {
    let list = |name: &str| fields[name].as_array().cloned().unwrap_or_default();
    let limits = &fields["limits"];
    Declared {
        name,
        jetstream: fields.get("jetstream").map(streams),
        clients: ClientLimits {
            max_connections: number(&limits["max_connections"]),
            max_subscriptions: number(&limits["max_subscriptions"]),
            max_payload: number(&limits["max_payload"]),
        },
        sharing: Sharing {
            exports: list("exports").iter().map(export).collect(),
            imports: list("imports").iter().map(import).collect(),
            mappings: fields["mappings"].as_object().into_iter().flatten().map(mapping).collect(),
        },
    }
}

fn streams(limits: &Value) -> JetStreamLimits {
    JetStreamLimits {
        max_memory: limits["max_memory"].as_u64(),
        max_storage: limits["max_file"].as_u64(),
        max_streams: number(&limits["max_streams"]),
        max_consumers: number(&limits["max_consumers"]),
        ..JetStreamLimits::default()
    }
}

fn export(fields: &Value) -> Export {
    let export = match fields["stream"].as_str() {
        Some(subject) => Export::stream(subject),
        None => Export::service(text(&fields["service"])),
    };
    let export = match fields["response_type"].as_str() {
        Some("stream") => export.responses(ResponseType::Stream),
        Some("chunked") => export.responses(ResponseType::Chunked),
        _ => export,
    };
    let threshold = fields["threshold"].as_str().and_then(|text| text.strip_suffix("ms")?.parse().ok());
    let export = threshold.map(Duration::from_millis).into_iter().fold(export, Export::threshold);
    match fields["accounts"].as_array() {
        Some(accounts) => export.to_accounts(accounts.iter().map(text)),
        None => export,
    }
}

fn import(fields: &Value) -> Import {
    let source = |source: &Value| (text(&source["account"]), text(&source["subject"]));
    let import = if let Some(stream) = fields.get("stream") {
        let (account, subject) = source(stream);
        Import::stream(account, subject)
    } else {
        let (account, subject) = source(&fields["service"]);
        Import::service(account, subject)
    };
    let import = fields["to"].as_str().into_iter().fold(import, Import::local);
    let import = fields["prefix"].as_str().into_iter().fold(import, Import::with_prefix);
    if fields["share"] == true { import.shared() } else { import }
}

fn mapping((source, destinations): (&String, &Value)) -> Mapping {
    match destinations.as_array() {
        Some(all) => all.iter().fold(Mapping::weighted(source), |mapping, to| {
            let weight = to["weight"].as_u64().and_then(|weight| u8::try_from(weight).ok());
            mapping.or(text(&to["destination"]), weight.unwrap_or(100))
        }),
        None => Mapping::new(source, text(destinations)),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

/// When the engine's clock begins.
const START: Duration = Duration::from_secs(1_767_225_600);
