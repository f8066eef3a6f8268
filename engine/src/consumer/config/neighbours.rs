//! The consumers of one stream together: how many there are, and which subjects of a work queue are taken.

use embus_protocol::filter_tree::FilterTree;

use super::ConsumerConfig;

/// What the consumers of a stream ask for. Those that other streams copy through are counted by themselves. [nats-server:
/// direct consumers]
#[derive(Debug, Default)]
pub struct Neighbours {
    count: u32,
    direct_count: u32,
    without_filter: u32,
    /// Of a work queue, where no two may meet: who wants what.
    filters: Option<FilterTree<u32>>,
}

/// What stands beside one consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// How many other consumers there are.
    pub count: usize,
    /// How many there are that other streams copy through.
    pub direct_count: usize,
    /// Whether one of them wants subjects of a work queue that this one wants.
    pub meet: bool,
}

impl Neighbours {
    /// None yet.
    pub fn new(is_queue: bool) -> Self {
        Self { filters: is_queue.then(FilterTree::new), ..Self::default() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Adds a consumer; its number is its own.
    pub fn insert(&mut self, number: u32, config: &ConsumerConfig) {
        if config.direct {
            self.direct_count += 1;
            return;
        }
        self.count += 1;
        self.without_filter += u32::from(wants_all(config));
        if let Some(tree) = &mut self.filters {
            config.filters().for_each(|filter| tree.insert(filter.as_bytes(), number));
        }
    }

    /// Takes a consumer out that was added with this configuration.
    pub fn remove(&mut self, number: u32, config: &ConsumerConfig) {
        if config.direct {
            self.direct_count -= 1;
            return;
        }
        self.count -= 1;
        self.without_filter -= u32::from(wants_all(config));
        if let Some(tree) = &mut self.filters {
            config.filters().for_each(|filter| _ = tree.remove(filter.as_bytes(), &number));
        }
    }

    /// What stands beside a consumer that is to be like `new`; `own` is itself, if it is there.
    pub fn others(&self, own: Option<(u32, &ConsumerConfig)>, new: &ConsumerConfig) -> Others {
        let own = own.filter(|(_, config)| !config.direct);
        let without_filter = self.without_filter - u32::from(own.is_some_and(|(_, config)| wants_all(config)));
        let number = own.map(|(number, _)| number);
        let meets = |tree: &FilterTree<u32>| {
            let mut filters = new.filters();
            filters.any(|filter| tree.find_overlap(filter.as_bytes(), |other| Some(*other) != number).is_some())
        };
        let meet = self.filters.as_ref().is_some_and(|tree| without_filter > 0 || meets(tree));
        Others { count: self.count() - usize::from(own.is_some()), direct_count: self.direct_count as usize, meet }
    }
}

fn wants_all(config: &ConsumerConfig) -> bool {
    config.filters().next().is_none()
}
