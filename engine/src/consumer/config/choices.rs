//! The words a configuration chooses from.

use serde::Serialize;

use crate::api::json::{self, FromJson, Refusal, Value};

/// Where in its stream a consumer begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliverPolicy {
    /// At the first message.
    #[default]
    All,
    /// At the last message.
    Last,
    /// Behind the last message.
    New,
    /// At a sequence.
    ByStartSequence,
    /// At a time.
    ByStartTime,
    /// With the last message of every subject.
    LastPerSubject,
}

/// What counts as an acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AckPolicy {
    /// A message counts as acknowledged when it is delivered.
    #[default]
    None,
    /// An acknowledgement is one for everything before it.
    All,
    /// Each message is acknowledged by itself.
    Explicit,
    /// Answers to flow control acknowledge everything before them.
    FlowControl,
}

/// How fast messages follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayPolicy {
    /// As fast as they can be sent.
    #[default]
    Instant,
    /// As fast as they came.
    Original,
}

/// Which requests of a pull consumer are served first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PriorityPolicy {
    /// The one that waits longest.
    #[default]
    None,
    /// Those that ask for nothing special, until enough waits for the others.
    Overflow,
    /// Those of one client, until it is silent too long.
    PinnedClient,
    /// Those with the lowest number.
    Prioritized,
}

macro_rules! choices {
    ($($choice:ident { $($word:literal => $variant:ident),+ })+) => {
        $(impl FromJson for $choice {
            fn go_type() -> String {
                concat!("server.", stringify!($choice)).to_owned()
            }

            /// These types read their words themselves in Go too, by the bytes as they stand in the request.
            fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
                *self = match value.raw() {
                    $($word => Self::$variant,)+
                    raw => return Err(Refusal::Text(format!("can not unmarshal {}", json::quote(raw)))),
                };
                Ok(())
            }
        })+
    };
}

choices! {
    DeliverPolicy {
        b"\"all\"" => All,
        b"\"undefined\"" => All,
        b"\"last\"" => Last,
        b"\"new\"" => New,
        b"\"by_start_sequence\"" => ByStartSequence,
        b"\"by_start_time\"" => ByStartTime,
        b"\"last_per_subject\"" => LastPerSubject
    }
    AckPolicy {
        b"\"none\"" => None,
        b"\"all\"" => All,
        b"\"explicit\"" => Explicit,
        b"\"flow_control\"" => FlowControl
    }
    ReplayPolicy { b"\"instant\"" => Instant, b"\"original\"" => Original }
}

impl FromJson for PriorityPolicy {
    fn go_type() -> String {
        "server.PriorityPolicy".to_owned()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        *self = match value.raw() {
            b"\"none\"" => Self::None,
            b"\"overflow\"" => Self::Overflow,
            b"\"pinned_client\"" => Self::PinnedClient,
            b"\"prioritized\"" => Self::Prioritized,
            raw => return Err(Refusal::Text(format!("unknown priority policy: {}", String::from_utf8_lossy(raw)))),
        };
        Ok(())
    }
}
