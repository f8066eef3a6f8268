//! Many filters, asked which of them have a subject in common with another filter: the subjects of all streams, of which
//! no two may meet.
//!
//! A trie in flat arrays; nothing recurses. Unlike the [`SubjectTree`](crate::subject_tree::SubjectTree), which answers
//! for literal subjects and keeps most filters in a hash table, it finds all ways on from a node, in order, and holds
//! literal filters and those with wildcards alike. A look-up visits the nodes whose path meets a prefix of the filter.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::filter;

/// Filters with their values. What lies behind the first `>` of a filter is not looked at, in the tree and in questions;
/// a valid filter has nothing there.
///
/// ```
/// use embus_protocol::filter_tree::FilterTree;
///
/// let mut tree = FilterTree::new();
/// tree.insert(b"orders.*", "new");
/// tree.insert(b"orders.*.done", "old");
/// assert_eq!(tree.find_overlap(b"orders.eu", |_| true), Some(&"new"));
/// assert_eq!(tree.find_overlap(b"*.*.done", |_| true), Some(&"old"));
/// assert_eq!(tree.find_overlap(b"orders", |_| true), None);
/// ```
#[derive(Debug)]
pub struct FilterTree<T> {
    nodes: Vec<Node<T>>,
    /// Children by their token, wildcards as they are written.
    edges: BTreeMap<(NodeId, Box<[u8]>), NodeId>,
    free: Vec<NodeId>,
}

/// How much work searches may still do, in nodes that they look at.
#[derive(Debug)]
pub struct Steps(pub u64);

impl Steps {
    fn take(&mut self, steps: usize) -> Result<(), OutOfSteps> {
        self.0 = self.0.checked_sub(steps as u64).ok_or(OutOfSteps)?;
        Ok(())
    }
}

/// A search had to end before it came to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfSteps;

/// Index of a node; the root is 0.
type NodeId = u32;

#[derive(Debug)]
struct Node<T> {
    /// Of the filters that end here.
    values: SmallVec<[T; 1]>,
    children: u32,
}

impl<T> FilterTree<T> {
    /// An empty tree.
    pub fn new() -> Self {
        Self { nodes: vec![Node::new()], edges: BTreeMap::new(), free: Vec::new() }
    }

    /// Whether there is no filter.
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// Adds a filter; one that is there already has one value more.
    pub fn insert(&mut self, filter: &[u8], value: T) {
        let end = path(filter).fold(ROOT, |node, token| self.child_or_new(node, token));
        self.nodes[index(end)].values.push(value);
    }

    /// Takes a filter with this value out; says whether it was there.
    pub fn remove(&mut self, filter: &[u8], value: &T) -> bool
    where
        T: PartialEq,
    {
        let mut way = Vec::new();
        let mut node = ROOT;
        for token in path(filter) {
            way.push((node, token));
            let Some(child) = self.child(node, token) else { return false };
            node = child;
        }
        let values = &mut self.nodes[index(node)].values;
        let Some(place) = values.iter().position(|it| it == value) else { return false };
        values.remove(place);
        self.prune(&way);
        true
    }

    /// The first value that `wanted` holds for, among those of filters that have a subject in common with `filter`.
    pub fn find_overlap<'a>(&'a self, filter: &[u8], wanted: impl FnMut(&T) -> bool) -> Option<&'a T> {
        self.find_overlap_within(filter, &mut Steps(u64::MAX), wanted).ok().flatten()
    }

    /// The same within a number of steps, which is what all searches so far have left: filters can be made so that many
    /// of them nearly meet.
    ///
    /// # Errors
    /// [`OutOfSteps`]: nobody knows.
    pub fn find_overlap_within<'a>(
        &'a self,
        filter: &[u8],
        steps: &mut Steps,
        mut wanted: impl FnMut(&T) -> bool,
    ) -> Result<Option<&'a T>, OutOfSteps> {
        let mut found = None;
        self.search(filter, steps, &mut |value| {
            found = wanted(value).then_some(value);
            found.is_none()
        })?;
        Ok(found)
    }

    /// Calls `visit` with the value of each filter that has a subject in common with `filter`, until it returns false.
    pub fn visit_overlaps<'a>(&'a self, filter: &[u8], mut visit: impl FnMut(&'a T) -> bool) {
        // There are fewer nodes than that.
        let _ = self.search(filter, &mut Steps(u64::MAX), &mut visit);
    }

    fn search<'a>(
        &'a self,
        filter: &[u8],
        steps: &mut Steps,
        visit: &mut impl FnMut(&'a T) -> bool,
    ) -> Result<(), OutOfSteps> {
        let tokens: Vec<&[u8]> = path(filter).collect();
        // Nodes yet to visit, each with the number of tokens that lead to it: each of them once.
        let mut stack = vec![(ROOT, 0)];
        while let Some((node, depth)) = stack.pop() {
            let Some(&token) = tokens.get(depth) else {
                if !self.nodes[index(node)].values.iter().all(&mut *visit) {
                    return Ok(());
                }
                continue;
            };
            let known = stack.len();
            let goes_on = match token {
                b">" => self.visit_below(node, steps, visit)?,
                b"*" => {
                    let children = self.children(node).filter(|(token, _)| *token != b">");
                    stack.extend(children.map(|(_, child)| (child, depth + 1)));
                    self.visit_tail(node, visit)
                }
                literal => {
                    let children = [literal, b"*"].into_iter().filter_map(|token| self.child(node, token));
                    stack.extend(children.map(|child| (child, depth + 1)));
                    self.visit_tail(node, visit)
                }
            };
            if !goes_on {
                return Ok(());
            }
            steps.take(1 + stack.len().saturating_sub(known))?;
        }
        Ok(())
    }

    /// The filter that goes on from here with a last `>`.
    fn visit_tail<'a>(&'a self, node: NodeId, visit: &mut impl FnMut(&'a T) -> bool) -> bool {
        self.child(node, b">").is_none_or(|tail| self.nodes[index(tail)].values.iter().all(visit))
    }

    /// All filters that go on from here.
    fn visit_below<'a>(
        &'a self,
        node: NodeId,
        steps: &mut Steps,
        visit: &mut impl FnMut(&'a T) -> bool,
    ) -> Result<bool, OutOfSteps> {
        let mut stack: Vec<NodeId> = self.children(node).map(|(_, child)| child).collect();
        while let Some(node) = stack.pop() {
            if !self.nodes[index(node)].values.iter().all(&mut *visit) {
                return Ok(false);
            }
            let known = stack.len();
            stack.extend(self.children(node).map(|(_, child)| child));
            steps.take(1 + stack.len() - known)?;
        }
        Ok(true)
    }

    fn children(&self, node: NodeId) -> impl Iterator<Item = (&[u8], NodeId)> {
        let all = (node, Box::default())..(node + 1, Box::default());
        self.edges.range(all).map(|((_, token), &child)| (&**token, child))
    }

    fn child(&self, node: NodeId, token: &[u8]) -> Option<NodeId> {
        self.edges.get(&(node, token.into())).copied()
    }

    fn child_or_new(&mut self, node: NodeId, token: &[u8]) -> NodeId {
        if let Some(child) = self.child(node, token) {
            return child;
        }
        let child = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::new());
            // The last number stays free: one more must be a number, too.
            let last = NodeId::try_from(self.nodes.len() - 1).ok().filter(|&last| last < NodeId::MAX);
            last.expect("2^32 nodes do not fit in memory")
        });
        self.edges.insert((node, token.into()), child);
        self.nodes[index(node)].children += 1;
        child
    }

    /// Takes out the nodes at the end of a way that lead nowhere any more.
    fn prune(&mut self, way: &[(NodeId, &[u8])]) {
        for &(parent, token) in way.iter().rev() {
            let Some(child) = self.child(parent, token) else { return };
            if !self.nodes[index(child)].leads_nowhere() {
                return;
            }
            self.edges.remove(&(parent, token.into()));
            self.nodes[index(parent)].children -= 1;
            self.free.push(child);
        }
        if self.is_empty() {
            *self = Self::new();
        }
    }
}

impl<T> Default for FilterTree<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Node<T> {
    fn new() -> Self {
        Self { values: SmallVec::new(), children: 0 }
    }

    fn leads_nowhere(&self) -> bool {
        self.values.is_empty() && self.children == 0
    }
}

/// The tokens up to the first `>`.
fn path(filter: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_over = false;
    filter::tokens(filter).take_while(move |token| !std::mem::replace(&mut is_over, *token == b">"))
}

fn index(id: NodeId) -> usize {
    id as usize
}

const ROOT: NodeId = 0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::filter::overlap;

    /// Few letters and many wildcards, so that filters meet; now and then one that is not valid.
    fn text() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec!["a", "a", "b", "*", "*", ">", "", "a*"]);
        prop::collection::vec(token, 0..6).prop_map(|tokens| tokens.join("."))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn agrees_with_filters_held_against_each_other(
            steps in prop::collection::vec((0..3_u8, text(), 0..2_u8, text()), 1..60),
        ) {
            let mut tree = FilterTree::new();
            let mut model: Vec<(String, u8)> = Vec::new();
            for (step, filter, value, question) in steps {
                if step > 0 {
                    tree.insert(filter.as_bytes(), value);
                    model.push((filter, value));
                } else {
                    // What is behind the first `>` makes no difference.
                    let same = |it: &(String, u8)| path(it.0.as_bytes()).eq(path(filter.as_bytes())) && it.1 == value;
                    let place = model.iter().position(same);
                    prop_assert_eq!(tree.remove(filter.as_bytes(), &value), place.is_some());
                    place.map(|place| model.remove(place));
                }
                let overlaps = |(it, _): &&(String, u8)| overlap(it.as_bytes(), question.as_bytes());
                let mut expected: Vec<u8> = model.iter().filter(overlaps).map(|it| it.1).collect();
                let mut found = Vec::new();
                tree.visit_overlaps(question.as_bytes(), |&value| { found.push(value); true });
                expected.sort_unstable();
                found.sort_unstable();
                prop_assert_eq!(&found, &expected);
                let one = tree.find_overlap(question.as_bytes(), |&value| value == 1).is_some();
                prop_assert_eq!(one, expected.contains(&1));
                prop_assert_eq!(tree.is_empty(), model.is_empty());
            }
        }
    }

    #[test]
    fn filters_that_nearly_meet_cost_what_they_may() {
        let mut tree = FilterTree::new();
        for number in 0..1000 {
            tree.insert(format!("a{number}.*.c").as_bytes(), ());
        }
        let mut steps = Steps(10_000);
        let searches = (0..1000)
            .take_while(|number| {
                tree.find_overlap_within(format!("*.*.b{number}").as_bytes(), &mut steps, |()| true) == Ok(None)
            })
            .count();
        assert!((1..10).contains(&searches), "{searches}");
        assert_eq!(tree.find_overlap_within(b">", &mut Steps(1), |()| false), Err(OutOfSteps));
        assert_eq!(tree.find_overlap_within(b"a1.b.c", &mut Steps(10), |()| true), Ok(Some(&())));
    }

    #[test]
    fn churn_reuses_its_room() {
        let mut tree = FilterTree::new();
        tree.insert(b"keep", 0);
        for number in 0..10_000 {
            let filter = format!("work.{number}.*.>");
            tree.insert(filter.as_bytes(), number);
            assert!(tree.remove(filter.as_bytes(), &number));
        }
        assert!(tree.nodes.len() < 16);
        assert!(tree.remove(b"keep", &0) && tree.is_empty() && tree.nodes.len() == 1);
    }

    #[test]
    fn long_filters_do_not_overflow() {
        let deep = vec!["a"; 100_000].join(".");
        let mut tree = FilterTree::new();
        tree.insert(deep.as_bytes(), ());
        assert!(tree.find_overlap(&deep.replace('a', "*").into_bytes(), |()| true).is_some());
        assert!(tree.find_overlap(b">", |()| true).is_some());
        assert!(tree.remove(deep.as_bytes(), &()) && tree.is_empty());
    }
}
