//! A process on a machine with a disk, and what becomes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::cut::Left;
use super::fault::{Call, Effect, Fault, Faults, Rot};
use super::file::{CrashFile, FileId};
use super::names::{Names, Node};

/// The machine. The number of the call that is under way serves it as a clock.
#[derive(Debug)]
pub(super) struct Machine {
    random: Rng,
    pub(super) faults: Faults,
    pub(super) space: Option<u64>,
    pub(super) read_only: bool,
    pub(super) is_full: bool,
    pub(super) boot_id: u128,
    pub(super) names: Names,
    pub(super) locked: BTreeSet<PathBuf>,
    files: BTreeMap<FileId, CrashFile>,
    next_file: FileId,
    time: u64,
    /// When counting of calls began.
    started: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Up,
    Down,
    Restarted,
}

impl Machine {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            faults: Faults::default(),
            space: None,
            read_only: false,
            is_full: false,
            boot_id: 1,
            names: Names::new(),
            locked: BTreeSet::new(),
            files: BTreeMap::new(),
            next_file: 0,
            time: 0,
            started: 0,
            state: State::Up,
        }
    }

    pub(super) fn calls(&self) -> u64 {
        self.time - self.started
    }

    pub(super) fn is_down(&self) -> bool {
        self.state != State::Up
    }

    /// One call: counts it, lets it meet what waits for it, and does of it what gets done.
    pub(super) fn call<T>(
        &mut self,
        call: Call,
        act: impl FnOnce(&mut Self, Effect) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.is_down() {
            return Err(io::Error::other("the process is not running"));
        }
        self.time += 1;
        if self.read_only && call.fails_if_read_only() {
            return Err(read_only());
        }
        if self.is_full && call.can_have(Fault::Full) {
            return Err(Fault::Full.error());
        }
        let Some(fault) = self.faults.take(self.calls(), call) else { return act(self, Effect::Whole) };
        let effect = call.effect(fault, &mut self.random);
        let result = if effect == Effect::None { Err(fault.error()) } else { act(self, effect) };
        match fault {
            Fault::ShortWrite => return result,
            Fault::Crash | Fault::PowerCut => self.go_down(fault),
            Fault::Io | Fault::Full | Fault::TooLarge | Fault::FailedSync => {}
        }
        Err(fault.error())
    }

    /// The process ends; a power cut takes what was not synced, or some of it.
    pub(super) fn go_down(&mut self, fault: Fault) {
        if self.is_down() {
            return;
        }
        self.state = State::Down;
        if fault == Fault::PowerCut {
            let left = Left::choose(&mut self.random, self.time);
            self.lose_power(left);
        }
    }

    /// A power cut that leaves nothing of what was not synced.
    pub(super) fn lose_unsynced(&mut self) {
        if !self.is_down() {
            self.state = State::Down;
            self.lose_power(Left::Nothing);
        }
    }

    pub(super) fn restart(&mut self) -> Self {
        assert!(self.state != State::Restarted, "a machine restarts once");
        self.state = State::Restarted;
        let mut machine = Self::new(self.random.u64(..));
        machine.space = self.space;
        machine.read_only = self.read_only;
        machine.is_full = self.is_full;
        machine.boot_id = self.boot_id;
        machine.names = std::mem::replace(&mut self.names, Names::new());
        machine.files = std::mem::take(&mut self.files);
        machine.next_file = self.next_file;
        machine.time = self.time;
        machine.started = self.time;
        machine.files.values_mut().for_each(|file| file.handles = 0);
        machine
    }

    fn lose_power(&mut self, left: Left) {
        self.boot_id += 1;
        let (random, now) = (&mut self.random, self.time);
        let named = self.names.survive(left.for_file(random, now), random);
        self.files.retain(|id, _| named.contains(id));
        for file in self.files.values_mut() {
            file.survive(left.for_file(random, now), random);
            file.is_linked = true;
        }
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<FileId> {
        self.check_new(path)?;
        let id = self.next_file;
        self.names.add_file(self.time, path, id)?;
        self.next_file += 1;
        self.files.insert(id, CrashFile::new());
        Ok(id)
    }

    /// That something exists already is noticed before anything else.
    fn check_new(&mut self, path: &Path) -> io::Result<()> {
        match self.names.find(path) {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(_) if self.read_only => Err(read_only()),
            Err(_) if self.room() == 0 => Err(Fault::Full.error()),
            Err(_) => Ok(()),
        }
    }

    pub(super) fn open(&mut self, path: &Path) -> io::Result<FileId> {
        let id = self.names.find_file(path)?;
        self.file(id).handles += 1;
        Ok(id)
    }

    /// A handle is gone. Those of a machine that is down were gone before.
    pub(super) fn close(&mut self, id: FileId) {
        if let Some(file) = self.files.get_mut(&id) {
            file.handles = file.handles.saturating_sub(1);
        }
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let replaced = self.names.rename(self.time, from, to)?;
        if let Some(id) = replaced {
            self.file(id).is_linked = false;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        let id = self.names.remove_file(self.time, path)?;
        self.file(id).is_linked = false;
        Ok(())
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> io::Result<()> {
        self.check_new(path)?;
        self.names.add_dir(self.time, path)
    }

    pub(super) fn remove_dir_all(&mut self, path: &Path, effect: Effect) -> io::Result<()> {
        let mut nodes = self.names.below(path)?;
        nodes.push((path.to_path_buf(), self.names.find(path)?));
        if effect == Effect::Part {
            nodes.truncate(self.random.usize(..nodes.len()));
        }
        for (path, node) in nodes {
            match node {
                Node::File(_) => self.remove(&path)?,
                Node::Directory(_) => self.names.remove_dir(self.time, &path)?,
            }
        }
        Ok(())
    }

    pub(super) fn take_lock(&mut self, dir: &Path) -> io::Result<bool> {
        self.names.list(dir)?;
        Ok(self.locked.insert(dir.to_path_buf()))
    }

    /// One that has a handle, or a name.
    pub(super) fn file(&mut self, id: FileId) -> &mut CrashFile {
        self.files.get_mut(&id).expect("files go when the machine goes down, and calls come only while it is up")
    }

    pub(super) fn write(&mut self, id: FileId, bytes: &[u8], offset: u64, effect: Effect) -> io::Result<usize> {
        let mut part = match effect {
            Effect::Short if bytes.len() > 1 => self.random.usize(1..bytes.len()),
            Effect::Part => some_blocks(bytes.len(), offset, &mut self.random),
            _ => bytes.len(),
        };
        let end = offset.checked_add(part as u64).ok_or(ErrorKind::FileTooLarge)?;
        let most = self.longest(id);
        if end > most {
            part = usize::try_from(most.saturating_sub(offset)).map_or(part, |room| room.min(part));
            if part == 0 && !bytes.is_empty() {
                return Err(Fault::Full.error());
            }
        }
        let time = self.time;
        self.file(id).write(time, &bytes[..part], offset)?;
        Ok(part)
    }

    pub(super) fn allocate(&mut self, id: FileId, len: u64) -> io::Result<()> {
        if len > self.longest(id) {
            return Err(Fault::Full.error());
        }
        let time = self.time;
        self.file(id).grow(time, len);
        Ok(())
    }

    pub(super) fn truncate(&mut self, id: FileId, len: u64) {
        let time = self.time;
        self.file(id).cut(time, len);
    }

    pub(super) fn sync(&mut self, id: FileId, effect: Effect) -> io::Result<()> {
        let file = self.files.get_mut(&id).ok_or(ErrorKind::NotFound)?;
        match effect {
            Effect::Lost => file.lose(&mut self.random),
            _ => file.sync(),
        }
        Ok(())
    }

    pub(super) fn contents(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let id = self.names.find_file(path)?;
        let file = self.file(id);
        let mut bytes = vec![0; usize::try_from(file.len()).map_err(|_| ErrorKind::FileTooLarge)?];
        file.read(&mut bytes, 0);
        Ok(bytes)
    }

    pub(super) fn rot(&mut self, path: &Path, rot: &Rot) -> io::Result<()> {
        let id = self.names.find_file(path)?;
        self.file(id).rot(rot)
    }

    pub(super) fn free_bytes(&mut self) -> u64 {
        self.room()
    }

    /// How long a file may get; as long as it is, at least.
    fn longest(&mut self, id: FileId) -> u64 {
        let room = self.room();
        let len = self.file(id).len();
        len.div_ceil(BLOCK).saturating_mul(BLOCK).saturating_add(room)
    }

    fn room(&mut self) -> u64 {
        // What has neither name nor handle is gone, but for a power cut that brings its name back.
        let there = self.files.values().filter(|file| file.is_linked || file.handles > 0);
        let used: u64 = there.map(|file| file.len().div_ceil(BLOCK) * BLOCK).sum();
        self.space.map_or(UNLIMITED, |space| space.saturating_sub(used) / BLOCK * BLOCK)
    }
}

/// How many of `len` bytes are written if the kernel stops at some page. None of them, maybe.
fn some_blocks(len: usize, offset: u64, random: &mut Rng) -> usize {
    let parts: Vec<usize> = (0..len).filter(|&part| (offset + part as u64).is_multiple_of(BLOCK)).collect();
    random.choice(parts).unwrap_or(0)
}

fn read_only() -> io::Error {
    rustix::io::Errno::ROFS.into()
}

/// Room is given out by blocks of this many bytes.
const BLOCK: u64 = 4096;

/// Room on a disk without a limit.
const UNLIMITED: u64 = 1 << 50;
