//! From files to values: includes and variables, and the bounds of both.

mod budget;
mod scope;
mod surroundings;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Block, Entry, Kind, LoadError, Value,
    position::Lines,
    syntax::{self, Item, Node, Written},
};

use budget::Budget;
use scope::Scopes;

pub use surroundings::{Nowhere, Surroundings, System};

/// Reads a file.
pub(crate) fn file(path: &Path, surroundings: &dyn Surroundings) -> Result<Block, LoadError> {
    let text = read(path, surroundings).map_err(|error| LoadError::File { path: path.to_owned(), error })?;
    self::text(path, &text, surroundings)
}

/// Reads text that stands in the file at `path`.
pub(crate) fn text(path: &Path, text: &str, surroundings: &dyn Surroundings) -> Result<Block, LoadError> {
    let mut loader = Loader { surroundings, budget: Budget::default(), includes: 0, files: 0, variables: Vec::new() };
    let block = loader.text(path, text, 0)?;
    if block.is_empty() { Err(LoadError::Empty(path.to_owned())) } else { Ok(block) }
}

fn read(path: &Path, surroundings: &dyn Surroundings) -> std::io::Result<String> {
    let bytes = surroundings.read(path, MAX_FILE_BYTES)?;
    // Text that is not UTF-8 can only matter inside of quotes and comments; what it names is then not found.
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// What all files and variables of one configuration share.
struct Loader<'a> {
    surroundings: &'a dyn Surroundings,
    budget: Budget,
    /// How many files include each other just now.
    includes: usize,
    /// How many files have been included.
    files: usize,
    /// Variables of the environment that are being read just now.
    variables: Vec<String>,
}

/// One file while it is read.
struct File<'a> {
    path: &'a Path,
    lines: Lines<'a>,
    length: usize,
    scopes: Scopes,
}

impl File<'_> {
    fn position(&self, at: &str) -> crate::Position {
        self.lines.position(self.length.saturating_sub(at.len()))
    }
}

impl Loader<'_> {
    /// A file is a world of its own: it sees its own variables and the environment.
    fn text(&mut self, path: &Path, text: &str, depth: usize) -> Result<Block, LoadError> {
        let lines = Lines::new(Arc::from(path), text);
        let mut file = File { path, lines, length: text.len(), scopes: Scopes::default() };
        let items = syntax::document(text)
            .map_err(|error| LoadError::Syntax { position: file.position(error.at), text: error.text.into_owned() })?;
        self.block(items, &mut file, depth)
    }

    fn block(&mut self, items: Vec<Item<'_>>, file: &mut File<'_>, depth: usize) -> Result<Block, LoadError> {
        budget::check_depth(depth)?;
        file.scopes.open();
        for item in items {
            match item {
                Item::Pair { at, key, value } => {
                    let position = file.position(at);
                    let value = self.value(value, file, depth)?;
                    file.scopes.insert(key.into_owned(), Entry { position, value, is_variable: false });
                }
                Item::Include { at, path } => self.include(&path, at, file, depth)?,
            }
        }
        Ok(file.scopes.close())
    }

    fn value(&mut self, node: Node<'_>, file: &mut File<'_>, depth: usize) -> Result<Value, LoadError> {
        let position = file.position(node.at);
        let kind = match node.written {
            Written::Text(text) => Kind::Text(text.into_owned()),
            Written::Integer(number) => Kind::Integer(number),
            Written::Float(number) => Kind::Float(number),
            Written::Boolean(boolean) => Kind::Boolean(boolean),
            Written::Date(date) => Kind::Date(date),
            Written::Variable(name) => return self.variable(name, node.at, file, depth),
            Written::List(nodes) => {
                let values = nodes.into_iter().map(|node| self.value(node, file, depth + 1));
                Kind::List(values.collect::<Result<_, _>>()?)
            }
            Written::Block(items) => Kind::Block(self.block(items, file, depth + 1)?),
        };
        let value = Value { kind, position };
        self.budget.take_one(&value)?;
        Ok(value)
    }

    /// What the name means: the nearest key above it, outward from the block that it stands in, else the environment.
    fn variable(&mut self, name: &str, at: &str, file: &mut File<'_>, depth: usize) -> Result<Value, LoadError> {
        let position = file.position(at);
        let kind = match file.scopes.find(name) {
            Some(value) => {
                self.budget.take_all(value, depth)?;
                value.kind.clone()
            }
            None => self.environment(name, file, depth)?.ok_or_else(|| {
                let position = position.clone();
                LoadError::Undefined { name: name.to_owned(), position }
            })?,
        };
        Ok(Value { kind, position })
    }

    /// The value of a variable of the environment, which is read as if it stood in a file. A circle of them is an error.
    fn environment(&mut self, name: &str, file: &File<'_>, depth: usize) -> Result<Option<Kind>, LoadError> {
        let Some(text) = self.surroundings.variable(name) else { return Ok(None) };
        if self.variables.iter().any(|open| open == name) || self.variables.len() >= MAX_INCLUDES {
            return Err(LoadError::Cycle(name.to_owned()));
        }
        self.variables.push(name.to_owned());
        let path = PathBuf::from(format!("${name}"));
        let block = self.text(&path, &format!("{VALUE}={text}"), depth);
        self.variables.pop();
        let position = file.lines.position(0);
        let block =
            block.map_err(|error| LoadError::Variable { name: name.to_owned(), position, error: error.into() })?;
        Ok(block.get(VALUE).map(|entry| entry.value.kind.clone()))
    }

    /// What the file defines is there as if it stood in the place of the `include`.
    fn include(&mut self, path: &str, at: &str, file: &mut File<'_>, depth: usize) -> Result<(), LoadError> {
        let position = file.position(at);
        let wrap = |error| LoadError::Include { path: path.to_owned(), position, error: Box::new(error) };
        let block = self.included(path, file.path, depth).map_err(wrap)?;
        for (key, entry) in block.into_entries() {
            file.scopes.insert(key, entry);
        }
        Ok(())
    }

    fn included(&mut self, path: &str, from: &Path, depth: usize) -> Result<Block, LoadError> {
        if self.includes >= MAX_INCLUDES {
            return Err(LoadError::TooLarge(format!("more than {MAX_INCLUDES} files that include each other")));
        }
        if self.files >= MAX_FILES {
            return Err(LoadError::TooLarge(format!("more than {MAX_FILES} included files")));
        }
        self.files += 1;
        // Differs from nats-server: an absolute path is one here, and not below the directory of the file.
        let path = from.parent().map_or_else(|| PathBuf::from(path), |parent| parent.join(path));
        let text = read(&path, self.surroundings).map_err(|error| LoadError::File { path: path.clone(), error })?;
        self.budget.take_bytes(text.len())?;
        self.includes += 1;
        let block = self.text(&path, &text, depth);
        self.includes -= 1;
        block
    }
}

/// Bytes of one file.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;
/// Files that include each other, and variables of the environment that do.
const MAX_INCLUDES: usize = 16;
/// Included files in all.
const MAX_FILES: usize = 1024;
/// The key that a variable of the environment is read under.
const VALUE: &str = "value";

#[cfg(test)]
mod tests;
