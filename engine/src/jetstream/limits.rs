//! What an account and the broker allow, and what streams reserve of it. [reference §10]

use crate::api::error::ApiError;
use crate::jetstream::usage::Usage;
use crate::stream::config::{StorageType, StreamConfig};

/// What one account may use; nothing is limited by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountLimits {
    /// Bytes of all streams in memory.
    pub max_memory: Option<u64>,
    /// Bytes of all streams on disk.
    pub max_storage: Option<u64>,
    /// How many streams.
    pub max_streams: Option<usize>,
    /// How many consumers each stream may have.
    pub max_consumers: Option<usize>,
    /// Unacknowledged messages that each consumer may have.
    pub max_ack_pending: Option<usize>,
    /// `max_bytes` of each stream in memory.
    pub memory_max_stream_bytes: Option<u64>,
    /// `max_bytes` of each stream on disk.
    pub storage_max_stream_bytes: Option<u64>,
    /// Whether every stream must say how many bytes it may hold.
    pub max_bytes_required: bool,
}

/// Usage and limits of both storage types.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room<'a> {
    pub(crate) limits: &'a AccountLimits,
    pub(crate) memory: &'a Usage,
    pub(crate) store: &'a Usage,
    /// What other accounts keep for themselves.
    pub(crate) elsewhere: Reserved,
}

/// What streams with `max_bytes` keep for themselves, whether they fill it or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// Wide enough that no sum has to be cut off, and so what was added can be taken away again.
    memory: u128,
    store: u128,
    pub(crate) streams: usize,
}

impl Reserved {
    /// Counts one stream.
    pub(crate) fn add(&mut self, config: &StreamConfig) {
        *self.sum_mut(config.storage) += u128::from(reservation(config));
        self.streams += 1;
    }

    /// Counts out one that was counted.
    pub(crate) fn subtract(&mut self, config: &StreamConfig) {
        *self.sum_mut(config.storage) -= u128::from(reservation(config));
        self.streams -= 1;
    }

    /// Bytes of all streams of one storage type.
    pub(crate) fn bytes(&self, storage: StorageType) -> u64 {
        let sum = match storage {
            StorageType::Memory => self.memory,
            StorageType::File => self.store,
        };
        u64::try_from(sum).unwrap_or(u64::MAX)
    }

    fn sum_mut(&mut self, storage: StorageType) -> &mut u128 {
        match storage {
            StorageType::Memory => &mut self.memory,
            StorageType::File => &mut self.store,
        }
    }
}

impl std::ops::AddAssign for Reserved {
    fn add_assign(&mut self, other: Self) {
        self.memory += other.memory;
        self.store += other.store;
        self.streams += other.streams;
    }
}

impl Room<'_> {
    /// Whether one more stream fits beside those that `reserved` counts.
    ///
    /// # Errors
    /// 10027, and what [`check_bytes`](Self::check_bytes) says.
    pub(crate) fn check_new(&self, config: &StreamConfig, reserved: Reserved) -> Result<(), ApiError> {
        if self.limits.max_streams.is_some_and(|limit| reserved.streams >= limit) {
            return Err(ApiError::maximum_streams());
        }
        self.check_bytes(config, reserved)
    }

    /// Whether a stream that was there before still fits. What does not ask for more than it had always does.
    pub(crate) fn check_changed(
        &self,
        old: &StreamConfig,
        new: &StreamConfig,
        reserved: Reserved,
    ) -> Result<(), ApiError> {
        let asks_less = reservation(new) <= reservation(old) && (new.max_bytes > 0) == (old.max_bytes > 0);
        if asks_less { Ok(()) } else { self.check_bytes(new, reserved) }
    }

    /// # Errors
    /// 10113 and 10122 for what an account demands of each stream, 10028 and 10047 when all together reserve too much.
    fn check_bytes(&self, config: &StreamConfig, reserved: Reserved) -> Result<(), ApiError> {
        let (per_stream, account, usage) = match config.storage {
            StorageType::Memory => (self.limits.memory_max_stream_bytes, self.limits.max_memory, self.memory),
            StorageType::File => (self.limits.storage_max_stream_bytes, self.limits.max_storage, self.store),
        };
        let wanted = reservation(config);
        if self.limits.max_bytes_required && wanted == 0 {
            return Err(ApiError::max_bytes_required());
        }
        if per_stream.is_some_and(|limit| wanted > limit) {
            return Err(ApiError::max_stream_bytes_exceeded());
        }
        // A stream without a limit of its own asks for a byte, so that nothing is made where nothing fits.
        // [nats-server: reservations]
        let total = reserved.bytes(config.storage).saturating_add(wanted.max(1));
        let of_all = total.saturating_add(self.elsewhere.bytes(config.storage));
        if total > account.unwrap_or(u64::MAX) || of_all > usage.server_limit() {
            return Err(match config.storage {
                StorageType::Memory => ApiError::memory_resources_exceeded(),
                StorageType::File => ApiError::storage_resources_exceeded(),
            });
        }
        Ok(())
    }
}

fn reservation(config: &StreamConfig) -> u64 {
    u64::try_from(config.max_bytes).unwrap_or(0)
}
