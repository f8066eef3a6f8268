//! A disk in memory: what it holds ends with the process. Small while it holds little.
//!
//! Nothing here fails but for names: there is no such file, or there is one already.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::content::Content;
use super::{File, Medium};
use crate::error::StorageError;

/// A disk in memory. Its clones and their files share one content; the root and the empty path are directories.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Everything there is by its path; what is in a directory comes right behind it, as paths compare by component.
    names: RwLock<BTreeMap<PathBuf, Node>>,
    locked: Mutex<BTreeSet<PathBuf>>,
}

#[derive(Debug, Clone)]
enum Node {
    Directory,
    File(Arc<MemoryFile>),
}

impl Memory {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Medium for Memory {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut names = self.shared.names.write();
        check_absent(&names, path)?;
        let file = Arc::new(MemoryFile::default());
        names.insert(path.to_path_buf(), Node::File(file.clone()));
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        match self.shared.names.read().get(path) {
            Some(Node::File(file)) => Ok(file.clone()),
            Some(Node::Directory) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut names = self.shared.names.write();
        let node = names.get(from).cloned().ok_or(io::ErrorKind::NotFound)?;
        check_directory(&names, parent(to)?)?;
        check_replaceable(&names, &node, from, to)?;
        let moved: Vec<PathBuf> = subtree(&names, from);
        for path in moved {
            let below = path.strip_prefix(from).map_err(io::Error::other)?;
            // Joining an empty path would add a separator.
            let target = if below.as_os_str().is_empty() { to.to_path_buf() } else { to.join(below) };
            if let Some(node) = names.remove(&path) {
                names.insert(target, node);
            }
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut names = self.shared.names.write();
        match names.get(path) {
            Some(Node::File(_)) => names.remove(path),
            Some(Node::Directory) => return Err(io::ErrorKind::IsADirectory.into()),
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut names = self.shared.names.write();
        check_absent(&names, path)?;
        names.insert(path.to_path_buf(), Node::Directory);
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut names = self.shared.names.write();
        check_directory(&names, path)?;
        for path in subtree(&names, path) {
            names.remove(&path);
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let names = self.shared.names.read();
        check_directory(&names, path)?;
        let children = subtree(&names, path).into_iter().filter(|child| child.parent() == Some(path));
        Ok(children.filter_map(|child| Some(child.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        check_directory(&self.shared.names.read(), path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        check_directory(&self.shared.names.read(), path)?;
        // More than any machine has, and still safe to reckon with.
        Ok(1 << 60)
    }

    fn boot_id(&self) -> u128 {
        1
    }

    fn lock(&self, dir: &Path) -> Result<Box<dyn Send + Sync + std::fmt::Debug>, StorageError> {
        if !self.shared.locked.lock().insert(dir.to_path_buf()) {
            return Err(StorageError::Locked { path: dir.to_path_buf(), holder: "this process".to_owned() });
        }
        Ok(Box::new(Lock { shared: self.shared.clone(), path: dir.to_path_buf() }))
    }

    fn is_persistent(&self) -> bool {
        false
    }
}

/// Holds a directory until it is dropped.
#[derive(Debug)]
struct Lock {
    shared: Arc<Shared>,
    path: PathBuf,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.shared.locked.lock().remove(&self.path);
    }
}

type Names = BTreeMap<PathBuf, Node>;

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::ErrorKind::AlreadyExists.into())
}

fn check_absent(names: &Names, path: &Path) -> io::Result<()> {
    check_directory(names, parent(path)?)?;
    if names.contains_key(path) { Err(io::ErrorKind::AlreadyExists.into()) } else { Ok(()) }
}

fn check_directory(names: &Names, path: &Path) -> io::Result<()> {
    if path.parent().is_none() {
        return Ok(());
    }
    match names.get(path) {
        Some(Node::Directory) => Ok(()),
        Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// A rename replaces a file by a file, and nothing else. [rename(2)]
fn check_replaceable(names: &Names, node: &Node, from: &Path, to: &Path) -> io::Result<()> {
    match (node, names.get(to)) {
        (Node::Directory, _) if to.starts_with(from) && to != from => Err(io::ErrorKind::InvalidInput.into()),
        (_, None) | (Node::File(_), Some(Node::File(_))) => Ok(()),
        (Node::File(_), Some(Node::Directory)) => Err(io::ErrorKind::IsADirectory.into()),
        (Node::Directory, Some(Node::File(_))) => Err(io::ErrorKind::NotADirectory.into()),
        (Node::Directory, Some(Node::Directory)) => Err(io::ErrorKind::DirectoryNotEmpty.into()),
    }
}

/// `path` and everything below it.
fn subtree(names: &Names, path: &Path) -> Vec<PathBuf> {
    let from = (Bound::Included(path), Bound::Unbounded);
    names.range::<Path, _>(from).map(|(name, _)| name).take_while(|name| name.starts_with(path)).cloned().collect()
}

#[derive(Debug, Default)]
struct MemoryFile {
    content: RwLock<Content>,
}

impl File for MemoryFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(self.content.read().read(buf, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.content.write().write(bytes, offset)?;
        Ok(bytes.len())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.content.write().grow(len);
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.content.write().cut(len);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.content.read().len())
    }
}

#[cfg(test)]
mod tests;
