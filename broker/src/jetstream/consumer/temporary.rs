//! Consumers without a name of their own, which end with their handles.

use crate::jetstream::context::Context;

/// A consumer that is deleted when this is dropped.
#[derive(Debug)]
pub(crate) struct Temporary {
    context: Context,
    stream: String,
    name: String,
}

impl Temporary {
    pub(crate) fn new(context: Context, stream: String, name: String) -> Self {
        Self { context, stream, name }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.context.forget_consumer(&self.stream, &self.name);
    }
}
