//! What a user may do, as a JWT says it: its own, or the template of a signing key.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::times::TimeRange;
use crate::rules::{PermissionRules, Responses, SubjectRules};

/// Permissions and limits of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Rights {
    /// Where it may publish.
    #[serde(rename = "pub")]
    pub publish: Subjects,
    /// What it may subscribe to.
    #[serde(rename = "sub")]
    pub subscribe: Subjects,
    /// How far it may answer.
    #[serde(rename = "resp")]
    pub responses: Option<UserResponses>,
    /// Subscriptions at a time; below 0 for any number.
    pub subs: i64,
    /// Bytes of one message; below 0 for what the broker allows.
    pub payload: i64,
    /// Bytes; counted by nobody. [nats-server: not read either]
    pub data: i64,
    /// Networks that it may come from; any without one.
    #[serde(deserialize_with = "networks")]
    pub src: Vec<String>,
    /// Times of day at which it may be there; always without one.
    pub times: Vec<TimeRange>,
    /// The time zone that those are in, by its name; the system's without one.
    pub times_location: String,
    /// Whether the JWT alone lets it in, without a signature.
    pub bearer_token: bool,
    /// Whether it must come through a trusted proxy, of which there are none.
    pub proxy_required: bool,
    /// Ways in which it may connect; any without one.
    pub allowed_connection_types: Vec<String>,
}

/// Filters of what is allowed and denied; without an `allow`, everything is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Subjects {
    /// Only these.
    pub allow: Vec<String>,
    /// None of these.
    pub deny: Vec<String>,
}

/// How far answers go beyond what is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct UserResponses {
    /// Answers to one request; 0 for one, below 0 for any number.
    pub max: i64,
    /// How long they may take in nanoseconds; 0 for two minutes, below 0 for any time.
    pub ttl: i64,
}

impl Rights {
    /// The permissions, if it says anything of them.
    pub fn rules(&self) -> Option<PermissionRules> {
        let is_silent = self.publish.is_empty() && self.subscribe.is_empty() && self.responses.is_none();
        (!is_silent).then(|| PermissionRules {
            publish: self.publish.rules(),
            subscribe: self.subscribe.rules(),
            responses: self.responses.map(UserResponses::rule),
        })
    }
}

impl Subjects {
    fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    fn rules(&self) -> SubjectRules {
        let allow = (!self.allow.is_empty()).then(|| self.allow.clone());
        SubjectRules { allow, deny: self.deny.clone() }
    }
}

impl UserResponses {
    /// [nats-server: validateResponsePermissions]
    fn rule(self) -> Responses {
        let default = Responses::default();
        Responses {
            max: if self.max == 0 { default.max } else { u64::try_from(self.max).ok() },
            ttl: match self.ttl {
                0 => default.ttl,
                ttl => u64::try_from(ttl).map_or(FOREVER, Duration::from_nanos),
            },
        }
    }
}

/// Longer than any broker runs, and short enough to be added to a time.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A list, or one text with commas.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Networks {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Networks::deserialize(deserializer)? {
        Networks::List(list) => list,
        Networks::Text(text) => {
            text.split(',').map(|network| network.trim().to_owned()).filter(|network| !network.is_empty()).collect()
        }
    })
}
