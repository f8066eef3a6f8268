//! What the server is called.

use super::{
    read::{OneOrMany, Read, Report},
    validate::Checks,
};
use crate::{Kind, Value};

/// Name and description of the server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Identity {
    /// `server_name`: the server's id without one.
    pub name: Option<String>,
    /// `server_tags`.
    pub tags: Vec<String>,
    /// `server_metadata`.
    pub metadata: Vec<(String, String)>,
}

/// Tags in one text or in a list. [nats-server: `server_tags`]
#[derive(Debug, Default)]
pub(super) struct Tags(pub(super) Vec<String>);

impl From<Tags> for Vec<String> {
    fn from(Tags(tags): Tags) -> Self {
        tags
    }
}

impl Read for Tags {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let OneOrMany(tags) = OneOrMany::read(value, report)?;
        let split = matches!(value.kind, Kind::Text(_));
        let parts =
            |tag: String| if split { tag.split(',').map(|part| part.trim().to_owned()).collect() } else { vec![tag] };
        Some(Self(tags.into_iter().flat_map(parts).collect()))
    }
}

impl Identity {
    pub(super) fn check(&self, checks: &mut Checks<'_>) {
        if self.name.as_ref().is_some_and(|name| name.contains(|c: char| c.is_whitespace() || c.is_control())) {
            checks.fault("server_name", "server name cannot contain spaces");
        }
    }
}
