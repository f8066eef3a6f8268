//! Filters with wildcards: a trie in flat arrays. Owned by the subject tree.
//!
//! Nodes lie in one array and name each other by index. The way from a node to its child by a literal token goes
//! through one hash table for the whole trie; the ways by `*` stand in the node, and a filter that ends in `>` leaves
//! its value at the node before it. Values lie in an array of their own. Freed nodes and values are used again.
//!
//! Only valid filters with a wildcard come here.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use smallvec::SmallVec;

use super::literals::hash;
use super::token::Token;
use crate::filter;

/// Index of a node. The root is 0, and is nobody's child, so 0 also says: none.
type NodeId = u32;
/// Index of a value, counted from 1; 0 says: none.
type ValueId = u32;

const ROOT: NodeId = 0;
const NONE: u32 = 0;

pub(super) struct Trie<T> {
    nodes: Vec<Node>,
    /// Children by literal token: a node is found by (parent, token), both of which it knows itself.
    edges: HashTable<NodeId>,
    /// Each value with the node and kind of end it belongs to.
    values: Vec<Option<Value<T>>>,
    free_nodes: Vec<NodeId>,
    free_values: Vec<ValueId>,
    hasher: RandomState,
}

struct Node {
    parent: NodeId,
    /// Child by `*`.
    star: NodeId,
    /// Value of the filter that ends here.
    here: ValueId,
    /// Value of the filter that goes on with a last `>`.
    tail: ValueId,
    /// Children of both kinds.
    children: u32,
    token: Token,
}

struct Value<T> {
    node: NodeId,
    is_tail: bool,
    content: T,
}

/// A token of the subject with its hash.
struct Text<'s> {
    text: &'s [u8],
    hash: u64,
}

impl<T> Trie<T> {
    pub(super) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            edges: HashTable::new(),
            values: Vec::new(),
            free_nodes: Vec::new(),
            free_values: Vec::new(),
            hasher: RandomState::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len() - self.free_values.len()
    }

    pub(super) fn get(&self, filter: &[u8]) -> Option<&T> {
        let value = self.values.get(self.find(filter)?)?;
        value.as_ref().map(|value| &value.content)
    }

    pub(super) fn get_mut(&mut self, filter: &[u8]) -> Option<&mut T> {
        let index = self.find(filter)?;
        self.values.get_mut(index)?.as_mut().map(|value| &mut value.content)
    }

    pub(super) fn get_or_insert_with(&mut self, filter: &[u8], make: impl FnOnce() -> T) -> &mut T {
        let (path, is_tail) = split_tail(filter);
        let node = self.grow(path);
        let id = match self.end(node, is_tail) {
            NONE => self.insert_value(node, is_tail, make()),
            id => id,
        };
        let value = self.values[index(id) - 1].as_mut();
        &mut value.expect("an end names a value that is in use").content
    }

    pub(super) fn remove(&mut self, filter: &[u8]) -> Option<T> {
        let (path, is_tail) = split_tail(filter);
        let node = self.walk(path)?;
        let id = self.end(node, is_tail);
        let value = self.values.get_mut(index(id).checked_sub(1)?)?.take()?;
        self.set_end(node, is_tail, NONE);
        self.free_values.push(id);
        self.prune(node);
        Some(value.content)
    }

    /// Calls `found` for each match until it returns false.
    #[inline]
    pub(super) fn for_each_match<'a>(&'a self, subject: &[u8], found: impl FnMut(&'a T) -> bool) {
        if self.len() != 0 {
            self.search(subject, found);
        }
    }

    fn search<'a>(&'a self, subject: &[u8], mut found: impl FnMut(&'a T) -> bool) {
        let mut texts: SmallVec<[Text<'_>; 12]> = SmallVec::new();
        for text in filter::tokens(subject) {
            if text.is_empty() {
                return;
            }
            texts.push(Text { text, hash: hash(&self.hasher, text) });
        }
        // Nodes yet to visit, each with the number of tokens that lead to it. One visit takes one and adds at most
        // two, which are a level deeper: the stack stays below twice the number of tokens.
        let mut stack: SmallVec<[(NodeId, u32); 24]> = SmallVec::new();
        stack.push((ROOT, 0));
        while let Some((id, depth)) = stack.pop() {
            let node = &self.nodes[index(id)];
            let Some(text) = texts.get(index(depth)) else {
                if !self.report(node.here, &mut found) {
                    return;
                }
                continue;
            };
            if !self.report(node.tail, &mut found) {
                return;
            }
            if node.star != NONE {
                stack.push((node.star, depth + 1));
            }
            if let Some(child) = self.child(id, text) {
                stack.push((child, depth + 1));
            }
        }
    }

    /// Calls `found` for each filter that matches `prefix` and one more token, whichever that is; says no where it
    /// depends on that token, or the prefix has an empty one.
    pub(super) fn for_each_match_below<'a>(&'a self, prefix: &[u8], mut found: impl FnMut(&'a T)) -> bool {
        if self.len() == 0 {
            return true;
        }
        let mut texts: SmallVec<[Text<'_>; 12]> = SmallVec::new();
        for text in filter::tokens(prefix) {
            if text.is_empty() {
                return false;
            }
            texts.push(Text { text, hash: hash(&self.hasher, text) });
        }
        let mut report = |id: ValueId| {
            self.report(id, &mut |value| {
                found(value);
                true
            })
        };
        let mut stack: SmallVec<[(NodeId, u32); 24]> = SmallVec::new();
        stack.push((ROOT, 0));
        while let Some((id, depth)) = stack.pop() {
            let node = &self.nodes[index(id)];
            report(node.tail);
            if let Some(text) = texts.get(index(depth)) {
                stack.extend((node.star != NONE).then_some((node.star, depth + 1)));
                stack.extend(self.child(id, text).map(|child| (child, depth + 1)));
                continue;
            }
            if node.children > u32::from(node.star != NONE) {
                return false;
            }
            if node.star != NONE {
                report(self.nodes[index(node.star)].here);
            }
        }
        true
    }

    #[inline]
    fn report<'a>(&'a self, id: ValueId, found: &mut impl FnMut(&'a T) -> bool) -> bool {
        if id == NONE {
            return true;
        }
        match &self.values[index(id) - 1] {
            Some(value) => found(&value.content),
            None => true,
        }
    }

    /// All filters, written anew from their nodes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Vec<u8>, &T)> {
        self.values.iter().flatten().map(|value| (self.filter_of(value), &value.content))
    }

    fn filter_of(&self, value: &Value<T>) -> Vec<u8> {
        let mut tokens: Vec<&[u8]> = Vec::new();
        if value.is_tail {
            tokens.push(b">");
        }
        let mut id = value.node;
        while id != ROOT {
            let node = &self.nodes[index(id)];
            tokens.push(node.token.text());
            id = node.parent;
        }
        tokens.reverse();
        tokens.join(&b'.')
    }

    /// Index of a filter's value.
    fn find(&self, filter: &[u8]) -> Option<usize> {
        let (path, is_tail) = split_tail(filter);
        let node = self.walk(path)?;
        index(self.end(node, is_tail)).checked_sub(1)
    }

    fn end(&self, node: NodeId, is_tail: bool) -> ValueId {
        let node = &self.nodes[index(node)];
        if is_tail { node.tail } else { node.here }
    }

    fn set_end(&mut self, node: NodeId, is_tail: bool, id: ValueId) {
        let node = &mut self.nodes[index(node)];
        *(if is_tail { &mut node.tail } else { &mut node.here }) = id;
    }

    /// The node at the end of a path, if all of it exists.
    fn walk(&self, path: Option<&[u8]>) -> Option<NodeId> {
        if self.nodes.is_empty() {
            return None;
        }
        path.into_iter().flat_map(filter::tokens).try_fold(ROOT, |node, text| self.step(node, text))
    }

    fn step(&self, node: NodeId, text: &[u8]) -> Option<NodeId> {
        if text == b"*" {
            return Some(self.nodes[index(node)].star).filter(|star| *star != NONE);
        }
        self.child(node, &Text { text, hash: hash(&self.hasher, text) })
    }

    /// The child by a literal token.
    #[inline]
    fn child(&self, parent: NodeId, text: &Text<'_>) -> Option<NodeId> {
        let is_it = |id: &NodeId| {
            let node = &self.nodes[index(*id)];
            node.parent == parent && node.token.text() == text.text
        };
        self.edges.find(edge_hash(&self.hasher, parent, text.hash), is_it).copied()
    }

    /// The node at the end of a path, making what is missing.
    fn grow(&mut self, path: Option<&[u8]>) -> NodeId {
        if self.nodes.is_empty() {
            self.nodes.push(Node::new(ROOT, Token::empty()));
        }
        let mut node = ROOT;
        for text in path.into_iter().flat_map(filter::tokens) {
            node = match self.step(node, text) {
                Some(child) => child,
                None => self.insert_child(node, text),
            };
        }
        node
    }

    fn insert_child(&mut self, parent: NodeId, text: &[u8]) -> NodeId {
        let id = self.insert_node(Node::new(parent, Token::new(text)));
        self.nodes[index(parent)].children += 1;
        if text == b"*" {
            self.nodes[index(parent)].star = id;
        } else {
            let hash = edge_hash(&self.hasher, parent, hash(&self.hasher, text));
            let (hasher, nodes) = (&self.hasher, &self.nodes);
            self.edges.insert_unique(hash, id, |id| nodes[index(*id)].edge_hash(hasher));
        }
        id
    }

    fn insert_node(&mut self, node: Node) -> NodeId {
        if let Some(id) = self.free_nodes.pop() {
            self.nodes[index(id)] = node;
            return id;
        }
        self.nodes.push(node);
        NodeId::try_from(self.nodes.len() - 1).expect("2^32 nodes do not fit in memory")
    }

    fn insert_value(&mut self, node: NodeId, is_tail: bool, content: T) -> ValueId {
        let value = Some(Value { node, is_tail, content });
        let id = if let Some(id) = self.free_values.pop() {
            self.values[index(id) - 1] = value;
            id
        } else {
            self.values.push(value);
            ValueId::try_from(self.values.len()).expect("2^32 values do not fit in memory")
        };
        self.set_end(node, is_tail, id);
        id
    }

    /// Takes out nodes that lead nowhere any more, from a leaf towards the root.
    fn prune(&mut self, mut id: NodeId) {
        while id != ROOT && self.nodes[index(id)].leads_nowhere() {
            let parent = self.nodes[index(id)].parent;
            if self.nodes[index(parent)].star == id {
                self.nodes[index(parent)].star = NONE;
            } else {
                self.remove_edge(id);
            }
            self.nodes[index(parent)].children -= 1;
            // The token's memory goes at once.
            self.nodes[index(id)].token = Token::empty();
            self.free_nodes.push(id);
            id = parent;
        }
        if self.len() == 0 {
            *self = Self::new();
        }
    }

    fn remove_edge(&mut self, id: NodeId) {
        let hash = self.nodes[index(id)].edge_hash(&self.hasher);
        if let Ok(edge) = self.edges.find_entry(hash, |other| *other == id) {
            edge.remove();
        }
    }
}

#[cfg(test)]
impl<T> Trie<T> {
    /// Nodes with the root.
    pub(super) fn nodes_in_use(&self) -> usize {
        self.nodes.len() - self.free_nodes.len()
    }

    pub(super) fn nodes_allocated(&self) -> usize {
        self.nodes.len()
    }
}

impl Node {
    const fn new(parent: NodeId, token: Token) -> Self {
        Self { parent, star: NONE, here: NONE, tail: NONE, children: 0, token }
    }

    fn leads_nowhere(&self) -> bool {
        self.children == 0 && self.here == NONE && self.tail == NONE
    }

    fn edge_hash(&self, hasher: &RandomState) -> u64 {
        edge_hash(hasher, self.parent, hash(hasher, self.token.text()))
    }
}

#[inline]
fn edge_hash(hasher: &RandomState, parent: NodeId, token_hash: u64) -> u64 {
    let mut state = hasher.build_hasher();
    state.write_u64(token_hash ^ (u64::from(parent) << 32));
    state.finish()
}

/// The path before a last `>`, none when there is none, and whether there is such a `>`.
fn split_tail(filter: &[u8]) -> (Option<&[u8]>, bool) {
    match filter {
        b">" => (None, true),
        [path @ .., b'.', b'>'] => (Some(path), true),
        _ => (Some(filter), false),
    }
}

#[inline]
fn index(id: u32) -> usize {
    id as usize
}
