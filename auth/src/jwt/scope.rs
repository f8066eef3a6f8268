//! Keys that sign users of an account.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::rights::Rights;

/// A key of an account beside its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The public key.
    pub key: String,
    /// What its users may do, whom it can give nothing else then.
    pub template: Option<Box<Rights>>,
}

/// The kind of a key with a template.
const SCOPED: &str = "user_scope";

impl<'de> Deserialize<'de> for SigningKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(key) => Ok(Self { key, template: None }),
            Value::Object(mut fields) if fields.get("kind").and_then(Value::as_str) == Some(SCOPED) => {
                let template = template(fields.remove("template").unwrap_or_default());
                Ok(Self {
                    key: fields.get("key").and_then(Value::as_str).unwrap_or_default().to_owned(),
                    template: Some(Box::new(serde_json::from_value(template).map_err(Error::custom)?)),
                })
            }
            other => Err(Error::custom(format!("{other} is not a signing key"))),
        }
    }
}

/// Of a template, what is left out is unlimited; of a user it would be nothing. [nats-server: `NewUserScope`]
fn template(mut value: Value) -> Value {
    if value.is_null() {
        value = Value::Object(serde_json::Map::new());
    }
    if let Some(fields) = value.as_object_mut() {
        for limit in ["subs", "payload", "data"] {
            fields.entry(limit).or_insert_with(|| (-1).into());
        }
    }
    value
}
