//! `JetStream` of the server.

use std::{path::PathBuf, time::Duration};

use super::{
    read::{Field, Read, Report, Section, word},
    unit::{Limit, StoreLimit, StoreSize},
    validate::Checks,
};
use crate::{Kind, Value};

/// A `jetstream` block.
#[derive(Clone, Default, PartialEq)]
pub struct JetStream {
    /// `store_dir`, `storedir`, `store`: where file streams are; below the directory for temporary files without it.
    pub store_dir: Option<PathBuf>,
    /// `max_mem`, `max_mem_store`, `max_memory_store`: bytes of all memory streams.
    pub max_memory_store: Option<Limit>,
    /// `max_file`, `max_file_store`: bytes of all file streams.
    pub max_file_store: Option<Limit>,
    /// `domain`.
    pub domain: Option<String>,
    /// `enabled`, `enable`: false switches it off, whatever else is given.
    pub enabled: Option<bool>,
    /// `strict`: requests with unknown fields are refused; they are without it.
    pub strict: Option<bool>,
    /// `sync`, `sync_interval`.
    pub sync: Option<Sync>,
    /// `key`, `ek`, `encryption_key`.
    pub encryption_key: Option<String>,
    /// `prev_key`, `prev_ek`, `prev_encryption_key`.
    pub previous_encryption_key: Option<String>,
    /// `cipher`.
    pub cipher: Option<Cipher>,
    /// `limits`.
    pub limits: JetStreamLimits,
    /// `max_buffered_msgs`: messages of one stream that wait.
    pub max_buffered_messages: Option<u64>,
    /// `max_buffered_size`: bytes of them.
    pub max_buffered_bytes: Option<u64>,
    /// `request_queue_limit`: requests that wait.
    pub request_queue_limit: Option<u64>,
    /// `info_queue_limit`: requests for information that wait.
    pub info_queue_limit: Option<u64>,
    /// `max_concurrent_io`: files that are worked on at once, between 4 and 8192.
    pub max_concurrent_io: Option<u64>,
    /// `unique_tag`: of servers that may not both hold a replica.
    pub unique_tag: Option<String>,
    /// `extension_hint`.
    pub extension_hint: Option<String>,
}

/// When a stored message is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// `always`: before it is acknowledged.
    Always,
    /// Within this time.
    Within(Duration),
}

/// How streams are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// `chacha`, `chachapoly`
    ChaCha,
    /// `aes`
    Aes,
}

/// A `limits` block of `jetstream`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JetStreamLimits {
    /// `max_ack_pending`.
    pub max_ack_pending: Option<Limit>,
    /// `max_ha_assets`.
    pub max_ha_assets: Option<Limit>,
    /// `max_request_batch`.
    pub max_request_batch: Option<Limit>,
    /// `duplicate_window`.
    pub duplicate_window: Option<Duration>,
    /// `batch`.
    pub batch: BatchLimits,
}

/// A `batch` block: messages that are published together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchLimits {
    /// `max_inflight_per_stream`.
    pub max_inflight_per_stream: Option<u64>,
    /// `max_inflight_total`.
    pub max_inflight_total: Option<u64>,
    /// `max_msgs`.
    pub max_messages: Option<u64>,
    /// `timeout`.
    pub timeout: Option<Duration>,
}

impl Section for JetStream {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "store_dir" | "storedir" | "store" => field.set(&mut self.store_dir),
            "max_mem" | "max_mem_store" | "max_memory_store" => {
                field.set_from::<StoreLimit, _>(&mut self.max_memory_store);
            }
            "max_file" | "max_file_store" => field.set_from::<StoreLimit, _>(&mut self.max_file_store),
            "domain" => field.set(&mut self.domain),
            "enabled" | "enable" => field.set(&mut self.enabled),
            "strict" => field.set(&mut self.strict),
            "sync" | "sync_interval" => field.set(&mut self.sync),
            "key" | "ek" | "encryption_key" => field.set(&mut self.encryption_key),
            "prev_key" | "prev_ek" | "prev_encryption_key" => field.set(&mut self.previous_encryption_key),
            "cipher" => field.set(&mut self.cipher),
            "limits" => field.extend(&mut self.limits),
            "max_buffered_msgs" => field.set(&mut self.max_buffered_messages),
            "max_buffered_size" => field.set_from::<StoreBytes, _>(&mut self.max_buffered_bytes),
            "request_queue_limit" => field.set(&mut self.request_queue_limit),
            "info_queue_limit" => field.set(&mut self.info_queue_limit),
            "max_concurrent_io" => field.set(&mut self.max_concurrent_io),
            "unique_tag" => field.set(&mut self.unique_tag),
            "extension_hint" => field.set(&mut self.extension_hint),
            // Of replicas and of Windows.
            "max_outstanding_catchup" | "meta_compact" | "meta_compact_size" | "meta_compact_sync" | "tpm" => {
                field.refuse();
            }
            _ => field.unknown(),
        }
    }
}

impl Section for JetStreamLimits {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "max_ack_pending" => field.set(&mut self.max_ack_pending),
            "max_ha_assets" => field.set(&mut self.max_ha_assets),
            "max_request_batch" => field.set(&mut self.max_request_batch),
            "duplicate_window" => field.set(&mut self.duplicate_window),
            "batch" => field.extend(&mut self.batch),
            _ => field.unknown(),
        }
    }
}

impl Section for BatchLimits {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "max_inflight_per_stream" => field.set(&mut self.max_inflight_per_stream),
            "max_inflight_total" => field.set(&mut self.max_inflight_total),
            "max_msgs" => field.set(&mut self.max_messages),
            "timeout" => field.set(&mut self.timeout),
            _ => field.unknown(),
        }
    }
}

impl Read for Sync {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        match &value.kind {
            Kind::Text(text) if text.eq_ignore_ascii_case("always") => Some(Self::Always),
            _ => Duration::read(value, report).map(Self::Within),
        }
    }
}

impl Read for Cipher {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        word(value, report, &[("chacha", Self::ChaCha), ("chachapoly", Self::ChaCha), ("aes", Self::Aes)])
    }
}

/// Bytes that cannot be without bound.
struct StoreBytes(u64);

impl Read for StoreBytes {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let StoreSize(size) = StoreSize::read(value, report)?;
        let bytes = u64::try_from(size).ok();
        if bytes.is_none() {
            report.fault(&value.position, format!("{} must not be negative", report.name()));
        }
        bytes.map(Self)
    }
}

impl From<StoreBytes> for Option<u64> {
    fn from(StoreBytes(bytes): StoreBytes) -> Self {
        Some(bytes)
    }
}

impl JetStream {
    pub(super) fn check(&self, checks: &mut Checks<'_>) {
        if self.max_concurrent_io.is_some_and(|files| !(4..=8192).contains(&files)) {
            checks.fault("jetstream.max_concurrent_io", "max_concurrent_io must be between 4 and 8192");
        }
        let is_token =
            |domain: &String| !domain.is_empty() && !domain.contains(|c: char| c.is_whitespace() || ".*>".contains(c));
        if let Some(domain) = self.domain.as_ref().filter(|domain| !is_token(domain)) {
            checks.fault(
                "jetstream.domain",
                format!("invalid domain name {domain:?}: it must be one token of a subject"),
            );
        }
        if self.previous_encryption_key.is_some() && self.encryption_key.is_none() {
            checks.fault("jetstream", "a previous encryption key without an encryption key");
        }
        let is_short = |window: &Duration| !window.is_zero() && *window < Duration::from_millis(100);
        if self.limits.duplicate_window.as_ref().is_some_and(is_short) {
            checks.fault("jetstream.limits.duplicate_window", "duplicate_window must be at least 100ms");
        }
    }
}

/// Keys do not show in logs.
impl std::fmt::Debug for JetStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JetStream")
            .field("store_dir", &self.store_dir)
            .field("max_memory_store", &self.max_memory_store)
            .field("max_file_store", &self.max_file_store)
            .field("domain", &self.domain)
            .field("enabled", &self.enabled)
            .field("strict", &self.strict)
            .field("sync", &self.sync)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
