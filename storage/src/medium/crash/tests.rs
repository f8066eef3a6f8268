//! Tests of the test tool: that it really loses what it may lose, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use super::*;

const FILE: &str = "/d/f";

fn path(path: &str) -> &Path {
    Path::new(path)
}

fn machine(seed: u64) -> CrashMedium {
    let medium = CrashMedium::new(seed);
    medium.create_dir(path("/d")).unwrap();
    medium.sync_dir(path("/")).unwrap();
    medium
}

/// A machine with one durable file.
fn machine_with_file(seed: u64, bytes: &[u8]) -> (CrashMedium, Arc<dyn File>) {
    let medium = machine(seed);
    let file = medium.create(path(FILE)).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file.sync().unwrap();
    medium.sync_dir(path("/d")).unwrap();
    (medium, file)
}

/// What is left of the file after a power cut, over many seeds.
fn outcomes(initial: &[u8], act: impl Fn(&CrashMedium, &dyn File)) -> BTreeSet<Vec<u8>> {
    let outcome = |seed| {
        let (medium, file) = machine_with_file(seed, initial);
        act(&medium, &*file);
        medium.cut_power();
        medium.restart().contents(path(FILE)).unwrap()
    };
    (0..1000).map(outcome).collect()
}

fn sets(contents: &[&[u8]]) -> BTreeSet<Vec<u8>> {
    contents.iter().map(|bytes| bytes.to_vec()).collect()
}

#[test]
fn what_is_synced_stays() {
    let after = outcomes(b"old", |_, file| {
        file.write_all_at(&[1; 3000], 2).unwrap();
        file.truncate(2500).unwrap();
        file.allocate(2600).unwrap();
        file.sync().unwrap();
    });
    let expected = [b"ol".as_slice(), &[1; 2498], &[0; 100]].concat();
    assert_eq!(after, sets(&[&expected]));
}

#[test]
fn a_sector_is_as_it_was_after_any_of_the_writes_but_never_torn() {
    let after = outcomes(b"....", |_, file| {
        file.write_all_at(b"a", 0).unwrap();
        file.write_all_at(b"b", 1).unwrap();
        file.write_all_at(b"cc", 0).unwrap();
    });
    assert_eq!(after, sets(&[b"....", b"a...", b"ab..", b"cc.."]));
}

#[test]
fn writes_tear_and_overtake_each_other() {
    let after = outcomes(&[b'.'; 1536], |_, file| {
        file.write_all_at(&[b'a'; 1024], 0).unwrap();
        file.write_all_at(&[b'b'; 512], 1024).unwrap();
    });
    let sectors = after.iter().map(|bytes| [bytes[0], bytes[512], bytes[1024]]).collect::<BTreeSet<_>>();
    assert_eq!(sectors.len(), 8);
    assert!(after.iter().all(|bytes| bytes.chunks(512).all(|sector| sector.iter().all(|byte| *byte == sector[0]))));
}

#[test]
fn size_and_bytes_arrive_apart() {
    let after = outcomes(b"12", |_, file| file.write_all_at(b"345", 2).unwrap());
    assert_eq!(after, sets(&[b"12", b"12\0\0\0", b"12345"]));
    let sizes = outcomes(b"", |_, file| file.allocate(2000).unwrap()).iter().map(Vec::len).collect::<BTreeSet<_>>();
    assert_eq!(sizes, BTreeSet::from([0, 512, 1024, 1536, 2000]));
}

#[test]
fn what_is_written_behind_a_lost_cut_is_lost() {
    let after = outcomes(b"123456", |_, file| {
        file.truncate(2).unwrap();
        file.write_all_at(b"x", 4).unwrap();
    });
    assert_eq!(after, sets(&[b"123456", b"12", b"12\0\0\0", b"12\0\0x"]));
}

#[test]
fn a_name_needs_a_sync_of_its_directory() {
    let survives = |seed, synced| {
        let medium = machine(seed);
        let file = medium.create(path(FILE)).unwrap();
        file.write_all_at(b"x", 0).unwrap();
        file.sync().unwrap();
        if synced {
            medium.sync_dir(path("/d")).unwrap();
        }
        medium.cut_power();
        medium.restart().contents(path(FILE)).map_err(|error| error.kind())
    };
    let unsynced: BTreeSet<_> = (0..100).map(|seed| survives(seed, false).ok()).collect();
    assert_eq!(unsynced, BTreeSet::from([None, Some(b"x".to_vec())]));
    assert!((0..100).all(|seed| survives(seed, true) == Ok(b"x".to_vec())));
}

#[test]
fn a_directory_goes_with_its_name_whatever_is_synced_below() {
    let survives = |seed| {
        let medium = CrashMedium::new(seed);
        medium.create_dir(path("/d")).unwrap();
        medium.create(path(FILE)).unwrap().sync().unwrap();
        medium.sync_dir(path("/d")).unwrap();
        medium.cut_power();
        medium.restart().contents(path(FILE)).is_ok()
    };
    let outcomes: BTreeSet<_> = (0..100).map(survives).collect();
    assert_eq!(outcomes.len(), 2);
}

#[test]
fn a_rename_replaces_wholly_or_not_at_all() {
    let outcome = |seed| {
        let (medium, _) = machine_with_file(seed, b"old");
        let new = medium.create(path("/d/new")).unwrap();
        new.write_all_at(b"new", 0).unwrap();
        new.sync().unwrap();
        medium.rename(path("/d/new"), path(FILE)).unwrap();
        medium.cut_power();
        let medium = medium.restart();
        (medium.contents(path(FILE)).unwrap(), medium.list(path("/d")).unwrap())
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let outcomes: BTreeSet<_> = (0..200).map(outcome).collect();
    let expected =
        [(b"old".to_vec(), names(&["f"])), (b"old".to_vec(), names(&["f", "new"])), (b"new".to_vec(), names(&["f"]))];
    assert_eq!(outcomes, BTreeSet::from(expected));
}

#[test]
fn a_process_crash_keeps_what_was_written_until_the_power_goes() {
    let mut lost = 0;
    for seed in 0..50 {
        let (medium, file) = machine_with_file(seed, b"old");
        let _lock = medium.lock(path("/d")).unwrap();
        file.write_all_at(b"new", 0).unwrap();
        medium.create(path("/d/g")).unwrap();
        medium.crash();
        assert!(medium.is_down());
        assert!(file.len().is_err());

        let medium_2 = medium.restart();
        assert!(file.len().is_err());
        assert_eq!(medium_2.boot_id(), medium.boot_id());
        assert_eq!(medium_2.contents(path(FILE)).unwrap(), b"new");
        assert_eq!(medium_2.list(path("/d")).unwrap(), ["f", "g"]);
        drop(medium_2.lock(path("/d")).unwrap());

        medium_2.cut_power();
        let medium_3 = medium_2.restart();
        assert_ne!(medium_3.boot_id(), medium.boot_id());
        lost += usize::from(medium_3.contents(path(FILE)).unwrap() == b"old");
    }
    assert!((10..40).contains(&lost), "{lost}");
}

#[test]
fn a_failed_sync_loses_bytes_that_no_later_sync_brings_back() {
    let mut seen = BTreeMap::new();
    for seed in 0..100 {
        let (medium, file) = machine_with_file(seed, &[b'.'; 1024]);
        medium.fail_at(0, Fault::FailedSync);
        file.write_all_at(&[b'x'; 1024], 0).unwrap();
        assert_eq!(file.sync().unwrap_err().raw_os_error(), Some(5));
        let cached = medium.contents(path(FILE)).unwrap();
        file.sync().unwrap();
        medium.cut_power();
        let durable = medium.restart().contents(path(FILE)).unwrap();
        assert_ne!(durable, [b'x'; 1024]);
        *seen.entry(cached == durable).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 2, "the cache may keep them or not");
}

#[test]
fn a_full_disk_takes_what_it_has_room_for() {
    let (medium, file) = machine_with_file(0, b"x");
    medium.set_space(Some(3 * 4096 + 100));
    assert_eq!(medium.free_bytes(path("/d")).unwrap(), 2 * 4096);
    assert_eq!(file.write_at(&vec![1; 20_000], 4000).unwrap(), 3 * 4096 - 4000);
    assert_eq!(file.write_at(&[1], 3 * 4096).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(file.allocate(3 * 4096 + 1).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(medium.create(path("/d/g")).unwrap_err().kind(), ErrorKind::StorageFull);
    file.write_all_at(&[2; 4096], 0).unwrap();
    medium.remove(path(FILE)).unwrap();
    assert_eq!(medium.free_bytes(path("/d")).unwrap(), 0, "it is still open");
    drop(file);
    assert_eq!(medium.free_bytes(path("/d")).unwrap(), 3 * 4096);
}

#[test]
fn faults_come_when_asked_for_and_wait_for_a_call_that_can_have_them() {
    let (medium, file) = machine_with_file(0, b"abc");
    let next = medium.calls() + 1;
    medium.fail_at(next, Fault::Full);
    medium.fail_at(next + 1, Fault::Io);
    assert_eq!(file.len().unwrap(), 3);
    assert_eq!(file.read_at(&mut [0; 3], 0).unwrap_err().raw_os_error(), Some(5));
    assert_eq!(file.read_at(&mut [0; 3], 0).unwrap(), 3);
    assert_eq!(file.write_at(b"x", 0).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(medium.calls(), next + 3);

    medium.fail_at(0, Fault::ShortWrite);
    let written = file.write_at(b"defghi", 3).unwrap();
    assert!((1..6).contains(&written));
    assert_eq!(medium.contents(path(FILE)).unwrap(), b"abcdefghi"[..3 + written]);

    medium.fail_from(medium.calls() + 2, Fault::Io);
    assert!(file.sync().is_ok());
    assert!(file.sync().is_err() && file.sync().is_err());
    medium.forget_faults();
    medium.set_read_only(true);
    assert_eq!(file.write_at(b"x", 0).unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
    assert_eq!(file.read_at(&mut [0], 0).unwrap(), 1);
}

#[test]
fn the_call_that_meets_a_crash_has_its_effect_or_none_or_a_part() {
    let outcome = |seed| {
        let (medium, file) = machine_with_file(seed, b"");
        medium.fail_at(0, Fault::Crash);
        file.write_at(&[1; 10_000], 0).unwrap_err();
        assert!(medium.is_down());
        medium.restart().contents(path(FILE)).unwrap().len()
    };
    let sizes: BTreeSet<_> = (0..100).map(outcome).collect();
    assert_eq!(sizes, BTreeSet::from([0, 4096, 8192, 10_000]));
}

#[test]
fn a_directory_may_be_removed_in_part() {
    let outcome = |seed| {
        let medium = machine(seed);
        for name in ["/d/a", "/d/b"] {
            medium.create(path(name)).unwrap();
        }
        medium.fail_at(0, Fault::Crash);
        medium.remove_dir_all(path("/d")).unwrap_err();
        medium.restart().list(path("/d")).map_or(9, |names| names.len())
    };
    let left: BTreeSet<_> = (0..100).map(outcome).collect();
    assert_eq!(left, BTreeSet::from([0, 1, 2, 9]));
}

#[test]
fn rot_stays() {
    let (medium, _) = machine_with_file(0, b"abcdef");
    medium.rot(path(FILE), &Rot::Flip(0, 1)).unwrap();
    medium.rot(path(FILE), &Rot::Zero(1..2)).unwrap();
    medium.rot(path(FILE), &Rot::Overwrite(4, b"xyz".to_vec())).unwrap();
    assert_eq!(medium.contents(path(FILE)).unwrap(), b"c\0cdxy");
    medium.rot(path(FILE), &Rot::Truncate(3)).unwrap();
    medium.cut_power();
    assert_eq!(medium.restart().contents(path(FILE)).unwrap(), b"c\0c");
}

#[test]
fn names_follow_the_rules_of_a_file_system() {
    let (medium, _) = machine_with_file(0, b"");
    let kind = |result: io::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(medium.create(path(FILE)).map(drop)), ErrorKind::AlreadyExists);
    assert_eq!(kind(medium.create(path("/x/y")).map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(medium.create_dir(path("/d/f/g"))), ErrorKind::NotADirectory);
    assert_eq!(kind(medium.open(path("/d")).map(drop)), ErrorKind::IsADirectory);
    assert_eq!(kind(medium.rename(path("/d"), path("/d/e"))), ErrorKind::InvalidInput);
    assert_eq!(kind(medium.list(path(FILE)).map(drop)), ErrorKind::NotADirectory);
    assert_eq!(kind(medium.remove(path("/d"))), ErrorKind::IsADirectory);
    medium.create_dir(path("/e")).unwrap();
    assert_eq!(kind(medium.rename(path("/d"), path("/e"))), ErrorKind::DirectoryNotEmpty);
    medium.rename(path("/d"), path("e/d")).unwrap();
    assert_eq!(medium.files(), [path("/e/d/f")]);
    assert!(medium.lock(path("e")).is_ok());
    let _lock = medium.lock(path("e")).unwrap();
    assert!(matches!(medium.lock(path("e")), Err(StorageError::Locked { .. })));
}

#[test]
fn a_seed_decides_everything() {
    let run = |seed| {
        let (medium, file) = machine_with_file(seed, b"");
        for round in 0..20u8 {
            file.write_all_at(&vec![round; 700], u64::from(round) * 300).unwrap();
            let _ = medium.create(path(&format!("/d/{round}")));
        }
        medium.cut_power();
        let medium = medium.restart();
        (medium.files(), medium.contents(path(FILE)).unwrap())
    };
    assert!((0..50).all(|seed| run(seed) == run(seed)));
}
