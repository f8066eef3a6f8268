//! What a stream does while publishers wait: how often it goes to the disk, and how much it looks at.

use embus_storage::medium::crash::{CrashMedium, Rot};

use super::super::*;
use super::fixture::{SECOND, configured};
use crate::api::time::Nanos;

const NOW: Timestamp = 1_700_000_000 * SECOND;

/// A stream on a disk that counts what it is asked.
struct Scene {
    disk: CrashMedium,
    core: Core,
    payload: Vec<u8>,
}

impl Scene {
    fn new(change: impl FnOnce(&mut StreamConfig)) -> Self {
        let disk = CrashMedium::new(1);
        disk.create_dir("/s".as_ref()).unwrap();
        let config = Arc::new(configured(change));
        let core = Core::create(Arc::new(disk.clone()), "/s".into(), config, 0, true).unwrap();
        Self { disk, core, payload: vec![7; 400] }
    }

    fn reopen(&mut self, now: Timestamp) {
        let (config, medium) = (Arc::clone(self.core.config()), Arc::new(self.disk.clone()));
        self.core = Core::open(medium, "/s".into(), config, 0, true, Undone::default(), now).unwrap();
    }

    fn store(&mut self, headers: &str, now: Timestamp) {
        let message = Incoming { subject: b"a", headers: headers.as_bytes(), payload: &self.payload };
        assert!(matches!(self.core.publish(&message, now), Outcome::Stored { .. }));
    }

    fn commit(&mut self) {
        while let Some(commit) = self.core.log_mut().take_commit(true) {
            self.core.log_mut().finish_commit(commit.run()).unwrap();
        }
    }

    /// How often `act` goes to the disk, and what it comes to.
    fn calls<T>(&mut self, act: impl FnOnce(&mut Core) -> T) -> (u64, T) {
        let before = self.disk.calls();
        let result = act(&mut self.core);
        (self.disk.calls() - before, result)
    }
}

#[test]
fn the_next_deadline_is_told_without_a_look_at_the_disk() {
    for kept in [10, 100] {
        let mut scene = Scene::new(|config| (config.max_age, config.max_messages) = (Nanos(1000 * SECOND), kept));
        for passed in 0..300 {
            scene.store("", NOW + passed * SECOND);
            scene.commit();
            let (calls, next) = scene.calls(|core| core.next_expiry().unwrap());
            let first = NOW + (passed + 1 - kept).max(0) * SECOND;
            assert!(calls == 0 && next <= first + 1000 * SECOND, "{calls} {next}");
            assert!(kept > 10 || next == first + 1000 * SECOND, "{kept} {passed}");
        }
        // However early it comes back, nothing leaves early, and all leave in time.
        let last = NOW + 299 * SECOND;
        while let Some(next) = scene.core.next_expiry().filter(|next| *next < last + 1000 * SECOND) {
            scene.core.expire(next);
            assert!(scene.core.log().first_time_bound() + 1000 * SECOND > next - SECOND);
        }
        assert_eq!(scene.core.log().messages(), 1);
        scene.core.expire(last + 1000 * SECOND);
        assert_eq!((scene.core.log().messages(), scene.core.next_expiry()), (0, None));
    }
}

#[test]
fn what_never_expires_is_passed_a_part_at_a_time() {
    let mut scene = Scene::new(|config| (config.max_age, config.allow_message_ttl) = (Nanos(10 * SECOND), true));
    for _ in 0..10_000 {
        scene.store("NATS/1.0\r\nNats-TTL: never\r\n\r\n", NOW);
    }
    scene.store("", NOW);
    scene.commit();
    let later = NOW + 10 * SECOND;
    for _ in 0..2 {
        let (calls, removed) = scene.calls(|core| core.expire(later));
        assert_eq!((calls, removed), (0, 0));
        assert!(scene.core.next_expiry().unwrap() <= later, "it goes on");
    }
    let (calls, removed) = scene.calls(|core| core.expire(later));
    assert!(calls <= 1 && removed == 1, "{calls} {removed}");
    assert_eq!((scene.core.log().messages(), scene.core.next_expiry()), (10_000, None));
}

/// It counts as lost, and what is behind it leaves in time.
#[test]
fn a_damaged_message_keeps_no_other_from_leaving() {
    for damaged in [1, 2, 5] {
        let mut scene = Scene::new(|config| config.max_age = Nanos(10 * SECOND));
        scene.payload = vec![7; 5000];
        (0..30).for_each(|passed| scene.store("", NOW + passed * SECOND));
        scene.commit();
        // Nothing is known of their times any more, but of the first.
        scene.reopen(NOW);
        let files = scene.disk.files();
        let file = files.iter().find(|path| path.extension().is_some_and(|it| it == "seg")).unwrap();
        // A segment begins with a page; of each message: its header, subject and payload.
        let offset = 4096 + (damaged - 1) * (28 + 1 + 5000);
        scene.disk.rot(file, &Rot::Zero(offset..offset + 8)).unwrap();
        scene.core.log_mut().evict_first().unwrap();
        scene.core.expire(NOW + 13 * SECOND);
        let state = scene.core.state();
        let expected = (5 + u64::from(damaged == 5), u64::from(damaged > 1));
        assert_eq!((state.first_sequence, state.lost_messages), expected, "{damaged}");
    }
}
