//! A file as the page cache has it and as the disk has it, and all that may still happen in between.

use std::collections::BTreeMap;
use std::io;

use fastrand::Rng;

use super::cut::Left;
use super::fault::Rot;
use crate::medium::content::Content;

/// Names a file, whatever it is called.
pub(super) type FileId = u64;

/// One file.
#[derive(Debug, Default)]
pub(super) struct CrashFile {
    live: Content,
    durable: Content,
    /// How each sector looked after each call that changed it since the last sync.
    sectors: BTreeMap<u64, Vec<Version>>,
    /// How the size changed since the last sync.
    sizes: Vec<Resize>,
    /// Whether it has a name.
    pub(super) is_linked: bool,
    /// Handles on it.
    pub(super) handles: usize,
}

#[derive(Debug)]
struct Version {
    time: u64,
    bytes: [u8; SECTOR],
}

#[derive(Debug, Clone, Copy)]
struct Resize {
    time: u64,
    from: u64,
    to: u64,
}

impl CrashFile {
    /// One that was just created, by whoever has it open.
    pub(super) fn new() -> Self {
        Self { is_linked: true, handles: 1, ..Self::default() }
    }

    pub(super) fn len(&self) -> u64 {
        self.live.len()
    }

    pub(super) fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        self.live.read(buf, offset)
    }

    pub(super) fn write(&mut self, time: u64, bytes: &[u8], offset: u64) -> io::Result<()> {
        let from = self.live.len();
        self.live.write(bytes, offset)?;
        self.note_size(time, from);
        if !bytes.is_empty() {
            let last = (offset + bytes.len() as u64 - 1) / SECTOR_BYTES;
            (offset / SECTOR_BYTES..=last).for_each(|sector| self.note_sector(time, sector));
        }
        Ok(())
    }

    pub(super) fn grow(&mut self, time: u64, len: u64) {
        let from = self.live.len();
        self.live.grow(len);
        self.note_size(time, from);
    }

    pub(super) fn cut(&mut self, time: u64, len: u64) {
        let from = self.live.len();
        if len >= from {
            return;
        }
        self.live.cut(len);
        self.note_size(time, from);
        let waiting: Vec<u64> = self.sectors.range(len / SECTOR_BYTES..).map(|(&sector, _)| sector).collect();
        for sector in waiting {
            self.note_sector(time, sector);
        }
    }

    /// All of it reaches the disk, but for what an earlier sync lost.
    pub(super) fn sync(&mut self) {
        resize(&mut self.durable, &self.sizes);
        self.sizes.clear();
        for (sector, versions) in std::mem::take(&mut self.sectors) {
            versions.last().into_iter().for_each(|version| put(&mut self.durable, sector, &version.bytes));
        }
        self.durable.cut(self.live.len());
    }

    /// Some of it does not reach the disk, and all of it counts as clean.
    pub(super) fn lose(&mut self, random: &mut Rng) {
        let lost = (!self.sectors.is_empty()).then(|| random.usize(..self.sectors.len()));
        let forgets = random.bool();
        resize(&mut self.durable, &self.sizes);
        self.sizes.clear();
        for (index, (sector, versions)) in std::mem::take(&mut self.sectors).into_iter().enumerate() {
            if Some(index) != lost && random.bool() {
                versions.last().into_iter().for_each(|version| put(&mut self.durable, sector, &version.bytes));
            } else if forgets {
                // The page cache gives the page up, and reads it again from the disk when asked.
                let bytes = sector_of(&self.durable, sector);
                let len = self.live.len();
                put(&mut self.live, sector, &bytes);
                self.live.cut(len);
            }
        }
        self.durable.cut(self.live.len());
    }

    /// What is there after a power cut: one content, on the disk and in the cache.
    pub(super) fn survive(&mut self, left: Left, random: &mut Rng) {
        let times: Vec<u64> = self.sizes.iter().map(|resize| resize.time).collect();
        let kept = left.prefix(random, &times);
        let (kept, lost) = self.sizes.split_at(kept);
        resize(&mut self.durable, kept);
        let len = partial_growth(left, random, lost).unwrap_or(self.durable.len());
        let end = lost.iter().find(|resize| resize.to < resize.from).map_or(u64::MAX, |cut| cut.time);
        for (&sector, versions) in &self.sectors {
            let cut = kept.iter().rev().find(|resize| resize.to < resize.from && resize.to / SECTOR_BYTES <= sector);
            let start = cut.map_or(0, |cut| versions.partition_point(|version| version.time < cut.time));
            let versions = &versions[..versions.partition_point(|version| version.time < end)];
            // What the cut left of the sector is there at least: the durable one has been cut with it.
            let versions = versions.get(start..).unwrap_or_default();
            let times: Vec<u64> = versions.iter().map(|version| version.time).collect();
            if let Some(index) = left.prefix(random, &times).checked_sub(1) {
                put(&mut self.durable, sector, &versions[index].bytes);
            }
        }
        self.durable.cut(len);
        self.durable.grow(len);
        self.sectors.clear();
        self.sizes.clear();
        self.live = self.durable.clone();
    }

    pub(super) fn rot(&mut self, rot: &Rot) -> io::Result<()> {
        for content in [&mut self.live, &mut self.durable] {
            damage(content, rot)?;
        }
        Ok(())
    }

    fn note_size(&mut self, time: u64, from: u64) {
        let to = self.live.len();
        if from != to {
            self.sizes.push(Resize { time, from, to });
        }
    }

    fn note_sector(&mut self, time: u64, sector: u64) {
        let version = Version { time, bytes: sector_of(&self.live, sector) };
        self.sectors.entry(sector).or_default().push(version);
    }
}

fn resize(content: &mut Content, sizes: &[Resize]) {
    for size in sizes {
        content.cut(size.to);
        content.grow(size.to);
    }
}

/// The first growth that is lost may have come to any sector.
fn partial_growth(left: Left, random: &mut Rng, lost: &[Resize]) -> Option<u64> {
    let first = lost.first().filter(|resize| resize.from < resize.to)?;
    if !matches!(left, Left::Anything) || random.bool() {
        return None;
    }
    Some((random.u64(first.from..first.to) / SECTOR_BYTES * SECTOR_BYTES).max(first.from))
}

fn sector_of(content: &Content, sector: u64) -> [u8; SECTOR] {
    let mut bytes = [0; SECTOR];
    content.read(&mut bytes, sector * SECTOR_BYTES);
    bytes
}

/// May leave the content longer than the file is, by zeros.
fn put(content: &mut Content, sector: u64, bytes: &[u8; SECTOR]) {
    // It was read from there, so it can be addressed.
    let _ = content.write(bytes, sector * SECTOR_BYTES);
}

fn damage(content: &mut Content, rot: &Rot) -> io::Result<()> {
    let len = content.len();
    match rot {
        Rot::Flip(at, bit) => {
            let mut byte = [0];
            if content.read(&mut byte, *at) == 1 {
                content.write(&[byte[0] ^ (1 << (bit & 7))], *at)?;
            }
        }
        Rot::Zero(range) => {
            for at in range.start..range.end.min(len) {
                content.write(&[0], at)?;
            }
        }
        Rot::Overwrite(at, bytes) => content.write(bytes, *at)?,
        Rot::Truncate(at) => content.cut(*at),
    }
    content.cut(len);
    Ok(())
}

const SECTOR: usize = 512;
const SECTOR_BYTES: u64 = SECTOR as u64;
