//! An account as a program declares it.

use std::fmt;

pub use embus_engine::jetstream::AccountLimits as JetStreamLimits;
pub use embus_engine::members::ClientLimits;
use embus_engine::sharing::Sharing;
pub use embus_engine::sharing::{Destination, Export, ExportKind, Import, ImportKind, Mapping, ResponseType};

/// A space of subjects of its own, with what its users may have together. See
/// [`Builder::account`](crate::Builder::account).
///
/// ```
/// use embus::auth::{Account, Export, Import, JetStreamLimits};
///
/// let limits = JetStreamLimits { max_storage: Some(1 << 30), ..JetStreamLimits::default() };
/// let orders = Account::new("ORDERS").jetstream(limits).export(Export::stream("orders.>"));
/// let shop = Account::new("SHOP").import(Import::stream("ORDERS", "orders.>").with_prefix("all"));
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an account is there once it was declared"]
pub struct Account {
    pub(crate) name: String,
    pub(crate) jetstream: Option<JetStreamLimits>,
    pub(crate) clients: ClientLimits,
    pub(crate) sharing: Sharing,
}

impl Account {
    /// An account without streams.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), jetstream: None, clients: ClientLimits::default(), sharing: Sharing::default() }
    }

    /// The same with streams, buckets and object stores of its own, within these limits.
    pub fn jetstream(self, limits: JetStreamLimits) -> Self {
        Self { jetstream: Some(limits), ..self }
    }

    /// The same with bounds on its clients, beside those of the broker.
    pub fn clients(self, limits: ClientLimits) -> Self {
        Self { clients: limits, ..self }
    }

    /// The same, which offers something to other accounts.
    pub fn export(mut self, export: Export) -> Self {
        self.sharing.exports.push(export);
        self
    }

    /// The same, which takes something that another account offers. Queue groups are each account's own: of what is
    /// imported, each group of each account gets a message.
    pub fn import(mut self, import: Import) -> Self {
        self.sharing.imports.push(import);
        self
    }

    /// The same with subjects that stand for others: what its clients publish there goes elsewhere. The first mapping that
    /// matches counts, and permissions are asked of what comes of it.
    pub fn map(mut self, mapping: Mapping) -> Self {
        self.sharing.mappings.push(mapping);
        self
    }
}

impl From<&str> for Account {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Account {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("name", &self.name).finish_non_exhaustive()
    }
}
