//! What is checked: each outcome when it comes, and everything while nobody is at work.

use embus_kv::Entry;

use super::change::{Fate, KEYS};
use super::model::Before;
use super::program::{self, Outcome, Task};
use super::world::{Sabotage, World};
use crate::machine::Down;

impl World {
    pub(super) fn ended(&mut self, task: Task, before: &Before, outcome: Outcome) {
        let now = self.now();
        match (task, outcome) {
            (Task::Change(number), Outcome::Stored(revision, expected)) => {
                self.model.stored(number, revision, expected, now);
            }
            (Task::Change(number), Outcome::NotMet) => {
                let change = &mut self.model.changes[number];
                (change.fate, change.ended_at) = (Fate::Refused, now);
            }
            (Task::Read(key), Outcome::Found(found)) => self.model.check_read(key, before, found.as_ref()),
            (Task::History(key), Outcome::Entries(entries)) => self.check_some_history(key, before, &entries),
            (Task::List, Outcome::Keys(keys)) => self.check_list(before, keys),
            (task, outcome) => panic!("{task:?} came to {outcome:?}"),
        }
    }

    /// The history of a key while others change it.
    fn check_some_history(&self, key: usize, before: &Before, entries: &[Entry]) {
        assert!(entries.is_sorted_by(|one, other| one.revision < other.revision), "{entries:?}");
        self.model.check_read(key, before, entries.last());
    }

    fn check_list(&mut self, before: &Before, mut keys: Vec<String>) {
        if self.sabotage == Some(Sabotage::LoseKey) {
            keys.pop();
        }
        for (number, key) in KEYS.iter().enumerate() {
            let count = keys.iter().filter(|listed| listed == key).count();
            assert!(count < 2, "{key} is listed twice");
            match self.model.had_value_since(before, number) {
                Some(true) => assert_eq!(count, 1, "{key} has a value and is not listed"),
                Some(false) => assert_eq!(count, 0, "{key} has no value and is listed"),
                None => {}
            }
        }
    }

    /// Looks at everything while nobody is at work.
    pub(super) fn check(&mut self) -> Result<(), Down> {
        self.do_what_is_due()?;
        while self.crew.has_work() {
            self.turn()?;
        }
        let now = self.now();
        for (key, name) in KEYS.iter().enumerate() {
            let bucket = self.bucket()?;
            let Outcome::Entries(mut entries) = self.complete(program::history(bucket, key))? else { return Err(Down) };
            if self.sabotage == Some(Sabotage::LoseEntry) {
                entries.pop();
            }
            self.trace.note(format_args!("{name} is {entries:?}"));
            self.model.check_history(key, &entries, now);
            self.check_last(key, entries.last())?;
        }
        let (bucket, before) = (self.bucket()?, self.model.now_reading());
        let Outcome::Keys(keys) = self.complete(program::list(bucket))? else { return Err(Down) };
        self.check_list(&before, keys);
        Ok(())
    }

    fn check_last(&mut self, key: usize, last: Option<&Entry>) -> Result<(), Down> {
        let bucket = self.bucket()?;
        let Outcome::Found(found) = self.complete(program::find(bucket, key))? else { return Err(Down) };
        let told = |entry: &Entry| (entry.revision, entry.operation, entry.value.clone());
        assert_eq!(found.as_ref().map(told), last.map(told), "what is read of {}", KEYS[key]);
        Ok(())
    }
}
