//! How values become fields: who reads what, where faults go, and what was given at all.

use std::path::PathBuf;

use crate::{Block, Entry, Fault, Kind, Position, Value};

/// A directive of a file, whether it was followed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Its name with those of the blocks around it, such as `jetstream.store_dir` or `authorization.users[0].user`.
    pub path: String,
    /// Where it stands.
    pub position: Position,
    /// Its value is `false`, which most often asks for nothing.
    pub is_off: bool,
}

impl Directive {
    fn new(path: &str, entry: &Entry) -> Self {
        let is_off = matches!(entry.value.kind, Kind::Boolean(false));
        Self { path: path.to_owned(), position: entry.position.clone(), is_off }
    }
}

/// What was found while a document is read.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) faults: Vec<Fault>,
    pub(super) given: Vec<Directive>,
    pub(super) refused: Vec<Directive>,
    path: String,
}

impl Report {
    pub(super) fn fault(&mut self, position: &Position, text: impl Into<String>) {
        self.faults.push(Fault::new(Some(position.clone()), text));
    }

    /// `expected`, but something else is there.
    pub(super) fn wrong<T>(&mut self, value: &Value, expected: &str) -> Option<T> {
        let text = format!("{} must be {expected}, but is {}", self.name(), value.kind.name());
        self.fault(&value.position, text);
        None
    }

    /// The name of the directive that is being read.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }

    /// Runs `read` as a part of the directive `name`.
    fn within<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 && !name.starts_with('[') {
            self.path.push('.');
        }
        // Names of accounts and subjects stand in paths, too, and they may be of any length.
        self.path.extend(name.chars().take(MAX_NAME_CHARACTERS));
        let result = read(self);
        self.path.truncate(length);
        result
    }
}

/// A type that values can be read as.
pub(super) trait Read: Sized {
    /// The value, or nothing after a fault was reported.
    fn read(value: &Value, report: &mut Report) -> Option<Self>;
}

/// A block with named fields.
pub(super) trait Section {
    /// Takes the field `name`, which is in lower case.
    fn field(&mut self, name: &str, field: Field<'_, '_>);
}

/// One field of a section.
pub(super) struct Field<'v, 'r> {
    /// Its key as it is written.
    pub(super) key: &'v str,
    pub(super) entry: &'v Entry,
    pub(super) report: &'r mut Report,
}

impl Field<'_, '_> {
    /// Puts the value where it belongs, unless it is wrong.
    pub(super) fn set<T: Read>(self, slot: &mut T) {
        if let Some(value) = T::read(&self.entry.value, self.report) {
            *slot = value;
        }
    }

    /// Puts the value where it belongs, by way of a type that knows how it is written.
    pub(super) fn set_from<W: Read + Into<T>, T>(self, slot: &mut T) {
        if let Some(value) = W::read(&self.entry.value, self.report) {
            *slot = value.into();
        }
    }

    /// Reads the value into a section that has something in it already.
    pub(super) fn extend<S: Section>(self, section: &mut S) {
        match &self.entry.value.kind {
            Kind::Block(block) => fields(section, block, self.report),
            _ => self.report.wrong(&self.entry.value, "a map").unwrap_or_default(),
        }
    }

    /// There is no such directive; but variables are defined like this, too.
    pub(super) fn unknown(self) {
        self.report.given.pop();
        if !self.entry.is_variable {
            self.report.fault(&self.entry.position, format!("unknown field {:?}", self.key));
        }
    }

    /// A directive for what embus does not have. One that switches it off asks for nothing.
    pub(super) fn refuse(self) {
        if !matches!(self.entry.value.kind, Kind::Boolean(false)) {
            self.report.refused.extend(self.report.given.last().cloned());
        }
    }
}

/// Reads all fields of a block.
pub(super) fn fields<S: Section>(section: &mut S, block: &Block, report: &mut Report) {
    for (key, entry) in block.iter() {
        let name = key.to_ascii_lowercase();
        report.within(&name, |report| {
            report.given.push(Directive::new(&report.path, entry));
            section.field(&name, Field { key, entry, report });
        });
    }
}

/// Reads a map of names that are not directives.
pub(super) fn named<T: Read>(value: &Value, report: &mut Report) -> Option<Vec<(String, T)>> {
    let Kind::Block(block) = &value.kind else { return report.wrong(value, "a map") };
    let read = |(key, entry): (&str, &Entry), report: &mut Report| {
        report.within(key, |report| {
            report.given.push(Directive::new(&report.path, entry));
            T::read(&entry.value, report).map(|value| (key.to_owned(), value))
        })
    };
    let unused = |entry: &Entry| !entry.is_variable;
    Some(block.iter().filter(|(_, entry)| unused(entry)).filter_map(|pair| read(pair, report)).collect())
}

impl<S: Section + Default> Read for S {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let Kind::Block(block) = &value.kind else { return report.wrong(value, "a map") };
        let mut section = S::default();
        fields(&mut section, block, report);
        Some(section)
    }
}

impl<T: Read> Read for Option<T> {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        T::read(value, report).map(Some)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let Kind::List(values) = &value.kind else { return report.wrong(value, "a list") };
        let read = |(index, value)| report.within(&format!("[{index}]"), |report| T::read(value, report));
        Some(values.iter().enumerate().filter_map(read).collect())
    }
}

impl<T: Read> Read for Vec<(String, T)> {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        named(value, report)
    }
}

impl Read for bool {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let Kind::Boolean(boolean) = value.kind else { return report.wrong(value, "a boolean") };
        Some(boolean)
    }
}

impl Read for String {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let Kind::Text(text) = &value.kind else { return report.wrong(value, "a string") };
        Some(text.clone())
    }
}

impl Read for PathBuf {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        String::read(value, report).map(Self::from)
    }
}

impl Read for i64 {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let Kind::Integer(number) = value.kind else { return report.wrong(value, "an integer") };
        Some(number)
    }
}

/// A number of something that there cannot be less than none of.
macro_rules! read_unsigned {
    ($($type:ty),*) => {$(
        impl Read for $type {
            fn read(value: &Value, report: &mut Report) -> Option<Self> {
                let number = i64::read(value, report)?;
                let fits = Self::try_from(number);
                if fits.is_err() {
                    let text = format!("{} must be between 0 and {}, but is {number}", report.name(), <$type>::try_from(i64::MAX).unwrap_or(<$type>::MAX));
                    report.fault(&value.position, text);
                }
                fits.ok()
            }
        }
    )*};
}

read_unsigned!(u16, u32, u64);

/// One text, or a list of them. [nats-server: tags, origins, permissions]
#[derive(Debug, Default)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

impl From<OneOrMany> for Vec<String> {
    fn from(OneOrMany(texts): OneOrMany) -> Self {
        texts
    }
}

impl Read for OneOrMany {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        match &value.kind {
            Kind::Text(text) => Some(Self(vec![text.clone()])),
            Kind::List(_) => Vec::read(value, report).map(Self),
            _ => report.wrong(value, "a string or a list of strings"),
        }
    }
}

/// Reads one of the words in `table`, in any case.
pub(super) fn word<T: Copy>(value: &Value, report: &mut Report, table: &[(&str, T)]) -> Option<T> {
    let text = String::read(value, report)?;
    let found = table.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
    if found.is_none() {
        let words: Vec<_> = table.iter().map(|(word, _)| *word).collect();
        report
            .fault(&value.position, format!("{} must be one of {}, but is {text:?}", report.name(), words.join(", ")));
    }
    found.map(|(_, meaning)| *meaning)
}

/// Characters of one name within a path.
const MAX_NAME_CHARACTERS: usize = 64;
