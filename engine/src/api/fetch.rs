//! One message out of a stream: found under its lock, read outside of it. What damage took is not there.

use std::borrow::Cow;

use embus_protocol::filter;
use embus_storage::error::StorageError;
use embus_storage::log::{Locator, Log};
use embus_storage::message::{StoredMessage, Timestamp};

use crate::stream::Stream;
use crate::sync::Arc;

/// Which message is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query<'a> {
    /// The one with this sequence.
    Sequence(u64),
    /// The last one that matches.
    Last(Cow<'a, [u8]>),
    /// The first one from there on, that matches if there is a filter.
    Next(Option<Cow<'a, [u8]>>, Start),
}

/// Where a search begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// This one, or the next there is.
    Sequence(u64),
    /// The first one that is not older.
    Time(Timestamp),
}

/// What a query found.
#[derive(Debug)]
pub struct Found {
    /// Where the message lies, if there is one.
    pub place: Option<(u64, Locator)>,
    /// Whether a power cut can not change it any more.
    pub is_settled: bool,
}

/// Damaged messages that one request looks past.
const MAX_DAMAGED: usize = 64;

impl Query<'_> {
    /// A query that outlives its request.
    pub fn into_owned(self) -> Query<'static> {
        let owned = |filter: Cow<'_, [u8]>| Cow::Owned(filter.into_owned());
        match self {
            Self::Sequence(sequence) => Query::Sequence(sequence),
            Self::Last(filter) => Query::Last(owned(filter)),
            Self::Next(filter, start) => Query::Next(filter.map(owned), start),
        }
    }

    /// Looks it up.
    ///
    /// # Errors
    /// What the disk said.
    pub fn find(&self, stream: &Arc<Stream>) -> Result<Found, StorageError> {
        stream.look(|core| {
            let place = self.locate(core.log_mut())?;
            // That nothing is there, or not another one, may be the work of a removal that is not durable yet.
            let is_bare = !matches!(self, Self::Sequence(_)) && core.has_unsettled_removals();
            let is_durable = place.as_ref().is_some_and(|(_, locator)| locator.is_committed() && !is_bare);
            Ok(Found { place, is_settled: is_durable || core.log().position() <= core.log().committed() })
        })
    }

    fn locate(&self, log: &mut Log) -> Result<Option<(u64, Locator)>, StorageError> {
        match self {
            Self::Sequence(sequence) => locate(log, *sequence),
            Self::Last(subject) if filter::is_literal(subject) => match log.last_of(subject) {
                Some(last) => locate(log, last),
                None => Ok(None),
            },
            Self::Last(filter) if filter::is_valid_filter(filter) => log.last(filter, u64::MAX),
            Self::Next(None, start) => {
                let from = start.resolve(log)?;
                log.next(&[], from)
            }
            Self::Next(Some(filter), start) if filter::is_valid_filter(filter) => {
                let from = start.resolve(log)?;
                log.next(&[filter], from)
            }
            Self::Last(_) | Self::Next(..) => Ok(None),
        }
    }

    /// Reads it, whether it is durable yet or not.
    pub(super) fn fetch(&self, stream: &Arc<Stream>) -> Result<Option<StoredMessage>, StorageError> {
        let found = self.find(stream)?;
        self.read(stream, found.place)
    }

    /// Reads what was found; where that is damaged, what there is instead.
    ///
    /// # Errors
    /// What the disk said.
    pub fn read(
        &self,
        stream: &Arc<Stream>,
        mut place: Option<(u64, Locator)>,
    ) -> Result<Option<StoredMessage>, StorageError> {
        for _ in 0..MAX_DAMAGED {
            let Some((sequence, locator)) = place else { return Ok(None) };
            if let Some(message) = read_one(stream, sequence, &locator)? {
                return Ok(Some(message));
            }
            place = self.find(stream)?.place;
        }
        Ok(None)
    }
}

impl Start {
    /// The sequence to begin with.
    pub(super) fn resolve(self, log: &mut Log) -> Result<u64, StorageError> {
        match self {
            Self::Sequence(sequence) => Ok(sequence),
            Self::Time(time) => log.sequence_at(time),
        }
    }
}

fn locate(log: &mut Log, sequence: u64) -> Result<Option<(u64, Locator)>, StorageError> {
    Ok(log.locate(sequence)?.map(|locator| (sequence, locator)))
}

/// Reads a message; one that is damaged is noted, and there is none.
pub(super) fn read_one(
    stream: &Arc<Stream>,
    sequence: u64,
    locator: &Locator,
) -> Result<Option<StoredMessage>, StorageError> {
    match locator.read() {
        Ok(message) => Ok(Some(message)),
        Err(error @ StorageError::Damaged { .. }) => {
            tracing::warn!(stream = stream.name(), sequence, %error, "a message is damaged and counts as lost");
            stream.look(|core| core.log_mut().note_damaged(sequence));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
