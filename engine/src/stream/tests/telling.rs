//! What an operator is told of a disk that fails.

use std::sync::atomic::{AtomicUsize, Ordering};

use embus_storage::medium::crash::CrashMedium;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::{config, on};
use crate::stream::SyncPolicy;
use crate::stream::consumers::tests::fixture::SECOND;
use crate::sync::Arc;

/// Counts what is said of troubles: warnings, and that they are over.
#[derive(Clone, Default)]
struct Heard(Arc<[AtomicUsize; 2]>);

impl Heard {
    fn counts(&self) -> [usize; 2] {
        [0, 1].map(|index: usize| self.0[index].load(Ordering::Relaxed))
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().ends_with("stream::trouble")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let index = usize::from(*event.metadata().level() > Level::WARN);
        self.0[index].fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn a_disk_that_stays_full_is_told_of_once_and_so_is_its_end() {
    let heard = Heard::default();
    tracing::subscriber::with_default(heard.clone(), || {
        let disk = CrashMedium::new(1);
        let broker = on(&disk, SyncPolicy::Always, config());
        broker.publish("a.b", "1");
        disk.set_space(Some(0));
        for _ in 0..10 {
            broker.publish("a.b", &"x".repeat(20_000));
            broker.pass(SECOND);
        }
        assert_eq!(heard.counts(), [1, 0]);
        disk.set_space(None);
        broker.publish("a.b", "2");
        broker.pass(5 * SECOND);
        assert_eq!(heard.counts(), [1, 1]);
        assert!(broker.stream.trouble().is_none());
    });
}
