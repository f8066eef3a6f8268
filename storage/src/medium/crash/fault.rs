//! What can be done to a disk, and when it comes about.

use std::io;
use std::ops::Range;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails with EIO. A sync that fails like that loses bytes.
    Io,
    /// It fails with ENOSPC, if it is one that takes room.
    Full,
    /// It fails with EFBIG, if it is one that makes room ahead.
    TooLarge,
    /// It writes only a part, if it is a write of more than one byte.
    ShortWrite,
    /// It fails with EIO and loses bytes, if it is a sync of a file.
    FailedSync,
    /// The process dies in it.
    Crash,
    /// The power goes in it.
    PowerCut,
}

/// Damage to bytes at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rot {
    /// One bit has another value: the byte's place in the file, and which of its bits, 0 to 7.
    Flip(u64, u8),
    /// These bytes are zeros.
    Zero(Range<u64>),
    /// Other bytes lie at this place: a stale page, or a misplaced write.
    Overwrite(u64, Vec<u8>),
    /// The file ends here.
    Truncate(u64),
}

/// The calls there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Create,
    Open,
    Rename,
    Remove,
    CreateDir,
    RemoveDir,
    List,
    SyncDir,
    FreeBytes,
    Lock,
    Read,
    Write,
    Allocate,
    Truncate,
    Sync,
    Len,
}

/// How far a call gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Whole,
    /// A part of it, where it has parts (whole pages of a write); else all of it.
    Part,
    /// Any part of a write.
    Short,
    /// What a sync does that fails.
    Lost,
    /// Nothing of it.
    None,
}

impl Call {
    /// Whether it fails where nothing may be written. What creates something looks first whether it is there.
    pub(super) fn fails_if_read_only(self) -> bool {
        let names = matches!(self, Self::Rename | Self::Remove | Self::RemoveDir);
        // The lock file is opened for writing.
        names || matches!(self, Self::Lock | Self::Write | Self::Allocate | Self::Truncate)
    }

    pub(super) fn can_have(self, fault: Fault) -> bool {
        match fault {
            Fault::Io => self != Self::Len,
            Fault::Full => {
                matches!(self, Self::Create | Self::CreateDir | Self::Rename | Self::Write | Self::Allocate)
            }
            Fault::TooLarge => self == Self::Allocate,
            Fault::ShortWrite => self == Self::Write,
            Fault::FailedSync => self == Self::Sync,
            Fault::Crash | Fault::PowerCut => true,
        }
    }

    /// How far it gets before it meets the fault.
    pub(super) fn effect(self, fault: Fault, random: &mut fastrand::Rng) -> Effect {
        let any = [Effect::None, Effect::Part, Effect::Whole];
        match (fault, self) {
            (Fault::Io | Fault::FailedSync, Self::Sync) => Effect::Lost,
            (Fault::Io, Self::Write) => any[random.usize(..2)],
            (Fault::Io | Fault::Full | Fault::TooLarge | Fault::FailedSync, _) => Effect::None,
            (Fault::ShortWrite, _) => Effect::Short,
            (Fault::Crash | Fault::PowerCut, _) => any[random.usize(..any.len())],
        }
    }
}

impl Fault {
    pub(super) fn error(self) -> io::Error {
        match self {
            Self::Io | Self::FailedSync | Self::ShortWrite => rustix::io::Errno::IO.into(),
            Self::Full => rustix::io::Errno::NOSPC.into(),
            Self::TooLarge => rustix::io::Errno::FBIG.into(),
            Self::Crash => io::Error::other("the process was killed"),
            Self::PowerCut => io::Error::other("the power was cut"),
        }
    }
}

/// Faults that are still to come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    once: Vec<(u64, Fault)>,
    /// From this call on.
    always: Option<(u64, Fault)>,
}

impl Faults {
    pub(super) fn at(&mut self, call: u64, fault: Fault) {
        self.once.push((call, fault));
    }

    pub(super) fn from(&mut self, call: u64, fault: Fault) {
        self.always = Some((call, fault));
    }

    /// What the call with this number meets.
    pub(super) fn take(&mut self, number: u64, call: Call) -> Option<Fault> {
        let due = self.once.iter().position(|&(at, fault)| at <= number && call.can_have(fault));
        let always = self.always.filter(|&(from, fault)| from <= number && call.can_have(fault));
        due.map(|index| self.once.remove(index).1).or(always.map(|(_, fault)| fault))
    }
}
