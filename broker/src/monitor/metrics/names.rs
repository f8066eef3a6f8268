//! The names of prometheus-nats-exporter for what it reads from `/varz` and `/jsz`: all are gauges there.

use embus_protocol::info::ServerInfo;
use serde_json::Value;

use super::text::{Kind, Text};
use crate::metrics::{AccountStreamMetrics, Metrics};
use crate::monitor::varz::Varz;

/// `gnatsd_varz_…`: each number of the page, under its path.
pub(super) fn of_varz(text: &mut Text, server_id: &str, page: &Varz) {
    // What cannot be written has no numbers.
    let page = serde_json::to_value(page).unwrap_or_default();
    add_numbers(text, "gnatsd_varz", server_id, &page);
}

fn add_numbers(text: &mut Text, name: &str, server_id: &str, value: &Value) {
    match value {
        Value::Number(number) => {
            text.rows(name, Kind::Gauge, "As in /varz.", [([("server_id", server_id)], number)].into_iter());
        }
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(field, _)| field.bytes().all(is_of_names));
            fields.for_each(|(field, value)| add_numbers(text, &format!("{name}_{field}"), server_id, value));
        }
        _ => {}
    }
}

/// Paths that were asked for are no names of metrics.
fn is_of_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// `jetstream_server_…`.
pub(super) fn of_jetstream(text: &mut Text, info: &ServerInfo, metrics: &Metrics) {
    let labels = server_labels(info);
    let accounts = metrics.jetstream.iter().flat_map(|jetstream| &jetstream.accounts);
    let sum = |value: fn(&AccountStreamMetrics) -> u64| accounts.clone().map(value).sum::<u64>();
    let max = metrics.jetstream.as_ref();
    let is_disabled = u64::from(max.is_none());
    for (name, help, value) in [
        ("jetstream_server_jetstream_disabled", "Whether there is no JetStream.", is_disabled),
        ("jetstream_server_max_memory", "Room in memory.", max.map_or(0, |max| max.max_memory_bytes)),
        ("jetstream_server_max_storage", "Room in files.", max.map_or(0, |max| max.max_storage_bytes)),
        ("jetstream_server_total_streams", "Streams.", sum(|account| account.streams)),
        ("jetstream_server_total_consumers", "Consumers.", sum(|account| account.consumers)),
        ("jetstream_server_total_messages", "Messages.", sum(|account| account.messages)),
        ("jetstream_server_total_message_bytes", "Bytes.", sum(|account| account.memory_bytes + account.storage_bytes)),
    ] {
        text.rows(name, Kind::Gauge, help, [(labels, value)].into_iter());
    }
}

/// A lone server leads everything.
pub(super) fn server_labels(info: &ServerInfo) -> [(&str, &str); 6] {
    [
        ("server_id", &info.server_id),
        ("server_name", &info.server_name),
        ("cluster", ""),
        ("domain", info.domain.as_deref().unwrap_or_default()),
        ("meta_leader", ""),
        ("is_meta_leader", "true"),
    ]
}
