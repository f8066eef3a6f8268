//! The shape of one relay scenario: who publishes what to whom.

use std::io;
use std::net::SocketAddr;

use crate::lane::{Group, Lane};
use crate::wire::{Batches, message_frame};

/// Groups of one publisher and its subscribers, every subscriber receiving every message of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Number of groups, each with a subject of its own: 4 stands for "4→4 pairs".
    pub groups: usize,
    /// Subscribers of each group.
    pub subscribers: usize,
    /// Payload of each message in bytes.
    pub payload_bytes: usize,
    /// Distinct subjects of each group; with more than one, the subscribers hold a wildcard filter.
    pub subjects: usize,
}

impl Flow {
    /// One publisher, `subscribers` subscribers, one subject.
    pub fn one_to(subscribers: usize, payload_bytes: usize) -> Self {
        Self { groups: 1, subscribers, payload_bytes, subjects: 1 }
    }

    /// `groups` publishers with a subscriber each.
    pub fn pairs(groups: usize, payload_bytes: usize) -> Self {
        Self { groups, subscribers: 1, payload_bytes, subjects: 1 }
    }

    /// One publisher that changes the subject with every message, one wildcard subscriber.
    pub fn changing_subjects(subjects: usize, payload_bytes: usize) -> Self {
        Self { groups: 1, subscribers: 1, payload_bytes, subjects }
    }

    /// Opens all connections, subscribes, and spreads the groups over at most `threads` lanes.
    pub fn connect(&self, address: SocketAddr, threads: usize) -> io::Result<Vec<Lane>> {
        let lanes = threads.clamp(1, self.groups);
        let mut spread: Vec<Vec<Group>> = (0..lanes).map(|_| Vec::new()).collect();
        for group in 0..self.groups {
            spread[group % lanes].push(self.connect_group(address, group)?);
        }
        spread.into_iter().map(Lane::new).collect()
    }

    fn connect_group(&self, address: SocketAddr, group: usize) -> io::Result<Group> {
        let subjects = self.subject_names(group);
        let filter = if self.subjects == 1 { subjects[0].clone() } else { format!("load.{group:02}.*") };
        let batches = Batches::new(&subjects, self.payload_bytes);
        let frame_bytes = message_frame(&subjects[0], None, self.payload_bytes).len();
        let mut group = Group::connect(address, &filter, self.subscribers, batches, frame_bytes)?;
        group.prove(|at| message_frame(&subjects[at % subjects.len()], None, self.payload_bytes))?;
        Ok(group)
    }

    /// All names have the same length, so that all frames of a group do. Many subjects come in a fixed shuffled order,
    /// so that no server profits from neighbours in memory.
    fn subject_names(&self, group: usize) -> Vec<String> {
        if self.subjects == 1 {
            return vec![format!("load.{group:02}")];
        }
        shuffled(self.subjects).into_iter().map(|at| format!("load.{group:02}.{at:06}")).collect()
    }
}

/// The numbers below `count` in an order that is arbitrary, yet the same in every run.
pub fn shuffled(count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for at in (1..count).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = (state >> 33) % (at as u64 + 1);
        order.swap(at, usize::try_from(other).unwrap_or(at));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_holds_every_number_once() {
        let mut order = shuffled(1000);
        assert_ne!(order[..10], (0..10).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn subject_names_have_one_length() {
        let names = Flow::changing_subjects(1000, 128).subject_names(3);
        assert!(names.iter().all(|name| name.len() == names[0].len()));
    }
}
