//! From `tracing` events to lines.

use std::{
    fmt::{self, Write},
    sync::{Arc, PoisonError},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

use super::{SharedForm, queue::Queue};

/// The target of an error that ends the process; its line says `[FTL]`.
pub(crate) const FATAL: &str = "embus::fatal";

/// Turns each event into a line. Spans have no place in the format.
#[derive(Debug)]
pub(super) struct LogLayer {
    form: SharedForm,
    queue: Arc<Queue>,
}

impl LogLayer {
    pub(super) fn new(form: SharedForm, queue: Arc<Queue>) -> Self {
        Self { form, queue }
    }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let form = self.form.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.queue.push(&form.line(label(event.metadata()), &text.finish()));
    }
}

fn label(metadata: &Metadata<'_>) -> &'static str {
    match *metadata.level() {
        Level::ERROR if metadata.target() == FATAL => "FTL",
        Level::ERROR => "ERR",
        Level::WARN => "WRN",
        Level::INFO => "INF",
        Level::DEBUG => "DBG",
        Level::TRACE => "TRC",
    }
}

/// The message, and behind it the other fields as `name=value`.
#[derive(Debug, Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn finish(mut self) -> String {
        self.message.push_str(&self.fields);
        self.message
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail; a value's own Debug may, and then has itself to blame.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use std::sync::RwLock;

    use super::super::line::Form;
    use super::*;

    #[test]
    fn events_become_lines() {
        let queue = Arc::new(Queue::default());
        let form = Arc::new(RwLock::new(Form::new(false, true)));
        let subscriber = tracing_subscriber::registry().with(LogLayer::new(form, Arc::clone(&queue)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("ready");
            tracing::warn!(cid = 7, name = "a b", "slow {}", "reader");
            tracing::error!(target: FATAL, "the end");
            tracing::debug!(reason = %"x", "bye");
        });
        let pid = std::process::id();
        let lines = queue.take().lines;
        let expected = format!(
            "[{pid}] [INF] ready\n[{pid}] [WRN] slow reader cid=7 name=\"a b\"\n[{pid}] [FTL] the end\n\
             [{pid}] [DBG] bye reason=x\n"
        );
        assert_eq!(lines, expected);
    }
}
