//! What a message in the inbox of a pull request is: one of the stream, or a word of the consumer. [reference §5.5]

use embus_protocol::status::StatusCode;

use super::{MessagesError, MessagesErrorKind};
use crate::client::message::Message;

/// What came.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A message of the stream.
    Message(Message),
    /// The consumer is there and has nothing to send.
    Heartbeat,
    /// A request ended with so many messages and bytes still due; without numbers, all of it.
    Ended { messages: Option<usize>, bytes: Option<usize>, unpinned: bool },
    /// A request ended in the same way, because nothing that it asks for can be given just now, or not any more.
    Refused { messages: Option<usize>, bytes: Option<usize>, why: MessagesError },
    /// No request will be answered any more.
    Over(MessagesError),
    /// Something went wrong with one request.
    Failed(MessagesError),
}

impl Arrival {
    pub(super) fn of(message: Message) -> Self {
        let Some(status) = message.status else { return Self::Message(message) };
        let description = message.description.as_deref().unwrap_or_default();
        match status {
            StatusCode::OK => Self::Message(message),
            StatusCode::IDLE_HEARTBEAT => Self::Heartbeat,
            StatusCode::NO_RESPONDERS => Self::Failed(MessagesErrorKind::NoResponders.into()),
            StatusCode::REQUEST_TERMINATED if description == "Consumer Deleted" => {
                Self::Over(MessagesErrorKind::ConsumerDeleted.into())
            }
            StatusCode::REQUEST_TERMINATED if description == "Consumer is push based" => {
                Self::Over(MessagesErrorKind::PushBasedConsumer.into())
            }
            // The same request would be refused again.
            StatusCode::REQUEST_TERMINATED if description.starts_with("Exceeded MaxRequest") => {
                Self::Over(MessagesError::with_source(MessagesErrorKind::RequestLimitExceeded, description.to_owned()))
            }
            StatusCode::REQUEST_TERMINATED if description == "Server Shutdown" => {
                Self::Over(MessagesError::with_source(MessagesErrorKind::Other, "the broker stops"))
            }
            StatusCode::REQUEST_TERMINATED
                if matches!(description, "Message Size Exceeds MaxBytes" | "Exceeded MaxWaiting") =>
            {
                let [messages, bytes] = left(&message);
                let why = MessagesError::with_source(MessagesErrorKind::Other, description.to_owned());
                Self::Refused { messages, bytes, why }
            }
            StatusCode::TIMEOUT | StatusCode::NOT_FOUND | StatusCode::REQUEST_TERMINATED => ended(&message, false),
            StatusCode::PIN_ID_MISMATCH => ended(&message, true),
            status => {
                let text = format!("the consumer answered {status}: {description}");
                Self::Failed(MessagesError::with_source(MessagesErrorKind::Other, text))
            }
        }
    }
}

fn ended(message: &Message, unpinned: bool) -> Arrival {
    let [messages, bytes] = left(message);
    Arrival::Ended { messages, bytes, unpinned }
}

/// What a request leaves undone: messages and bytes.
fn left(message: &Message) -> [Option<usize>; 2] {
    let number = |name| message.headers.as_ref()?.get(name)?.as_str().parse().ok();
    [number("Nats-Pending-Messages"), number("Nats-Pending-Bytes")]
}

/// So much of what the consumer sent did not fit into memory, and never comes.
pub(super) fn lost(count: u64) -> MessagesError {
    let text = format!("{count} messages or statuses of the consumer were lost: too much waited to be read");
    MessagesError::with_source(MessagesErrorKind::MissingHeartbeat, text)
}
