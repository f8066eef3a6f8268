//! Values of a document.

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::position::Position;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// The value.
    pub kind: Kind,
    /// Where it was written; the place of a variable's use, not of its definition.
    pub position: Position,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Text, in whichever way it was quoted.
    Text(String),
    /// A whole number, its suffix multiplied in.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// `true`, `false`, `yes`, `no`, `on`, `off`.
    Boolean(bool),
    /// A date with a time in UTC.
    Date(Timestamp),
    /// `[ … ]`.
    List(Vec<Value>),
    /// `{ … }`.
    Block(Block),
}

impl Kind {
    /// What it is, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Boolean(_) => "a boolean",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Block(_) => "a map",
        }
    }
}

/// Keys and their values in the order of the file. Of a key that stands twice the later value counts, at the place of
/// the first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Block {
    entries: IndexMap<String, Entry>,
}

/// What belongs to a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub position: Position,
    /// Its value.
    pub value: Value,
    /// Somebody used it as a variable, so that it need not be a directive.
    pub is_variable: bool,
}

impl Block {
    /// What belongs to `key`, spelt exactly like this.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(key, entry)| (key.as_str(), entry))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    pub(crate) fn insert(&mut self, key: String, entry: Entry) {
        self.entries.insert(key, entry);
    }

    pub(crate) fn into_entries(self) -> impl Iterator<Item = (String, Entry)> {
        self.entries.into_iter()
    }
}
