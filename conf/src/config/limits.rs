//! Bounds on what clients may do, and times after which they are given up.

use std::time::Duration;

use embus_protocol::limits::DEFAULT_MAX_PENDING_BYTES;

use super::{
    read::{Read, Report, word},
    unit::Limit,
    validate::Checks,
};
use crate::Value;

/// `max_payload`, `ping_interval` and their like. What is not given is as the server has it by default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// `max_control_line`, in bytes.
    pub max_control_line: Option<u32>,
    /// `max_payload`, in bytes.
    pub max_payload: Option<u32>,
    /// `max_pending`, in bytes.
    pub max_pending: Option<u64>,
    /// `max_connections`, `max_conn`: none at 0 or below.
    pub max_connections: Option<u64>,
    /// `max_subscriptions`, `max_subs`, of one connection.
    pub max_subscriptions: Option<Limit>,
    /// `max_sub_tokens`: tokens in the subject of a subscription; any number at 0.
    pub max_subscription_tokens: Option<u16>,
    /// `max_closed_clients`: closed connections that `/connz` still knows.
    pub max_closed_clients: Option<u64>,
    /// `ping_interval`.
    pub ping_interval: Option<Duration>,
    /// `ping_max`: pings without an answer.
    pub ping_max: Option<u32>,
    /// `write_deadline`.
    pub write_deadline: Option<Duration>,
    /// `write_timeout`: what happens after the deadline.
    pub write_timeout: WriteTimeout,
    /// `no_fast_producer_stall`: producers are not held back for slow readers.
    pub no_fast_producer_stall: bool,
    /// `no_header_support`.
    pub no_headers: bool,
    /// `disable_sublist_cache`, `no_sublist_cache`: a hint that changes nothing clients can see.
    pub no_match_cache: bool,
}

/// What happens to a client that takes nothing until its deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WriteTimeout {
    /// What suits the kind of connection.
    #[default]
    Default,
    /// It is cut.
    Close,
    /// It is tried again.
    Retry,
}

impl Read for WriteTimeout {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        word(value, report, &[("default", Self::Default), ("close", Self::Close), ("retry", Self::Retry)])
    }
}

/// A number that is 0 if it is negative. [nats-server: `max_connections`]
pub(super) struct AtLeastNone(u64);

impl Read for AtLeastNone {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        i64::read(value, report).map(|number| Self(u64::try_from(number).unwrap_or(0)))
    }
}

impl From<AtLeastNone> for Option<u64> {
    fn from(AtLeastNone(number): AtLeastNone) -> Self {
        Some(number)
    }
}

impl Limits {
    pub(super) fn check(&self, checks: &mut Checks<'_>) {
        let pending = self.max_pending.unwrap_or(DEFAULT_MAX_PENDING_BYTES as u64);
        if self.max_payload.is_some_and(|payload| u64::from(payload) > pending) {
            checks.fault("max_payload", format!("max_payload must not be more than max_pending, which is {pending}"));
        }
        if self.max_payload == Some(0) {
            checks.fault("max_payload", "max_payload must not be zero");
        }
        if self.max_control_line == Some(0) {
            checks.fault("max_control_line", "max_control_line must not be zero");
        }
    }
}
