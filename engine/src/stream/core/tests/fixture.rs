//! A stream under test.

use embus_storage::log::Undone;
use embus_storage::medium::memory::Memory;
use embus_storage::message::StoredMessage;

use super::super::*;
use crate::api::time::Nanos;

pub(super) const SECOND: i64 = 1_000_000_000;

/// A stream, its disk and the time.
pub(super) struct Bench {
    medium: Memory,
    pub(super) core: Core,
    pub(super) now: Timestamp,
}

/// A stream whose configuration is the default with changes.
pub(super) fn stream(change: impl FnOnce(&mut StreamConfig)) -> Bench {
    let medium = Memory::new();
    medium.create_dir("/s".as_ref()).unwrap();
    let config = Arc::new(configured(change));
    let core = Core::create(Arc::new(medium.clone()), "/s".into(), config, 0, true).unwrap();
    Bench { medium, core, now: 1_700_000_000 * SECOND }
}

pub(super) fn configured(change: impl FnOnce(&mut StreamConfig)) -> StreamConfig {
    let mut config = StreamConfig {
        name: "S".to_owned(),
        subjects: vec![">".to_owned()],
        duplicate_window: Nanos(120 * SECOND),
        ..StreamConfig::default()
    };
    change(&mut config);
    config
}

impl Bench {
    /// Publishes; headers are `Name: value` lines.
    pub(super) fn publish(&mut self, subject: &str, headers: &[&str], payload: &str) -> Outcome {
        self.publish_raw(subject, &block(headers), payload)
    }

    pub(super) fn publish_raw(&mut self, subject: &str, headers: &str, payload: &str) -> Outcome {
        let (subject, headers) = (subject.as_bytes(), headers.as_bytes());
        self.core.publish(&Incoming { subject, headers, payload: payload.as_bytes() }, self.now)
    }

    /// Publishes what must be stored.
    #[track_caller]
    pub(super) fn store(&mut self, subject: &str, headers: &[&str], payload: &str) -> u64 {
        match self.publish(subject, headers, payload) {
            Outcome::Stored { sequence } => sequence,
            other => panic!("{subject}: {other:?}"),
        }
    }

    /// Publishes what must be refused, with this code and text.
    #[track_caller]
    pub(super) fn refuse(&mut self, subject: &str, headers: &[&str], payload: &str, code: u16, text: &str) {
        match self.publish(subject, headers, payload) {
            Outcome::Refused(error) => {
                assert_eq!((error.err_code, &*error.description), (code, text), "{subject} {headers:?}");
            }
            other => panic!("{subject} {headers:?}: {other:?}"),
        }
    }

    pub(super) fn pass(&mut self, nanos: i64) {
        self.now += nanos;
        while self.core.next_expiry().is_some_and(|next| next <= self.now) {
            self.core.expire(self.now);
        }
    }

    pub(super) fn read(&mut self, sequence: u64) -> Option<StoredMessage> {
        let locator = self.core.log_mut().locate(sequence).unwrap()?;
        Some(locator.read().unwrap())
    }

    pub(super) fn headers(&mut self, sequence: u64) -> String {
        String::from_utf8(self.read(sequence).unwrap().headers.to_vec()).unwrap()
    }

    /// Live sequences with their subjects.
    pub(super) fn live(&mut self) -> Vec<(u64, String)> {
        let (mut live, mut from) = (Vec::new(), 0);
        while let Some((sequence, locator)) = self.core.log_mut().next(&[], from).unwrap() {
            live.push((sequence, String::from_utf8(locator.read().unwrap().subject.to_vec()).unwrap()));
            from = sequence + 1;
        }
        live
    }

    pub(super) fn sequences(&mut self) -> Vec<u64> {
        self.live().into_iter().map(|(sequence, _)| sequence).collect()
    }

    pub(super) fn state(&self) -> State {
        self.core.state()
    }

    pub(super) fn update(&mut self, change: impl FnOnce(&mut StreamConfig)) {
        let mut config = (**self.core.config()).clone();
        change(&mut config);
        self.core.update(Arc::new(config), self.now).unwrap();
    }

    pub(super) fn commit(&mut self) {
        while let Some(commit) = self.core.log_mut().take_commit(true) {
            self.core.log_mut().finish_commit(commit.run()).unwrap();
        }
    }

    /// Stops without a word and starts again.
    pub(super) fn crash(&mut self) {
        self.commit();
        self.open();
    }

    /// Stops in good order and starts again.
    pub(super) fn restart(&mut self) {
        let notes = self.core.notes();
        self.core.log_mut().close(&notes).unwrap();
        self.open();
    }

    fn open(&mut self) {
        let (config, medium) = (Arc::clone(self.core.config()), Arc::new(self.medium.clone()));
        self.core = Core::open(medium, "/s".into(), config, 0, true, Undone::default(), self.now).unwrap();
    }
}

pub(super) fn block(headers: &[&str]) -> String {
    if headers.is_empty() {
        return String::new();
    }
    format!("NATS/1.0\r\n{}\r\n\r\n", headers.join("\r\n"))
}
