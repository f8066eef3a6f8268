//! The directory in which a server keeps its streams, and the arguments that tell it so.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::server::Contender;

/// Bytes of a block in which Linux counts the space of a file. [stat(2)]
const BLOCK_BYTES: u64 = 512;

/// What an acknowledgement promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The message is on the disk.
    Always,
    /// The message is in the hands of the operating system.
    Os,
}

/// A fresh directory; gone when dropped.
#[derive(Debug)]
pub(crate) struct Store {
    folder: TempDir,
}

impl Store {
    /// Makes a directory in `parent`.
    pub(crate) fn new(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        Ok(Self { folder: tempfile::Builder::new().prefix("load-").tempdir_in(parent)? })
    }

    /// The arguments with which `contender` keeps its streams here.
    pub(crate) fn arguments(&self, contender: &Contender, durability: Durability) -> io::Result<Vec<OsString>> {
        if contender.is_nats_server {
            let file = self.folder.path().join("nats.conf");
            fs::write(&file, self.nats_configuration(durability))?;
            return Ok(vec!["-c".into(), file.into()]);
        }
        let sync = match durability {
            Durability::Always => "always",
            Durability::Os => "os",
        };
        Ok(vec!["-js".into(), "-sd".into(), self.folder.path().into(), "--sync".into(), sync.into()])
    }

    /// Space that the files take on the disk.
    pub(super) fn disk_bytes(&self) -> io::Result<u64> {
        disk_bytes(self.folder.path())
    }

    fn nats_configuration(&self, durability: Durability) -> String {
        let sync = match durability {
            Durability::Always => "sync_interval: always\n",
            Durability::Os => "",
        };
        format!("jetstream {{\nstore_dir: \"{}\"\n{sync}}}\n", self.folder.path().display())
    }
}

fn disk_bytes(folder: &Path) -> io::Result<u64> {
    fs::read_dir(folder)?
        .map(|entry| {
            let entry = entry?;
            let metadata = entry.metadata()?;
            Ok(if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * BLOCK_BYTES })
        })
        .sum()
}
