//! What happened to the consumers of a stream that others may want to know.

use crate::consumer::Event;
use crate::sync::Arc;

/// Something that happened to a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Its name.
    pub(crate) consumer: Arc<str>,
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// It is new.
    Created,
    /// It is no more.
    Deleted,
    /// Something that it tells itself.
    Event(Event),
}
