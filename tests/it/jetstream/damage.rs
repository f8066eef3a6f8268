//! Damage to the files of a store between two runs: the broker starts within seconds, serves what is intact byte for
//! byte and nothing else, tells what is lost, and gives no sequence out again.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Stream;
use futures_util::future::join_all;
use tempfile::TempDir;

use crate::jetstream::restart::copy;
use crate::jetstream::scene::{Scene, config};
use crate::support::run;

/// What happens to a file.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// One bit at this offset is another.
    Flip(u64),
    /// So many bytes from this offset are zero.
    Zero(u64, usize),
    /// It ends here.
    Cut(u64),
    Missing,
}

impl Fault {
    fn strike(self, path: &Path) {
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        match self {
            Self::Flip(at) => {
                let mut byte = [0];
                file.read_exact_at(&mut byte, at).unwrap();
                file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
            }
            Self::Zero(at, len) => {
                let left = usize::try_from(file.metadata().unwrap().len() - at).unwrap();
                file.write_all_at(&vec![0; len.min(left)], at).unwrap();
            }
            Self::Cut(len) => file.set_len(len).unwrap(),
            Self::Missing => fs::remove_file(path).unwrap(),
        }
    }
}

/// Messages of the stream that is damaged.
const MESSAGES: u64 = 120;

/// One of them that was deleted.
const DELETED: u64 = 50;

/// Of small messages, so that there is no checkpoint worth writing, and of messages that are worth one.
const SMALL: usize = 100;
const LARGE: usize = 1200;

/// What a record takes beyond its payload, and no more.
const OVERHEAD_BYTES: u64 = 100;

/// What a segment begins with; its tail marks are in there.
const HEADER_BLOCK_BYTES: u64 = 4096;

fn subject(sequence: u64) -> String {
    format!("a.{}", sequence % 7)
}

fn payload(sequence: u64, len: usize) -> Vec<u8> {
    (0..len as u64).map(|at| (sequence * 31 + at * 7).to_le_bytes()[0]).collect()
}

fn message(sequence: u64, len: usize) -> PublishMessage {
    PublishMessage::build().payload(payload(sequence, len).into()).message_id(sequence.to_string())
}

/// A store as a broker leaves it that was shut down, or that was killed.
struct Images {
    dir: TempDir,
    payload: usize,
}

impl Images {
    async fn make(payload: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("clean");
        let scene = Scene::at(&place).await;
        let stream = scene.stream(config("A", &["a.*"])).await;
        scene.stream(config("B", &["b"])).await;
        for sequence in 1..=MESSAGES {
            scene.send(&subject(sequence), message(sequence, payload)).await.unwrap();
        }
        stream.delete_message(DELETED).await.unwrap();
        scene.publish("b", "untouched").await;
        copy(&place, &dir.path().join("killed"));
        scene.stop().await;
        Self { dir, payload }
    }

    /// The files of the stream that was made first.
    fn files(&self, image: &str) -> Vec<PathBuf> {
        let streams = entries(&self.dir.path().join(image).join("streams"));
        entries(&streams[0])
    }

    /// Copies an image and damages the files in the same places.
    fn damaged(&self, image: &str, faults: &[(&Path, Fault)]) -> TempDir {
        let copied = tempfile::tempdir().unwrap();
        copy(&self.dir.path().join(image), copied.path());
        for (path, fault) in faults {
            fault.strike(&copied.path().join(path.strip_prefix(self.dir.path().join(image)).unwrap()));
        }
        copied
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// Starts a broker on a damaged store; returns the sequences that are lost.
async fn check(dir: &Path, len: usize, what: &str) -> Vec<u64> {
    let start = Instant::now();
    let scene = Scene::at(dir).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{what}: {:?}", start.elapsed());
    let stream = scene.context.get_stream("A").await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let lost = missing(&stream, len, what).await;
    // What says that a message was deleted may be what is damaged.
    let back = stream.direct_get(DELETED).await.ok();
    assert!(back.as_ref().is_none_or(|message| message.payload == payload(DELETED, len)), "{what}: wrong bytes");
    if back.is_some() || !lost.is_empty() {
        let info = scene.request("$JS.API.STREAM.INFO.A", "").await;
        assert!(info["state"]["lost"].is_object(), "{what}: {} lost, and {}", lost.len(), info["state"]);
    }
    let next = scene.send("a.next", PublishMessage::build().payload("next".into())).await.unwrap().sequence;
    assert!(next > MESSAGES, "{what}: sequence {next} again");
    assert_eq!(stream.direct_get_last_for_subject("a.next").await.unwrap().payload, "next", "{what}");
    assert_eq!(scene.publish("b", "others go on").await, 2, "{what}");
    scene.stop().await;
    // The next start finds it the same.
    let scene = Scene::at(dir).await;
    let stream = scene.get("A").await;
    assert_eq!(missing(&stream, len, what).await, lost, "{what}: another start");
    assert_eq!(stream.get_raw_message(next).await.unwrap().payload, "next", "{what}: another start");
    scene.stop().await;
    lost
}

/// The sequences that are not served; those that are, are as they were published.
async fn missing(stream: &Stream, len: usize, what: &str) -> Vec<u64> {
    let mut lost = Vec::new();
    let sequences = (1..=MESSAGES).filter(|sequence| *sequence != DELETED);
    let answers = join_all(sequences.map(async |sequence| (sequence, stream.direct_get(sequence).await))).await;
    for (sequence, answer) in answers {
        match answer {
            Ok(message) => {
                assert_eq!(message.payload, payload(sequence, len), "{what}: wrong bytes");
                assert_eq!(message.subject.as_str(), subject(sequence), "{what}: wrong subject");
            }
            Err(_) => lost.push(sequence),
        }
    }
    lost
}

/// Offsets all over a file.
fn offsets(len: u64, count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |number| number * (len - 1) / (count - 1).max(1))
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "seg")
}

#[test]
fn configuration_and_checkpoint_cost_nothing() {
    run(async {
        let images = Images::make(LARGE).await;
        let has_checkpoint = |path: &PathBuf| path.ends_with("checkpoint");
        assert!(images.files("clean").iter().any(has_checkpoint), "{:?}", images.files("clean"));
        for image in ["clean", "killed"] {
            for path in images.files(image).iter().filter(|path| !is_segment(path)) {
                let len = fs::metadata(path).unwrap().len();
                let flips = offsets(len, 3).map(Fault::Flip);
                for fault in flips.chain([Fault::Zero(0, 512), Fault::Cut(0), Fault::Cut(len / 2), Fault::Missing]) {
                    let what = format!("{image}: {fault:?} of {}", path.display());
                    let dir = images.damaged(image, &[(path, fault)]);
                    assert_eq!(check(dir.path(), images.payload, &what).await, [0; 0], "{what}");
                }
            }
        }
    });
}

#[test]
fn without_any_configuration_the_messages_tell() {
    run(async {
        let images = Images::make(SMALL).await;
        let files = images.files("killed");
        for fault in [Fault::Flip(30), Fault::Cut(0), Fault::Missing] {
            let faults: Vec<_> = files.iter().filter(|path| !is_segment(path)).map(|path| (&**path, fault)).collect();
            let dir = images.damaged("killed", &faults);
            assert_eq!(check(dir.path(), images.payload, &format!("{fault:?} of all but segments")).await, [0; 0]);
        }
    });
}

#[test]
fn a_flipped_bit_costs_one_message_at_most() {
    for payload in [SMALL, LARGE] {
        run(async move { check_flips(&Images::make(payload).await).await });
    }
}

async fn check_flips(images: &Images) {
    for image in ["clean", "killed"] {
        for path in images.files(image).iter().filter(|path| is_segment(path)) {
            let len = fs::metadata(path).unwrap().len();
            for at in offsets(len, 20).chain([3072, 3584].map(|mark| mark + 20)) {
                let what = format!("{image}: bit at {at} of {}", path.display());
                let dir = images.damaged(image, &[(path, Fault::Flip(at))]);
                let lost = check(dir.path(), images.payload, &what).await;
                assert!(lost.len() <= 1, "{what}: {lost:?}");
            }
        }
    }
}

#[test]
fn zeros_cost_what_they_hit() {
    for payload in [SMALL, LARGE] {
        run(async move { check_zeros(&Images::make(payload).await).await });
    }
}

async fn check_zeros(images: &Images) {
    for image in ["clean", "killed"] {
        for path in images.files(image).iter().filter(|path| is_segment(path)) {
            let len = fs::metadata(path).unwrap().len();
            for at in offsets(len, 12) {
                let what = format!("{image}: zeros at {at} of {}", path.display());
                let dir = images.damaged(image, &[(path, Fault::Zero(at / 512 * 512, 512))]);
                let lost = check(dir.path(), images.payload, &what).await;
                assert!(lost.len() <= 512 / images.payload + 2, "{what}: {lost:?}");
                let span = lost.last().map_or(0, |last| last - lost[0]);
                assert!(span <= lost.len() as u64, "{what}: {lost:?}");
            }
        }
    }
}

#[test]
fn a_cut_costs_what_was_behind_it() {
    for payload in [SMALL, LARGE] {
        run(async move { check_cuts(&Images::make(payload).await).await });
    }
}

async fn check_cuts(images: &Images) {
    for image in ["clean", "killed"] {
        for path in images.files(image).iter().filter(|path| is_segment(path)) {
            let len = fs::metadata(path).unwrap().len();
            for at in offsets(len, 8).skip(1) {
                let what = format!("{image}: {} ends at {at}", path.display());
                let dir = images.damaged(image, &[(path, Fault::Cut(at))]);
                let lost = check(dir.path(), images.payload, &what).await;
                let first = lost.first().copied().unwrap_or(MESSAGES + 1);
                let expected: Vec<_> = (first..=MESSAGES).filter(|sequence| *sequence != DELETED).collect();
                assert_eq!(lost, expected, "{what}");
                let intact = at.saturating_sub(HEADER_BLOCK_BYTES) / (images.payload as u64 + OVERHEAD_BYTES);
                assert!(first > intact.min(MESSAGES), "{what}: {first} is lost already");
            }
        }
    }
}

#[test]
fn a_segment_that_is_gone_takes_nothing_else_along() {
    run(async {
        let images = Images::make(SMALL).await;
        let files = images.files("clean");
        let segment = files.iter().find(|path| is_segment(path)).unwrap();
        for fault in [Fault::Missing, Fault::Cut(0), Fault::Zero(0, 1 << 20)] {
            let dir = images.damaged("clean", &[(segment, fault)]);
            let lost = check(dir.path(), images.payload, &format!("{fault:?} of the only segment")).await;
            assert_eq!(lost.len() as u64, MESSAGES - 1);
        }
    });
}
