//! The streams of an account by name, by subject, and what they reserve. Looking one up never waits for a stream that is
//! being made or removed: whoever changes the registry does its disk work before and after, not while it holds the lock in
//! here. Nothing here takes longer because there are many streams, but to list them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use embus_protocol::filter_tree::{FilterTree, OutOfSteps, Steps};
use parking_lot::RwLock;

use crate::jetstream::limits::Reserved;
use crate::stream::Stream;
use crate::stream::config::StreamConfig;
use crate::stream::config::subjects::MAX_STEPS;

/// All streams that are served.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    members: RwLock<Members>,
}

#[derive(Debug, Default)]
struct Members {
    by_name: BTreeMap<Arc<str>, Member>,
    /// Names by subjects.
    by_subject: FilterTree<Arc<str>>,
    reserved: Reserved,
}

/// A stream, and its configuration without asking it.
#[derive(Debug)]
struct Member {
    stream: Arc<Stream>,
    config: Arc<StreamConfig>,
}

impl Registry {
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Stream>> {
        self.members.read().by_name.get(name).map(|member| Arc::clone(&member.stream))
    }

    pub(crate) fn insert(&self, stream: Arc<Stream>) {
        let config = stream.config();
        self.members.write().insert(stream, config);
    }

    pub(crate) fn remove(&self, name: &str) -> Option<Arc<Stream>> {
        self.members.write().remove(name).map(|member| member.stream)
    }

    /// The stream goes on with this configuration.
    pub(crate) fn set_config(&self, name: &str, config: Arc<StreamConfig>) {
        let mut members = self.members.write();
        if let Some(Member { stream, .. }) = members.remove(name) {
            members.insert(stream, config);
        }
    }

    /// All of them by name; with a filter, those of which some subject may match what it matches. [reference §3.1]
    pub(crate) fn list(&self, filter: Option<&str>) -> Vec<Arc<Stream>> {
        let members = self.members.read();
        let Some(filter) = filter else {
            return members.by_name.values().map(|member| Arc::clone(&member.stream)).collect();
        };
        let mut names = BTreeSet::new();
        members.by_subject.visit_overlaps(filter.as_bytes(), |name| {
            names.insert(name);
            true
        });
        names.into_iter().filter_map(|name| Some(Arc::clone(&members.by_name.get(name)?.stream))).collect()
    }

    /// Whether another stream than the one of this configuration has a subject that matches what one of its own does.
    ///
    /// # Errors
    /// So many nearly do that it would take too long to find out.
    pub(crate) fn has_overlap(&self, config: &StreamConfig) -> Result<bool, OutOfSteps> {
        let members = self.members.read();
        let mut steps = Steps(MAX_STEPS);
        for subject in &config.subjects {
            let is_other = |name: &Arc<str>| **name != *config.name;
            if members.by_subject.find_overlap_within(subject.as_bytes(), &mut steps, is_other)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What all of them reserve.
    pub(crate) fn reserved(&self) -> Reserved {
        self.members.read().reserved
    }

    /// What all of them but the one called `name` reserve.
    pub(crate) fn reserved_beside(&self, name: &str) -> Reserved {
        let members = self.members.read();
        let mut reserved = members.reserved;
        if let Some(member) = members.by_name.get(name) {
            reserved.subtract(&member.config);
        }
        reserved
    }

    /// The configurations of all but the one called `name`.
    pub(crate) fn configs_beside(&self, name: &str) -> Vec<Arc<StreamConfig>> {
        let members = self.members.read();
        let others = members.by_name.values().filter(|member| member.config.name != name);
        others.map(|member| Arc::clone(&member.config)).collect()
    }
}

impl Members {
    fn insert(&mut self, stream: Arc<Stream>, config: Arc<StreamConfig>) {
        let name = stream.shared_name();
        self.remove(name);
        for subject in &config.subjects {
            self.by_subject.insert(subject.as_bytes(), Arc::clone(name));
        }
        self.reserved.add(&config);
        self.by_name.insert(Arc::clone(name), Member { stream, config });
    }

    fn remove(&mut self, name: &str) -> Option<Member> {
        let (name, member) = self.by_name.remove_entry(name)?;
        for subject in &member.config.subjects {
            self.by_subject.remove(subject.as_bytes(), &name);
        }
        self.reserved.subtract(&member.config);
        Some(member)
    }
}
