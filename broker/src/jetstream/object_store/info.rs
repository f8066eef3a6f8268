//! What is known of an object, as it is stored in JSON and as async-nats names it. [ADR-20]

use std::collections::HashMap;

use embus_protocol::headers::HeaderMap;
use serde::{Deserialize, Serialize};

use super::Object;
use crate::datetime::DateTime;

/// What is known of an object.
#[derive(Debug, Clone, Serialize, Deserialize, Eq, PartialEq)]
pub struct ObjectInfo {
    /// Its name.
    pub name: String,
    /// A text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What programs note.
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    pub metadata: HashMap<String, String>,
    /// The same as headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<HeaderMap>,
    /// How it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<ObjectOptions>,
    /// The store that it is in.
    pub bucket: String,
    /// What its chunks are stored under.
    #[serde(default)]
    pub nuid: String,
    /// How many bytes it has.
    #[serde(default)]
    pub size: usize,
    /// How many chunks they lie in.
    #[serde(default)]
    pub chunks: usize,
    /// When it was put, or changed.
    #[serde(default, rename = "mtime", with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub modified: Option<DateTime>,
    /// The SHA-256 of its bytes, as `SHA-256=` and base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Whether it was deleted: then only this is left of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// How an object is stored.
#[derive(Debug, Default, Clone, Serialize, Deserialize, Eq, PartialEq)]
pub struct ObjectOptions {
    /// What it points to, if it is a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<ObjectLink>,
    /// The most bytes that a chunk has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_chunk_size: Option<usize>,
}

/// What a link points to.
#[derive(Debug, Default, Clone, Serialize, Deserialize, Eq, PartialEq)]
pub struct ObjectLink {
    /// An object of that store; the store itself without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A store.
    pub bucket: String,
}

/// What is said of an object that is put. A text is its name. All of it, as JSON, is one message: longer than
/// [`max_payload`](crate::Client::max_payload) it is refused, and nothing is left of the object.
#[derive(Debug, Default, Clone, Serialize, Deserialize, Eq, PartialEq)]
pub struct ObjectMetadata {
    /// Its name: any text with a byte at least.
    pub name: String,
    /// A text for people.
    pub description: Option<String>,
    /// The most bytes that a chunk shall have: 128 KiB if nothing is said, or as many as a message may have.
    pub chunk_size: Option<usize>,
    /// What programs note.
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    /// The same as headers.
    pub headers: Option<HeaderMap>,
}

/// What is to be known of an object from now on.
#[derive(Debug, Default, Clone, Serialize, Deserialize, Eq, PartialEq)]
pub struct UpdateMetadata {
    /// Its name; another one renames it.
    pub name: String,
    /// A text for people.
    pub description: Option<String>,
    /// What programs note.
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    /// The same as headers.
    pub headers: Option<HeaderMap>,
}

/// Something that an object is known by.
pub trait AsObjectInfo {
    /// What is known of it.
    fn as_info(&self) -> &ObjectInfo;
}

impl AsObjectInfo for &Object {
    fn as_info(&self) -> &ObjectInfo {
        &self.info
    }
}

impl AsObjectInfo for &ObjectInfo {
    fn as_info(&self) -> &ObjectInfo {
        self
    }
}

impl ObjectInfo {
    /// One of which nothing else is known.
    pub(super) fn new(bucket: &str, name: String, nuid: String) -> Self {
        Self {
            name,
            description: None,
            metadata: HashMap::new(),
            headers: None,
            options: None,
            bucket: bucket.to_owned(),
            nuid,
            size: 0,
            chunks: 0,
            modified: None,
            digest: None,
            deleted: false,
        }
    }

    /// What it points to, if it is a link.
    pub(super) fn link(&self) -> Option<&ObjectLink> {
        self.options.as_ref()?.link.as_ref()
    }
}

impl From<&str> for ObjectMetadata {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

impl From<ObjectInfo> for ObjectMetadata {
    fn from(info: ObjectInfo) -> Self {
        let ObjectInfo { name, description, metadata, headers, .. } = info;
        Self { name, description, chunk_size: None, metadata, headers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_clients_write_is_read() {
        let nats_go = r#"{"name":"a","options":{"max_chunk_size":131072},"bucket":"b","nuid":"N","size":3,"mtime":"0001-01-01T00:00:00Z","chunks":1,"digest":"SHA-256=x="}"#;
        let info: ObjectInfo = serde_json::from_str(nats_go).unwrap();
        assert_eq!((info.size, info.chunks, info.deleted), (3, 1, false));
        let async_nats = r#"{"name":"a","description":null,"metadata":{},"headers":null,"options":{"link":{"name":null,"bucket":"c"},"max_chunk_size":null},"bucket":"b","nuid":"N","size":0,"chunks":0,"mtime":null,"deleted":true}"#;
        let info: ObjectInfo = serde_json::from_str(async_nats).unwrap();
        assert_eq!(info.link().map(|link| link.bucket.as_str()), Some("c"));
        assert!(info.deleted && info.modified.is_none());
    }

    #[test]
    fn nothing_is_written_that_says_nothing() {
        let info = ObjectInfo::new("b", "a".into(), "N".into());
        let json = r#"{"name":"a","bucket":"b","nuid":"N","size":0,"chunks":0}"#;
        assert_eq!(serde_json::to_string(&info).unwrap(), json);
    }
}
