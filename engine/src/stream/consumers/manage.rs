//! Consumers that come, change and go. What is checked of a configuration was checked before. Everything here may be done
//! on threads that block: the changes are as durable as the stream's policy says when what
//! [`Witness::after_consumers`](crate::stream::Witness::after_consumers) was given is called.

use embus_storage::message::Timestamp;

use super::gate::Gate;
use super::index::Slot;
use super::notice::{Notice, What};
use super::{Consumers, Journal, Key};
use crate::api::error::ApiError;
use crate::consumer::config::{ConsumerConfig, Others};
use crate::consumer::info::ConsumerInfo;
use crate::consumer::{Closing, Consumer, ConsumerSetting, ResetError};
use crate::interest_watch::Watcher;
use crate::router::Router;
use crate::stream::{State, Stream};
use crate::sync::Arc;

/// A consumer that began anew.
#[derive(Debug, Clone)]
pub struct Reset {
    /// The sequence that comes next.
    pub sequence: u64,
    /// The consumer.
    pub info: ConsumerInfo,
}

impl Stream {
    /// How many consumers it shows: those that other streams copy through are not among them. [nats-server: direct
    /// consumers]
    pub fn consumer_count(&self) -> usize {
        self.state.lock().consumers.neighbours.count()
    }

    /// How many consumers it has.
    pub fn all_consumers_count(&self) -> usize {
        self.state.lock().consumers.len()
    }

    /// What stands beside a consumer of that name, if there is one, when it is to be like this.
    pub fn beside_consumer(&self, name: &str, config: &ConsumerConfig) -> Others {
        let state = self.state.lock();
        let consumers = &state.consumers;
        let own = consumers.slot(name).and_then(|slot| Some((slot, &**consumers.member(slot)?.consumer.config())));
        consumers.neighbours.others(own, config)
    }

    /// The names of its consumers, sorted.
    pub fn consumer_names(&self) -> Vec<String> {
        self.state.lock().consumers.by_name.keys().map(ToString::to_string).collect()
    }

    /// The configuration of a consumer.
    pub fn consumer_config(&self, name: &str) -> Option<Arc<ConsumerConfig>> {
        let state = self.state.lock();
        let member = state.consumers.member(state.consumers.slot(name)?)?;
        Some(Arc::clone(member.consumer.config()))
    }

    /// The configurations of all its consumers, sorted by name.
    pub fn consumer_configs(&self) -> Vec<(String, Arc<ConsumerConfig>)> {
        let state = self.state.lock();
        let members = state.consumers.by_name.values().filter_map(|slot| state.consumers.member(*slot));
        members.map(|member| (member.name.to_string(), Arc::clone(member.consumer.config()))).collect()
    }

    /// A consumer as it is now.
    pub fn consumer_info(self: &Arc<Self>, name: &str) -> Option<ConsumerInfo> {
        let router = self.router.upgrade()?;
        let mut state = self.state.lock();
        let slot = state.consumers.slot(name)?;
        let info = self.info_of(&router, &mut state, slot);
        // It may have seen what nobody else did.
        self.arm(&mut state);
        let wants_pump = state.wants_pump();
        drop(state);
        if wants_pump {
            self.pump_alone();
        }
        info
    }

    /// All consumers as they are now, sorted by name.
    pub fn consumer_infos(self: &Arc<Self>) -> Vec<ConsumerInfo> {
        let names = self.consumer_names();
        names.iter().filter_map(|name| self.consumer_info(name)).collect()
    }

    fn info_of(self: &Arc<Self>, router: &Router, state: &mut State, slot: Slot) -> Option<ConsumerInfo> {
        let now = self.now();
        let mut gate = Gate::new(router, None);
        let awaited = state.consumers.member(slot)?.consumer.ack_pending();
        let seen = state.consumers.show(slot, &mut state.core, &mut gate, now, Consumer::info);
        if state.consumers.member(slot)?.consumer.ack_pending() < awaited {
            // What was removed may have made room for more.
            state.consumers.make_ready(slot);
        }
        state.consumers.settle(slot, &mut state.core, now);
        let consumer = &state.consumers.member(slot)?.consumer;
        let setting = consumer.setting();
        Some(ConsumerInfo {
            stream_name: self.name.to_string(),
            name: setting.name.to_string(),
            created: setting.created,
            config: Arc::clone(consumer.config()),
            state: seen?,
            now,
        })
    }

    /// Makes a consumer of that name. There is none yet; if there is one all the same, it is given the configuration.
    ///
    /// # Errors
    /// 10024 if the store could not be looked into.
    pub fn create_consumer(self: &Arc<Self>, name: &str, config: ConsumerConfig) -> Result<ConsumerInfo, ApiError> {
        self.change(|stream, router, state| {
            if let Some(slot) = state.consumers.slot(name) {
                return stream.update_at(router, state, slot, config.into_shared());
            }
            stream.add(router, state, name, &config.into_shared())
        })?
    }

    /// Gives a consumer another configuration.
    ///
    /// # Errors
    /// 10014 without such a consumer.
    pub fn update_consumer(self: &Arc<Self>, name: &str, config: ConsumerConfig) -> Result<ConsumerInfo, ApiError> {
        self.change(|stream, router, state| {
            let slot = state.consumers.slot(name).ok_or_else(ApiError::consumer_not_found)?;
            stream.update_at(router, state, slot, config.into_shared())
        })?
    }

    /// Removes a consumer; says whether there was one.
    pub fn delete_consumer(self: &Arc<Self>, name: &str) -> bool {
        self.change(|stream, router, state| {
            let slot = state.consumers.slot(name);
            let removed = slot.map(|slot| stream.remove_consumer(router, state, slot));
            removed.is_some()
        })
        .unwrap_or(false)
    }

    /// Stops deliveries of a consumer until then; a time that is over lets them go on.
    ///
    /// # Errors
    /// 10014 without such a consumer.
    pub fn pause_consumer(self: &Arc<Self>, name: &str, until: Timestamp) -> Result<ConsumerInfo, ApiError> {
        self.change_one(name, |consumer, scene| consumer.pause(until, scene)).map(|((), info)| info)
    }

    /// Pins nobody to a group of a consumer any more; says whether somebody was.
    ///
    /// # Errors
    /// 10014 without such a consumer.
    pub fn unpin_consumer(self: &Arc<Self>, name: &str, group: &str) -> Result<bool, ApiError> {
        self.change_one(name, |consumer, _| consumer.unpin(group)).map(|(unpinned, _)| unpinned)
    }

    /// Has a consumer begin anew at a sequence; 0 stands for the first one that is not acknowledged.
    ///
    /// # Errors
    /// 10014 without such a consumer. Inside, why its configuration does not allow it.
    pub fn reset_consumer(self: &Arc<Self>, name: &str, sequence: u64) -> Result<Result<Reset, ResetError>, ApiError> {
        let (reset, info) = self.change_one(name, |consumer, scene| consumer.reset(sequence, scene))?;
        Ok(reset.map(|sequence| Reset { sequence, info }))
    }

    fn change_one<T>(
        self: &Arc<Self>,
        name: &str,
        act: impl FnOnce(&mut Consumer, &mut crate::consumer::Scene<'_>) -> T,
    ) -> Result<(T, ConsumerInfo), ApiError> {
        self.change(|stream, router, state| {
            let slot = state.consumers.slot(name).ok_or_else(ApiError::consumer_not_found)?;
            let now = stream.now();
            let mut gate = Gate::new(router, None);
            let done_before = state.consumers.member(slot).map(|member| member.consumer.done_up_to());
            let result = state.consumers.show(slot, &mut state.core, &mut gate, now, act);
            state.consumers.sweep_passed(slot, done_before);
            state.consumers.store_config(slot);
            state.after(slot, now);
            let info = stream.info_of(router, state, slot).ok_or_else(ApiError::consumer_not_found)?;
            Ok((result.ok_or_else(ApiError::consumer_not_found)?, info))
        })?
    }

    /// Changes something under the lock, then commits it and serves the consumers.
    pub(super) fn change<T>(
        self: &Arc<Self>,
        act: impl FnOnce(&Arc<Self>, &Router, &mut State) -> T,
    ) -> Result<T, ApiError> {
        let router = self.router.upgrade().ok_or_else(ApiError::not_enabled)?;
        let result = {
            let mut state = self.state.lock();
            let result = act(self, &router, &mut state);
            self.arm(&mut state);
            result
        };
        self.sweep_unneeded();
        self.commit();
        self.pump_alone();
        Ok(result)
    }

    fn add(
        self: &Arc<Self>,
        router: &Router,
        state: &mut State,
        name: &str,
        config: &Arc<ConsumerConfig>,
    ) -> Result<ConsumerInfo, ApiError> {
        let now = self.now();
        let is_stored = state.consumers.journal.keeps(config);
        let setting = ConsumerSetting {
            id: state.consumers.last_id + 1,
            stream: Arc::clone(&self.name),
            name: Arc::from(name),
            created: now,
            is_persistent: is_stored,
            settles: state.core.removes_acknowledged(),
        };
        let (id, shared_name) = (setting.id, Arc::clone(&setting.name));
        let view = state.consumers.view(now);
        let mut gate = Gate::new(router, None);
        let consumer = gate
            .look(&mut state.core, view, config.is_push(), |scene| Consumer::new(setting, Arc::clone(config), scene));
        let consumer = consumer.map_err(ApiError::store_failed)?;
        let slot = state.consumers.insert(Arc::clone(&shared_name), id, consumer, is_stored);
        state.consumers.store_config(slot);
        state.consumers.journal.note_created(Key { slot, id });
        state.consumers.set_interest(&mut state.core);
        self.watch_interest(router, state, slot);
        state.consumers.check_interest(slot, &mut gate, now);
        state.consumers.notices.push(Notice { consumer: shared_name, what: What::Created });
        state.after(slot, now);
        self.info_of(router, state, slot).ok_or_else(ApiError::consumer_not_found)
    }

    fn update_at(
        self: &Arc<Self>,
        router: &Router,
        state: &mut State,
        slot: Slot,
        config: Arc<ConsumerConfig>,
    ) -> Result<ConsumerInfo, ApiError> {
        let now = self.now();
        let mut gate = Gate::new(router, None);
        self.unwatch_interest(router, state, slot);
        let member = state.consumers.member(slot).ok_or_else(ApiError::consumer_not_found)?;
        let before = Arc::clone(member.consumer.config());
        let updated = state
            .consumers
            .show(slot, &mut state.core, &mut gate, now, |consumer, scene| consumer.update(config, scene));
        self.watch_interest(router, state, slot);
        if let Some(Err(error)) = updated {
            return Err(ApiError::store_failed(error));
        }
        state.consumers.refresh_filters(slot, before);
        state.consumers.store_config(slot);
        state.consumers.check_interest(slot, &mut gate, now);
        state.after(slot, now);
        self.info_of(router, state, slot).ok_or_else(ApiError::consumer_not_found)
    }

    /// Takes a consumer out, and tells those who wait.
    pub(super) fn remove_consumer(self: &Arc<Self>, router: &Router, state: &mut State, slot: Slot) {
        self.unwatch_interest(router, state, slot);
        let Some(mut member) = state.consumers.take(slot) else { return };
        state.consumers.statuses.extend(member.consumer.close(Closing::Deleted));
        state.consumers.called.extend(member.reader.take());
        if member.is_stored {
            state.consumers.journal.delete(member.id);
        }
        state.consumers.notices.push(Notice { consumer: member.name, what: What::Deleted });
        state.consumers.set_interest(&mut state.core);
        let (from, config) = (member.consumer.needs_from(), Arc::clone(member.consumer.config()));
        state.consumers.sweep_from(from, Some(config));
    }

    /// Whoever waits for new consumers is told that they could not be written: then they never were.
    pub(in crate::stream) fn take_back_consumers(self: &Arc<Self>, state: &mut State) {
        let created = state.consumers.journal.take_created();
        let Some(router) = self.router.upgrade() else { return };
        for key in created {
            if let Some(member) = state.consumers.find(key) {
                // Whoever waits for the journal waits for no deletion.
                if std::mem::take(&mut member.is_stored) {
                    state.consumers.journal.take_back(key.id);
                }
                self.remove_consumer(&router, state, key.slot);
            }
        }
    }

    /// Ends all of them: those who wait are told why, and nothing more is delivered.
    pub(crate) fn close_consumers(self: &Arc<Self>, why: Closing) {
        let Some(router) = self.router.upgrade() else { return };
        {
            let mut state = self.state.lock();
            let state = &mut *state;
            if state.consumers.is_closed && why == Closing::Shutdown {
                return;
            }
            if why == Closing::Deleted {
                // The journal goes with the stream.
                state.consumers.journal = Journal::default();
            }
            let slots: Vec<_> = state.consumers.by_name.values().copied().collect();
            for slot in slots {
                match why {
                    Closing::Deleted => self.remove_consumer(&router, state, slot),
                    Closing::Shutdown => self.end_consumer(&router, state, slot),
                }
            }
            state.consumers.is_closed = true;
        }
        self.pump_alone();
    }

    /// Tells those who wait that the broker ends; the consumer goes on with the next start.
    fn end_consumer(self: &Arc<Self>, router: &Router, state: &mut State, slot: Slot) {
        self.unwatch_interest(router, state, slot);
        let closed = state.consumers.member_mut(slot).map(|member| member.consumer.close(Closing::Shutdown));
        state.consumers.statuses.extend(closed.into_iter().flatten());
        state.consumers.call_reader(slot);
    }

    /// Learns from now on when somebody listens to a push consumer, or nobody any more.
    pub(super) fn watch_interest(self: &Arc<Self>, router: &Router, state: &State, slot: Slot) {
        if let Some((subject, watcher)) = self.watcher(state, slot) {
            router.watch().insert(&subject, watcher);
        }
    }

    fn unwatch_interest(self: &Arc<Self>, router: &Router, state: &State, slot: Slot) {
        if let Some((subject, watcher)) = self.watcher(state, slot) {
            router.watch().remove(&subject, &watcher);
        }
    }

    /// A push consumer as who watches the interest where it delivers to.
    fn watcher(self: &Arc<Self>, state: &State, slot: Slot) -> Option<(Vec<u8>, Watcher)> {
        let member = state.consumers.member(slot)?;
        let config = member.consumer.config();
        let consumer = Key { slot, id: member.id };
        let subject = || config.deliver_subject.as_bytes().to_vec();
        config.is_push().then(|| (subject(), Watcher { stream: Arc::downgrade(self), consumer }))
    }
}

impl Consumers {
    /// What a consumer has passed over may not be needed any more.
    fn sweep_passed(&mut self, slot: Slot, done_before: Option<u64>) {
        let Some(member) = self.member(slot) else { return };
        let config = Arc::clone(member.consumer.config());
        if let Some(done) = done_before.filter(|done| *done < member.consumer.done_up_to()) {
            self.sweep_from(done + 1, Some(config));
        }
    }

    /// Has the journal keep the configuration of a consumer as it is now; whoever waits for that is told when it is.
    fn store_config(&mut self, slot: Slot) {
        let Some(member) = self.members.get(slot as usize).and_then(Option::as_deref) else { return };
        if member.is_stored {
            self.journal.put_config(member.id, &member.consumer);
        }
    }

    /// Its filters may have changed.
    fn refresh_filters(&mut self, slot: Slot, before: Arc<ConsumerConfig>) {
        let Some(member) = self.members.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        let consumer = &member.consumer;
        let (from, changes) = (consumer.needs_from(), before.filters().ne(consumer.config().filters()));
        self.neighbours.remove(slot, &before);
        self.neighbours.insert(slot, consumer.config());
        if let Some(index) = &self.index {
            let mut index = index.lock();
            index.remove(slot, &member.refs);
            member.refs = index.insert(slot, consumer.config().filters());
        }
        // It is noted nowhere now: it is found hungry anew when it is settled.
        self.hungry -= usize::from(std::mem::replace(&mut member.is_hungry, false));
        if changes {
            // It may not need any more what it has yet to deliver.
            self.sweep_from(from, Some(before));
        }
    }
}
