//! Consumers are made and changed: what is asked for is checked against the stream, the account and the other consumers
//! before the stream makes it so.

use super::JetStream;
use crate::api::advisory;
use crate::api::error::ApiError;
use crate::consumer::config::{Action, ConsumerConfig, Existing, Plan, Surroundings, plan};
use crate::consumer::info::ConsumerInfo;
use crate::stream::Stream;
use crate::stream::config::StreamConfig;
use crate::sync::Arc;

impl JetStream {
    /// Makes a consumer, changes the one of its name, or finds it as it should be. One without a name is given one. Blocks,
    /// and runs where requests run one at a time: see [`serial`](Self::serial). It is durable once
    /// [`after_consumers`](crate::stream::Witness::after_consumers) of a witness from before says so.
    ///
    /// # Errors
    /// What the API answers.
    pub fn create_consumer(
        &self,
        stream: &Arc<Stream>,
        config: ConsumerConfig,
        action: Action,
        pedantic: bool,
    ) -> Result<ConsumerInfo, ApiError> {
        let stream_config = stream.config();
        let max_ack_pending = self.stream_limits().max_ack_pending;
        let around = Surroundings { stream: &stream_config, max_ack_pending, pedantic };
        let config = config.check(&around)?;
        let name = if config.name.is_empty() { self.new_consumer_name(stream)? } else { config.name.clone() };
        match self.plan_consumer(stream, &stream_config, &name, config, action)? {
            Plan::Create(config) => stream.create_consumer(&name, config),
            Plan::Update(config) => stream.update_consumer(&name, config),
            Plan::Keep => stream.consumer_info(&name).ok_or_else(ApiError::consumer_not_found),
        }
    }

    fn plan_consumer(
        &self,
        stream: &Arc<Stream>,
        stream_config: &StreamConfig,
        name: &str,
        config: ConsumerConfig,
        action: Action,
    ) -> Result<Plan, ApiError> {
        let limit = self.stream_limits().max_consumers;
        let others = stream.beside_consumer(name, &config);
        let existing = stream.consumer_config(name);
        let is_bound = || stream.consumer_info(name).is_some_and(|info| info.state.push_bound);
        let existing = existing.as_deref().map(|config| Existing { config, is_bound: config.is_push() && is_bound() });
        plan(config, action, existing, others, stream_config, limit)
    }

    /// Eight letters and digits that no other consumer of the stream has as a name. [reference §3.4]
    fn new_consumer_name(&self, stream: &Stream) -> Result<String, ApiError> {
        let engine = self.engine().ok_or_else(ApiError::not_enabled)?;
        loop {
            let mut name = advisory::new_id(&engine);
            name.truncate(8);
            if stream.consumer_config(&name).is_none() {
                return Ok(name);
            }
        }
    }
}
