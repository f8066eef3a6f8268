//! What a consumer looks like from outside, as all answers that tell of one have it. [reference §3.5]

use crate::api::response::Object;
use crate::consumer::info::{ConsumerInfo, PriorityGroupInfo, SequenceInfo};

impl ConsumerInfo {
    /// As the monitor shows it: the JSON of a response, with or without the configuration.
    pub fn to_json(&self, with_config: bool) -> String {
        let config = with_config.then(|| self.config.to_json(false));
        with_state(self, head(self, config.as_deref())).to_json()
    }
}

/// Everything there is to tell; `with_version` adds what the server says of itself to the metadata.
pub(super) fn object(info: &ConsumerInfo, with_version: bool) -> Object {
    with_state(info, head(info, Some(&info.config.to_json(with_version))))
}

fn head(info: &ConsumerInfo, config: Option<&str>) -> Object {
    let object = Object::new()
        .with("stream_name", &info.stream_name)
        .with("name", &info.name)
        .with_time("created", info.created);
    match config {
        Some(config) => object.with_raw("config", config),
        None => object,
    }
}

fn with_state(info: &ConsumerInfo, head: Object) -> Object {
    let state = &info.state;
    let remaining = state.paused_until.saturating_sub(info.now);
    let is_paused = remaining > 0;
    let object = head
        .with_raw("delivered", &place(&state.delivered).to_json())
        .with_raw("ack_floor", &place(&state.ack_floor).to_json())
        .with("num_ack_pending", &state.num_ack_pending)
        .with("num_redelivered", &state.num_redelivered)
        .with("num_waiting", &state.num_waiting)
        .with("num_pending", &state.num_pending)
        .with_some("push_bound", state.push_bound.then_some(true))
        .with_some("paused", is_paused.then_some(true))
        .with_some("pause_remaining", is_paused.then_some(remaining))
        .with_time("ts", info.now);
    if state.priority_groups.is_empty() {
        return object;
    }
    let groups: Vec<_> = state.priority_groups.iter().map(|group| self::group(group).to_json()).collect();
    object.with_raw("priority_groups", &format!("[{}]", groups.join(",")))
}

fn place(place: &SequenceInfo) -> Object {
    let object =
        Object::new().with("consumer_seq", &place.consumer_sequence).with("stream_seq", &place.stream_sequence);
    if place.last_active == 0 { object } else { object.with_time("last_active", place.last_active) }
}

fn group(group: &PriorityGroupInfo) -> Object {
    let pinned = Some(&group.pinned_client_id).filter(|id| !id.is_empty());
    Object::new()
        .with("group", &group.group)
        .with_some("pinned_client_id", pinned)
        .with_time("pinned_ts", group.pinned_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::config::ConsumerConfig;
    use crate::consumer::info::ConsumerState;
    use crate::sync::Arc;

    const CONFIG: &str =
        r#"{"name":"c","deliver_policy":"all","ack_policy":"none","replay_policy":"instant","num_replicas":0}"#;

    fn info(state: ConsumerState) -> ConsumerInfo {
        let config = Arc::new(ConsumerConfig { name: "c".to_owned(), ..ConsumerConfig::default() });
        ConsumerInfo {
            stream_name: "S".to_owned(),
            name: "c".to_owned(),
            created: 1_000_000_000,
            config,
            state,
            now: 2_000_000_000,
        }
    }

    #[track_caller]
    fn check(state: ConsumerState, expected: &str) {
        let head = format!(
            r#"{{"stream_name":"S","name":"c","created":"1970-01-01T00:00:01Z","config":{CONFIG},"delivered":"#
        );
        let json = object(&info(state), false).to_json();
        assert_eq!(json.strip_prefix(&head), Some(expected), "{json}");
    }

    #[test]
    fn a_new_consumer() {
        check(
            ConsumerState::default(),
            r#"{"consumer_seq":0,"stream_seq":0},"ack_floor":{"consumer_seq":0,"stream_seq":0},"num_ack_pending":0,"num_redelivered":0,"num_waiting":0,"num_pending":0,"ts":"1970-01-01T00:00:02Z"}"#,
        );
    }

    #[test]
    fn all_there_is_to_tell() {
        let group = PriorityGroupInfo { group: "g".to_owned(), pinned_client_id: "x".to_owned(), pinned_time: 1 };
        let state = ConsumerState {
            delivered: SequenceInfo { consumer_sequence: 3, stream_sequence: 5, last_active: 1_500_000_000 },
            ack_floor: SequenceInfo { consumer_sequence: 1, stream_sequence: 2, last_active: 0 },
            num_ack_pending: 2,
            num_redelivered: 1,
            num_waiting: 4,
            num_pending: 6,
            push_bound: true,
            paused_until: 2_000_000_007,
            priority_groups: vec![group, PriorityGroupInfo { group: "h".to_owned(), ..PriorityGroupInfo::default() }],
        };
        check(
            state,
            r#"{"consumer_seq":3,"stream_seq":5,"last_active":"1970-01-01T00:00:01.5Z"},"ack_floor":{"consumer_seq":1,"stream_seq":2},"num_ack_pending":2,"num_redelivered":1,"num_waiting":4,"num_pending":6,"push_bound":true,"paused":true,"pause_remaining":7,"ts":"1970-01-01T00:00:02Z","priority_groups":[{"group":"g","pinned_client_id":"x","pinned_ts":"1970-01-01T00:00:00.000000001Z"},{"group":"h","pinned_ts":"0001-01-01T00:00:00Z"}]}"#,
        );
    }

    #[test]
    fn for_the_monitor() {
        let info = info(ConsumerState::default());
        assert_eq!(info.to_json(true), object(&info, false).to_json());
        let start = r#"{"stream_name":"S","name":"c","created":"1970-01-01T00:00:01Z","delivered":"#;
        assert!(info.to_json(false).starts_with(start));
    }

    #[test]
    fn a_pause_that_is_over_is_none() {
        let json = object(&info(ConsumerState { paused_until: 2_000_000_000, ..ConsumerState::default() }), false);
        assert!(!json.to_json().contains("pause"));
    }
}
