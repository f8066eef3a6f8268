//! Acknowledgements of published messages.

use embus_engine::stream::ticket::PubAck;
use serde::Deserialize;

/// What a stream says of a message that it has stored, or had stored before.
#[derive(Debug, Default, Deserialize, Clone, PartialEq, Eq)]
pub struct PublishAck {
    /// The stream.
    pub stream: String,
    /// The message's sequence in it.
    #[serde(rename = "seq")]
    pub sequence: u64,
    /// The broker's domain; empty if it has none.
    #[serde(default)]
    pub domain: String,
    /// Whether the same message, by its `Nats-Msg-Id`, was there before: the sequence is that one's.
    #[serde(default)]
    pub duplicate: bool,
    /// The sum of a stream that counts.
    #[serde(default, rename = "val")]
    pub value: Option<String>,
    /// The batch that the message ended.
    #[serde(default, rename = "batch")]
    pub batch_id: Option<String>,
    /// The number of messages in that batch.
    #[serde(default, rename = "count")]
    pub batch_size: Option<u64>,
}

impl From<PubAck> for PublishAck {
    fn from(ack: PubAck) -> Self {
        let PubAck { stream, sequence, domain, duplicate } = ack;
        Self { stream, sequence, domain: domain.unwrap_or_default(), duplicate, ..Self::default() }
    }
}
