//! What a consumer wants of its stream.

use super::invalid;
use crate::api::error::ApiError;
use crate::consumer::config::ConsumerConfig;
use crate::stream::config::subjects::{self, Overlaps, TOO_MUCH};

impl ConsumerConfig {
    /// Filters need not have anything in common with the subjects of the stream.
    pub(super) fn check_filters(&self) -> Result<(), ApiError> {
        if !self.filter_subject.is_empty() && !self.filter_subjects.is_empty() {
            return Err(ApiError::consumer_duplicate_filters());
        }
        if self.filter_subjects.iter().any(String::is_empty) {
            return Err(ApiError::consumer_empty_filter());
        }
        let filters: Vec<_> = self.filters().map(str::as_bytes).collect();
        let mut overlaps = Overlaps::new(filters.iter().copied());
        for (at, filter) in filters.iter().enumerate() {
            if !subjects::is_valid(filter) {
                return Err(invalid("invalid subject"));
            }
            if overlaps.behind(at, filter).map_err(|_| invalid(TOO_MUCH))?.is_some() {
                return Err(ApiError::consumer_overlapping_filters());
            }
        }
        Ok(())
    }
}
