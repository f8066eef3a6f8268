//! The words a configuration chooses from.

use serde::Serialize;

use crate::api::json::{self, FromJson, Kind, Refusal, Value};

/// When messages leave a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Retention {
    /// When a limit is reached.
    #[default]
    Limits,
    /// When every consumer that wants them has acknowledged them, or a limit is reached.
    Interest,
    /// When a consumer has acknowledged them, or a limit is reached.
    WorkQueue,
}

/// What makes room when a limit is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Discard {
    /// The oldest messages leave.
    #[default]
    Old,
    /// New messages are refused.
    New,
}

/// Where messages are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageType {
    /// On the disk.
    #[default]
    File,
    /// In memory: gone after a restart.
    Memory,
}

/// How closed segments are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// With S2, the fast successor of Snappy.
    S2,
}

/// Whether an acknowledgement waits for the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PersistMode {
    /// As the broker's policy says.
    #[default]
    Default,
    /// It does not wait.
    Async,
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
    Retention { b"\"limits\"" => Limits, b"\"interest\"" => Interest, b"\"workqueue\"" => WorkQueue }
    Discard { b"\"old\"" => Old, b"\"new\"" => New }
    StorageType { b"\"file\"" => File, b"\"memory\"" => Memory }
    PersistMode { b"\"default\"" => Default, b"\"async\"" => Async }
}

impl FromJson for Compression {
    fn go_type() -> String {
        "string".to_owned()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        let word = match value.kind() {
            Kind::Null => "".into(),
            Kind::String => value.text(),
            _ => return Err(Refusal::Text(json::type_refusal(value, Self::go_type()).text(""))),
        };
        *self = match &*word {
            "none" => Self::None,
            "s2" => Self::S2,
            _ => return Err(Refusal::Text("unknown compression algorithm".to_owned())),
        };
        Ok(())
    }
}
