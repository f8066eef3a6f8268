//! Rows of single streams and consumers, under the names of prometheus-nats-exporter.

use embus_engine::consumer::info::ConsumerInfo;
use embus_protocol::info::ServerInfo;

use super::names::server_labels;
use super::text::{Kind, Text};
use crate::monitor::Source;

/// One stream, with its consumers if they are asked for.
struct Row {
    account: String,
    name: String,
    numbers: [u64; 5],
    consumers: Vec<(String, String, [u64; 8])>,
}

const OF_STREAM: [(&str, &str); 5] = [
    ("jetstream_stream_total_messages", "Messages of the stream."),
    ("jetstream_stream_total_bytes", "Bytes of the stream."),
    ("jetstream_stream_first_seq", "Its first sequence."),
    ("jetstream_stream_last_seq", "Its last sequence."),
    ("jetstream_stream_consumer_count", "Its consumers."),
];

const OF_CONSUMER: [(&str, &str); 8] = [
    ("jetstream_consumer_delivered_consumer_seq", "Deliveries."),
    ("jetstream_consumer_delivered_stream_seq", "The last message that was delivered."),
    ("jetstream_consumer_ack_floor_consumer_seq", "Deliveries up to which all are acknowledged."),
    ("jetstream_consumer_ack_floor_stream_seq", "Messages up to which all are acknowledged."),
    ("jetstream_consumer_num_ack_pending", "Messages that wait for an acknowledgement."),
    ("jetstream_consumer_num_redelivered", "Messages that were delivered more than once."),
    ("jetstream_consumer_num_waiting", "Pull requests that wait."),
    ("jetstream_consumer_num_pending", "Messages that are not delivered yet."),
];

/// Adds the rows of all accounts: a family at a time, as the format wants.
pub(super) fn add(text: &mut Text, source: &dyn Source, with_consumers: bool) {
    let (info, rows) = (source.facts().info, rows(source, with_consumers));
    for (index, (name, help)) in OF_STREAM.into_iter().enumerate() {
        let of_family = rows.iter().map(|row| (stream_labels(&info, row), row.numbers[index]));
        text.rows(name, Kind::Gauge, help, of_family);
    }
    for (index, (name, help)) in OF_CONSUMER.into_iter().enumerate() {
        let consumers = rows.iter().flat_map(|row| row.consumers.iter().map(move |consumer| (row, consumer)));
        let of_family = consumers.map(|(row, (consumer, description, numbers))| {
            (consumer_labels(&info, row, consumer, description), numbers[index])
        });
        text.rows(name, Kind::Gauge, help, of_family);
    }
}

fn rows(source: &dyn Source, with_consumers: bool) -> Vec<Row> {
    let streams = source.jetstreams().into_iter().flat_map(|jetstream| {
        let account = jetstream.account_name().to_owned();
        jetstream.list(None).into_iter().map(move |stream| (account.clone(), stream))
    });
    let row = |(account, stream): (String, std::sync::Arc<embus_engine::stream::Stream>)| {
        let state = stream.look(|core| core.state());
        let consumers = u64::try_from(stream.consumer_count()).unwrap_or(u64::MAX);
        let infos = if with_consumers { stream.consumer_infos() } else { Vec::new() };
        Row {
            account,
            name: stream.name().to_owned(),
            numbers: [state.messages, state.bytes, state.first_sequence, state.last_sequence, consumers],
            consumers: infos.iter().filter(|info| !info.config.direct).map(consumer).collect(),
        }
    };
    streams.map(row).collect()
}

fn consumer(info: &ConsumerInfo) -> (String, String, [u64; 8]) {
    let state = &info.state;
    let numbers = [
        state.delivered.consumer_sequence,
        state.delivered.stream_sequence,
        state.ack_floor.consumer_sequence,
        state.ack_floor.stream_sequence,
        state.num_ack_pending,
        state.num_redelivered,
        state.num_waiting,
        state.num_pending,
    ];
    (info.name.clone(), info.config.description.clone(), numbers)
}

fn stream_labels<'a>(info: &'a ServerInfo, row: &'a Row) -> [(&'a str, &'a str); 11] {
    let [id, name, cluster, domain, leader, is_leader] = server_labels(info);
    let (account, account_id) = (("account", &*row.account), ("account_id", &*row.account));
    let of_stream = [("stream_name", &*row.name), ("stream_leader", &*info.server_name), ("is_stream_leader", "true")];
    let [stream, stream_leader, is_stream_leader] = of_stream;
    [id, name, cluster, domain, leader, is_leader, account, account_id, stream, stream_leader, is_stream_leader]
}

fn consumer_labels<'a>(
    info: &'a ServerInfo,
    row: &'a Row,
    consumer: &'a str,
    description: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut labels = stream_labels(info, row).to_vec();
    labels.extend([
        ("consumer_name", consumer),
        ("consumer_leader", &info.server_name),
        ("is_consumer_leader", "true"),
        ("consumer_desc", description),
    ]);
    labels
}
