//! Priority groups.

use crate::api::error::ApiError;
use crate::consumer::config::{ConsumerConfig, PriorityPolicy};

impl ConsumerConfig {
    pub(super) fn check_priority(&self) -> Result<(), ApiError> {
        if self.priority_policy == PriorityPolicy::None {
            if !self.priority_groups.is_empty() {
                return Err(ApiError::consumer_priority_groups_without_policy());
            }
            if !self.priority_timeout.is_zero() {
                return Err(ApiError::consumer_pinned_ttl_without_policy());
            }
            return Ok(());
        }
        if self.is_push() {
            return Err(ApiError::consumer_priority_groups_with_push());
        }
        if self.priority_groups.is_empty() {
            return Err(ApiError::consumer_priority_policy_without_group());
        }
        self.priority_groups.iter().try_for_each(|group| check_group(group))
    }
}

/// What a group may be called.
///
/// # Errors
/// 10161 and 10162.
pub fn check_group(group: &str) -> Result<(), ApiError> {
    if group.is_empty() {
        return Err(ApiError::consumer_priority_group_empty());
    }
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"/_=-".contains(&byte);
    if group.len() > MAX_GROUP_BYTES || !group.bytes().all(is_fine) {
        return Err(ApiError::consumer_priority_group_invalid());
    }
    Ok(())
}

/// [reference §3.4]
const MAX_GROUP_BYTES: usize = 16;
