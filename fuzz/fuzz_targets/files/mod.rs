//! What the targets share that recover from files.

use std::path::Path;
use std::sync::Arc;

use embus_storage::medium::Medium;
use embus_storage::medium::memory::Memory;

/// The directory of the files.
pub const DIR: &str = "/stream";

/// A disk with one file.
pub fn disk(name: &str, packed: &[u8]) -> Arc<Memory> {
    let medium = Memory::new();
    medium.create_dir(DIR.as_ref()).expect("it is empty");
    let file = medium.create(&Path::new(DIR).join(name)).expect("it is empty");
    file.write_all_at(&unpack(packed), 0).expect("memory takes it");
    Arc::new(medium)
}

/// Files are mostly zeros, and inputs small: a zero stands for as many as the two bytes behind it say.
fn unpack(mut packed: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    while let Some((&byte, rest)) = packed.split_first() {
        packed = rest;
        match (byte, rest) {
            (0, [low, high, rest @ ..]) => {
                file.resize(file.len() + usize::from(u16::from_le_bytes([*low, *high])), 0);
                packed = rest;
            }
            _ => file.push(byte),
        }
    }
    file
}
