//! What is known of one consumer from its creation to its end: all states that it may be in, and those that it was in,
//! of which a crash may bring one back.

use std::collections::BTreeSet;

use super::config::{Acks, Config};
use super::state::{State, View};
use super::stock::Stock;

/// One consumer.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) config: Config,
    /// The states that it may be in; there is always one.
    now: Vec<State>,
    /// Those that it was in, the oldest that may come back first.
    past: Vec<Vec<State>>,
    /// How many before them have been forgotten.
    forgotten: usize,
    /// From which of them on one survives the end of the process, and the end of the power.
    killed_from: usize,
    cut_from: usize,
    /// Whether it is known where it began.
    pub(crate) has_begun: bool,
    /// Messages of which clients know that they are done for good.
    pub(crate) confirmed: BTreeSet<u64>,
}

/// A moment in the life of a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(usize);

impl Model {
    pub(crate) fn new(config: Config, state: State) -> Self {
        let now = vec![state];
        Self {
            config,
            past: vec![now.clone()],
            now,
            forgotten: 0,
            killed_from: 0,
            cut_from: 0,
            has_begun: true,
            confirmed: BTreeSet::new(),
        }
    }

    /// The moment that nothing is behind yet.
    pub(crate) fn moment(&self) -> Moment {
        Moment(self.forgotten + self.past.len() - 1)
    }

    /// The same, where it may have gone back before.
    pub(crate) fn see_anew(
        &mut self,
        what: &str,
        (stock, now): (&Stock, u64),
        mut see: impl FnMut(View<'_>, &mut State) -> Result<(), String>,
    ) {
        let view = View { config: &self.config, stock, now };
        self.now = self.now.iter().flat_map(|state| state.variants(view)).collect();
        self.see(what, |config, state| see(View { config, stock, now }, state));
    }

    /// Something happened, or was seen: only states stay in which that can be.
    pub(crate) fn see(&mut self, what: &str, mut see: impl FnMut(&Config, &mut State) -> Result<(), String>) {
        let mut errors = Vec::new();
        let config = &self.config;
        self.now.retain_mut(|state| see(config, state).map_err(|error| errors.push(error)).is_ok());
        assert!(!self.now.is_empty(), "{what}: {errors:#?}, {config:?}");
        self.now.sort();
        self.now.dedup();
        if self.past.last() != Some(&self.now) {
            self.past.push(self.now.clone());
        }
    }

    /// What was so at that moment survives the end of a process, or even that of the power.
    pub(crate) fn confirm(&mut self, moment: Moment, is_cut: bool) {
        self.killed_from = self.killed_from.max(moment.0);
        if is_cut {
            self.cut_from = self.cut_from.max(moment.0);
        }
        let needed = self.killed_from.min(self.cut_from);
        self.past.drain(..needed - self.forgotten);
        self.forgotten = needed;
    }

    /// Whether it takes for sure what somebody says of that message.
    pub(crate) fn is_answering(&self, sequence: u64) -> bool {
        self.config.acks != Acks::None && self.now.iter().all(|state| state.knows(sequence))
    }

    /// A broker has read it from the disk and shows it: it is in one of the states that may have come back, and what was
    /// behind that never was. `read` tells what a state becomes, or why it does not look like that.
    pub(crate) fn recover(
        &mut self,
        is_cut: bool,
        (stock, now): (&Stock, u64),
        read: impl Fn(View<'_>, &mut State) -> Result<(), String>,
    ) {
        let view = View { config: &self.config, stock, now };
        let from = if is_cut { self.cut_from } else { self.killed_from };
        let (mut found, mut errors, mut last) = (Vec::new(), Vec::new(), 0);
        for (place, states) in self.past.iter().enumerate().skip(from - self.forgotten) {
            for mut state in states.iter().flat_map(|state| state.variants(view)) {
                match read(view, &mut state) {
                    Ok(()) => {
                        found.push(state);
                        last = place;
                    }
                    Err(error) => errors.push(error),
                }
            }
        }
        assert!(!found.is_empty(), "it was never like that: {errors:#?}, {:?}", self.config);
        found.sort();
        found.dedup();
        self.past.truncate(last + 1);
        self.past.push(found.clone());
        self.now = found;
        let end = self.forgotten + last;
        self.killed_from = self.killed_from.min(end);
        self.cut_from = self.cut_from.min(end);
    }
}
