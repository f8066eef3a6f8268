//! Headers by name, each with one value or more. Mirrors `async_nats::HeaderMap`.
//!
//! The entries are shared between clones and copied on the first change, so a message that goes to many in-process
//! subscribers carries its headers by reference count. Iteration is in the order of the names.

use std::collections::{BTreeMap, btree_map};
use std::slice;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{HeaderName, HeaderValue, IntoHeaderName, IntoHeaderValue};

type Entries = BTreeMap<HeaderName, Vec<HeaderValue>>;

static NO_ENTRIES: Entries = BTreeMap::new();

/// A multimap of headers. A clone is a reference count; an empty map holds no memory.
///
/// ```
/// use embus_protocol::headers::HeaderMap;
/// let mut headers = HeaderMap::new();
/// headers.insert("Trace", "a");
/// headers.append("Trace", "b");
/// assert_eq!(headers.get("Trace").map(|value| value.as_str()), Some("a"));
/// assert_eq!(headers.get_last("Trace").map(|value| value.as_str()), Some("b"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeaderMap {
    shared: Option<Arc<Entries>>,
}

impl HeaderMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is no header.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// The number of names, not of values.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Sets a header, replacing all values it had.
    pub fn insert<K: IntoHeaderName, V: IntoHeaderValue>(&mut self, name: K, value: V) {
        self.entries_mut().insert(name.into_header_name(), vec![value.into_header_value()]);
    }

    /// Adds a value behind those the header has.
    pub fn append<K: IntoHeaderName, V: IntoHeaderValue>(&mut self, name: K, value: V) {
        self.entries_mut().entry(name.into_header_name()).or_default().push(value.into_header_value());
    }

    /// The first value of a header.
    pub fn get<K: IntoHeaderName>(&self, name: K) -> Option<&HeaderValue> {
        self.values(name).first()
    }

    /// The last value of a header.
    pub fn get_last<K: IntoHeaderName>(&self, name: K) -> Option<&HeaderValue> {
        self.values(name).last()
    }

    /// All values of a header, in the order they were added.
    pub fn get_all<K: IntoHeaderName>(&self, name: K) -> GetAll<'_, HeaderValue> {
        GetAll { values: self.values(name).iter() }
    }

    /// All headers with their values.
    pub fn iter(&self) -> Iter<'_> {
        Iter { entries: self.entries().iter() }
    }

    fn values<K: IntoHeaderName>(&self, name: K) -> &[HeaderValue] {
        self.entries().get(&name.into_header_name()).map_or(&[], Vec::as_slice)
    }

    fn entries(&self) -> &Entries {
        self.shared.as_deref().unwrap_or(&NO_ENTRIES)
    }

    fn entries_mut(&mut self) -> &mut Entries {
        Arc::make_mut(self.shared.get_or_insert_default())
    }
}

impl PartialEq for HeaderMap {
    fn eq(&self, other: &Self) -> bool {
        self.entries() == other.entries()
    }
}

impl Eq for HeaderMap {}

impl FromIterator<(HeaderName, HeaderValue)> for HeaderMap {
    /// Later pairs replace earlier ones of the same name, as in async-nats.
    fn from_iter<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(pairs: I) -> Self {
        let mut map = Self::new();
        for (name, value) in pairs {
            map.insert(name, value);
        }
        map
    }
}

impl<'a> IntoIterator for &'a HeaderMap {
    type Item = (&'a HeaderName, &'a Vec<HeaderValue>);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Serialize for HeaderMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.entries().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for HeaderMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Entries::deserialize(deserializer)?;
        Ok(Self { shared: (!entries.is_empty()).then(|| Arc::new(entries)) })
    }
}

/// The headers of a map; see [`HeaderMap::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    entries: btree_map::Iter<'a, HeaderName, Vec<HeaderValue>>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a HeaderName, &'a Vec<HeaderValue>);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// The values of one header; see [`HeaderMap::get_all`].
#[derive(Clone, Debug)]
pub struct GetAll<'a, T> {
    values: slice::Iter<'a, T>,
}

impl<'a, T> Iterator for GetAll<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        self.values.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.values.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> Vec<&'a str> {
        values.map(HeaderValue::as_str).collect()
    }

    #[test]
    fn insert_replaces_and_append_adds() {
        let mut map = HeaderMap::new();
        map.append("a", "1");
        map.append("a", "2");
        assert_eq!(texts(map.get_all("a")), ["1", "2"]);
        map.insert("a", "3");
        assert_eq!(texts(map.get_all("a")), ["3"]);
        assert_eq!((map.len(), map.get("A"), map.get_last("b")), (1, None, None));
    }

    #[test]
    fn a_clone_does_not_see_later_changes() {
        let mut map = HeaderMap::new();
        map.insert("a", "1");
        let before = map.clone();
        map.insert("a", "2");
        assert_eq!(before.get("a").map(HeaderValue::as_str), Some("1"));
        assert_eq!(map.get("a").map(HeaderValue::as_str), Some("2"));
    }

    #[test]
    fn empty_maps_are_equal_however_they_came_to_be() {
        let emptied: HeaderMap = serde_json::from_str("{}").expect("a map");
        assert_eq!(HeaderMap::new(), emptied);
        assert_eq!(HeaderMap::from_iter([]), emptied);
    }

    #[test]
    fn json_round_trip() {
        let mut map = HeaderMap::new();
        map.append("b", "1");
        map.append("b", "2");
        map.insert("a", "3");
        let json = serde_json::to_string(&map).expect("a map");
        assert_eq!(json, r#"{"a":["3"],"b":["1","2"]}"#);
        assert_eq!(serde_json::from_str::<HeaderMap>(&json).expect("a map"), map);
    }
}
