//! Directories as the kernel has them and as the disk has them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use fastrand::Rng;

use super::cut::Left;
use super::file::FileId;

/// Names a directory, whatever it is called.
type DirId = u64;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    File(FileId),
    Directory(DirId),
}

/// All directories.
#[derive(Debug)]
pub(super) struct Names {
    dirs: BTreeMap<DirId, Directory>,
    /// What happened to names and is not synced, in order.
    changes: Vec<Change>,
    next: DirId,
}

type Entries = BTreeMap<String, Node>;

#[derive(Debug, Default)]
struct Directory {
    live: Entries,
    durable: Entries,
}

/// Happens as a whole or not at all.
#[derive(Debug, Clone)]
struct Change {
    time: u64,
    edits: Vec<Edit>,
}

#[derive(Debug, Clone)]
struct Edit {
    place: Place,
    from: Option<Node>,
    to: Option<Node>,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    dir: DirId,
    name: String,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { dirs: BTreeMap::from([(ROOT, Directory::default())]), changes: Vec::new(), next: ROOT + 1 }
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<Node> {
        let mut node = Node::Directory(ROOT);
        for name in components(path)? {
            let Node::Directory(dir) = node else { return Err(ErrorKind::NotADirectory.into()) };
            node = self.dirs.get(&dir).and_then(|dir| dir.live.get(&name).copied()).ok_or(ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    pub(super) fn find_file(&self, path: &Path) -> io::Result<FileId> {
        match self.find(path)? {
            Node::File(id) => Ok(id),
            Node::Directory(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Ok(self.directory(path)?.1.live.keys().cloned().collect())
    }

    pub(super) fn add_file(&mut self, time: u64, path: &Path, id: FileId) -> io::Result<()> {
        self.add(time, path, Node::File(id))
    }

    pub(super) fn add_dir(&mut self, time: u64, path: &Path) -> io::Result<()> {
        let id = self.next;
        self.add(time, path, Node::Directory(id))?;
        self.next += 1;
        self.dirs.insert(id, Directory::default());
        Ok(())
    }

    /// Takes a file's name away.
    pub(super) fn remove_file(&mut self, time: u64, path: &Path) -> io::Result<FileId> {
        let id = self.find_file(path)?;
        let place = self.place(path)?;
        self.change(time, vec![Edit { place, from: Some(Node::File(id)), to: None }]);
        Ok(id)
    }

    /// Takes a directory's name away; there is nothing in it.
    pub(super) fn remove_dir(&mut self, time: u64, path: &Path) -> io::Result<()> {
        let node = self.find(path)?;
        let place = self.place(path)?;
        self.change(time, vec![Edit { place, from: Some(node), to: None }]);
        Ok(())
    }

    /// Returns the file that lost its name by that.
    pub(super) fn rename(&mut self, time: u64, from: &Path, to: &Path) -> io::Result<Option<FileId>> {
        let node = self.find(from)?;
        let (old, new) = (self.place(from)?, self.place(to)?);
        if old == new {
            return Ok(None);
        }
        if matches!(node, Node::Directory(_)) && to.starts_with(from) {
            return Err(ErrorKind::InvalidInput.into());
        }
        let replaced = self.dirs[&new.dir].live.get(&new.name).copied();
        let lost = match (node, replaced) {
            (_, None) => None,
            (Node::File(_), Some(Node::File(id))) => Some(id),
            (Node::File(_), Some(Node::Directory(_))) => return Err(ErrorKind::IsADirectory.into()),
            (Node::Directory(_), Some(Node::File(_))) => return Err(ErrorKind::NotADirectory.into()),
            (Node::Directory(_), Some(Node::Directory(_))) => return Err(ErrorKind::DirectoryNotEmpty.into()),
        };
        let gone = Edit { place: old, from: Some(node), to: None };
        let come = Edit { place: new, from: replaced, to: Some(node) };
        self.change(time, vec![gone, come]);
        Ok(lost)
    }

    /// Makes the names in a directory durable.
    pub(super) fn sync(&mut self, path: &Path) -> io::Result<()> {
        let (id, _) = self.directory(path)?;
        let touches = |change: &Change| change.edits.iter().any(|edit| edit.place.dir == id);
        let crosses = |change: &Change| change.edits.iter().any(|edit| edit.place.dir != id);
        // A rename between directories is one change of both, and builds on what happened to both.
        let all_until = self.changes.iter().rposition(|change| touches(change) && crosses(change));
        let mut index = 0;
        let (synced, rest) = std::mem::take(&mut self.changes).into_iter().partition(|change| {
            index += 1;
            all_until.is_some_and(|last| index - 1 <= last) || touches(change)
        });
        self.changes = rest;
        self.make_durable(synced);
        Ok(())
    }

    /// What is there after a power cut; returns the files that have a name.
    pub(super) fn survive(&mut self, left: Left, random: &mut Rng) -> BTreeSet<FileId> {
        let changes = std::mem::take(&mut self.changes);
        let survivors = if matches!(left, Left::Anything) && random.bool() {
            out_of_order(changes, random)
        } else {
            let times: Vec<u64> = changes.iter().map(|change| change.time).collect();
            let kept = left.prefix(random, &times);
            changes.into_iter().take(kept).collect()
        };
        self.make_durable(survivors);
        for dir in self.dirs.values_mut() {
            dir.live.clone_from(&dir.durable);
        }
        let (mut files, mut dirs) = (BTreeSet::new(), BTreeSet::from([ROOT]));
        self.walk(ROOT, Path::new(""), &mut |_, node| {
            match node {
                Node::File(id) => files.insert(id),
                Node::Directory(id) => dirs.insert(id),
            };
        });
        self.dirs.retain(|id, _| dirs.contains(id));
        files
    }

    /// All files by their names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        self.walk(ROOT, Path::new("/"), &mut |path, node| {
            if matches!(node, Node::File(_)) {
                files.push(path.to_path_buf());
            }
        });
        files
    }

    /// Everything in a directory and below, each behind what is in it.
    pub(super) fn below(&self, path: &Path) -> io::Result<Vec<(PathBuf, Node)>> {
        let (id, _) = self.directory(path)?;
        let mut nodes = Vec::new();
        self.walk(id, path, &mut |path, node| nodes.push((path.to_path_buf(), node)));
        nodes.reverse();
        Ok(nodes)
    }

    fn walk(&self, dir: DirId, path: &Path, visit: &mut dyn FnMut(&Path, Node)) {
        let Some(directory) = self.dirs.get(&dir) else { return };
        for (name, &node) in &directory.live {
            let path = path.join(name);
            visit(&path, node);
            if let Node::Directory(below) = node {
                self.walk(below, &path, visit);
            }
        }
    }

    fn directory(&self, path: &Path) -> io::Result<(DirId, &Directory)> {
        match self.find(path)? {
            Node::Directory(id) => self.dirs.get(&id).map(|dir| (id, dir)).ok_or(ErrorKind::NotFound.into()),
            Node::File(_) => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn place(&self, path: &Path) -> io::Result<Place> {
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
        let (dir, _) = self.directory(path.parent().unwrap_or(Path::new("")))?;
        Ok(Place { dir, name })
    }

    fn add(&mut self, time: u64, path: &Path, node: Node) -> io::Result<()> {
        let place = self.place(path)?;
        if self.dirs[&place.dir].live.contains_key(&place.name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.change(time, vec![Edit { place, from: None, to: Some(node) }]);
        Ok(())
    }

    fn change(&mut self, time: u64, edits: Vec<Edit>) {
        for edit in &edits {
            if let Some(dir) = self.dirs.get_mut(&edit.place.dir) {
                apply(&mut dir.live, edit);
            }
        }
        self.changes.push(Change { time, edits });
    }

    fn make_durable(&mut self, changes: Vec<Change>) {
        for edit in changes.into_iter().flat_map(|change| change.edits) {
            if let Some(dir) = self.dirs.get_mut(&edit.place.dir) {
                apply(&mut dir.durable, &edit);
            }
        }
    }
}

fn apply(entries: &mut Entries, edit: &Edit) {
    match edit.to {
        Some(node) => entries.insert(edit.place.name.clone(), node),
        None => entries.remove(&edit.place.name),
    };
}

/// Any of the changes, but none without those of the same name, file or directory before it.
fn out_of_order(changes: Vec<Change>, random: &mut Rng) -> Vec<Change> {
    let (mut places, mut nodes) = (BTreeSet::new(), BTreeSet::new());
    let mut survivors = Vec::new();
    for change in changes {
        let edits = &change.edits;
        let builds_on_lost = edits.iter().any(|edit| {
            places.contains(&edit.place) || edit.from.into_iter().chain(edit.to).any(|node| nodes.contains(&node))
        });
        if builds_on_lost || random.bool() {
            places.extend(edits.iter().map(|edit| edit.place.clone()));
            nodes.extend(edits.iter().flat_map(|edit| edit.from.into_iter().chain(edit.to)));
        } else {
            survivors.push(change);
        }
    }
    survivors
}

fn components(path: &Path) -> io::Result<Vec<String>> {
    let parts = path.components().filter(|part| !matches!(part, Component::RootDir | Component::CurDir));
    let names = parts.map(|part| match part {
        Component::Normal(name) => Ok(name.to_string_lossy().into_owned()),
        _ => Err(ErrorKind::InvalidInput.into()),
    });
    names.collect()
}

const ROOT: DirId = 0;
