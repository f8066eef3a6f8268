//! What becomes of configurations, as the reference server answered it.

use super::*;
use crate::api::error::ApiError;
use crate::stream::config::{ConsumerLimits, Retention, StreamConfig};

fn stream() -> StreamConfig {
    let subjects = vec!["s.>".to_owned()];
    StreamConfig { name: "S".to_owned(), subjects, num_replicas: 1, max_consumers: -1, ..StreamConfig::default() }
}

fn queue() -> StreamConfig {
    StreamConfig { retention: Retention::WorkQueue, ..stream() }
}

fn read(json: &str) -> ConsumerConfig {
    crate::api::json::decode(json.as_bytes()).unwrap()
}

fn complete(json: &str) -> Result<ConsumerConfig, ApiError> {
    read(json).check(&Surroundings { stream: &stream(), max_ack_pending: -1, pedantic: false })
}

fn pedantic(json: &str) -> Result<ConsumerConfig, ApiError> {
    read(json).check(&Surroundings { stream: &stream(), max_ack_pending: -1, pedantic: true })
}

fn text(result: Result<ConsumerConfig, ApiError>) -> String {
    match result {
        Ok(_) => "fine".to_owned(),
        Err(error) => format!("{} {error}", error.err_code),
    }
}

#[track_caller]
fn check(json: &str, expected: &str) {
    assert_eq!(text(complete(json)), expected, "{json}");
}

#[track_caller]
fn becomes(json: &str, expected: &str) {
    let metadata = r#","metadata":{"_nats.req.level":"0"}"#;
    assert_eq!(complete(json).unwrap().to_json(false).replace(metadata, ""), expected, "{json}");
}

#[test]
fn defaults() {
    becomes(
        "{}",
        r#"{"deliver_policy":"all","ack_policy":"none","max_deliver":-1,"replay_policy":"instant","max_waiting":512,"num_replicas":0}"#,
    );
    becomes(
        r#"{"durable_name":"d","ack_policy":"explicit"}"#,
        r#"{"durable_name":"d","name":"d","deliver_policy":"all","ack_policy":"explicit","ack_wait":30000000000,"max_deliver":-1,"replay_policy":"instant","max_waiting":512,"max_ack_pending":1000,"num_replicas":0}"#,
    );
    becomes(
        r#"{"deliver_subject":"d","max_batch":-1,"max_waiting":-1,"max_ack_pending":-2,"idle_heartbeat":-1,"max_deliver":-5}"#,
        r#"{"deliver_policy":"all","ack_policy":"none","max_deliver":-1,"replay_policy":"instant","max_ack_pending":-1,"deliver_subject":"d","num_replicas":0}"#,
    );
    becomes(
        r#"{"ack_policy":"none","backoff":[5,6],"ack_wait":7,"max_deliver":2}"#,
        r#"{"deliver_policy":"all","ack_policy":"none","ack_wait":5,"max_deliver":2,"backoff":[5,6],"replay_policy":"instant","max_waiting":512,"num_replicas":0}"#,
    );
}

#[test]
fn acknowledging_by_flow_control_brings_what_it_needs() {
    let config = complete(r#"{"ack_policy":"flow_control","deliver_subject":"d"}"#).unwrap();
    assert!(config.flow_control);
    assert_eq!(config.idle_heartbeat, Nanos::SECOND);
    assert_eq!((config.max_ack_pending, config.ack_wait), (1000, Nanos::ZERO));
    assert_eq!(config.metadata.get("_nats.req.level").unwrap(), "4");
}

#[test]
fn a_pinned_client_may_be_silent_for_two_minutes() {
    let json = r#"{"priority_policy":"pinned_client","priority_groups":["a"],"priority_timeout":-1}"#;
    let config = complete(json).unwrap();
    assert_eq!(config.priority_timeout, Nanos(120 * Nanos::SECOND.0));
    assert_eq!(config.metadata.get("_nats.req.level").unwrap(), "1");
}

#[test]
fn refused_by_themselves() {
    check(r#"{"name":"a/b"}"#, "10127 Consumer name can not contain path separators");
    check(r#"{"name":"a b"}"#, r"10052 consumer name can not contain '.', '*', '>', '\', '/'");
    check(
        r#"{"name":"a","durable_name":"b"}"#,
        "10132 Consumer Durable and Name have to be equal if both are provided",
    );
    check(r#"{"num_replicas":2}"#, "10074 replicas > 1 not supported in non-clustered mode");
    check(r#"{"num_replicas":-1}"#, "10133 replicas count cannot be negative");
    check(r#"{"ack_wait":-1}"#, "10183 consumer ack wait needs to be positive");
    check(r#"{"backoff":[1,-1]}"#, "10184 consumer backoff needs to be positive");
    check(r#"{"backoff":[1,2,3],"max_deliver":2}"#, "10116 max deliver is required to be > length of backoff values");
    check(
        r#"{"sample_freq":"x"}"#,
        r#"10095 failed to parse consumer sampling configuration: strconv.Atoi: parsing "x": invalid syntax"#,
    );
    check(r#"{"sample_freq":"-1%"}"#, "10095 failed to parse consumer sampling configuration: <nil>");
    check(
        r#"{"sample_freq":"99999999999999999999"}"#,
        r#"10095 failed to parse consumer sampling configuration: strconv.Atoi: parsing "99999999999999999999": value out of range"#,
    );
    check(
        r#"{"sample_freq":"%"}"#,
        r#"10095 failed to parse consumer sampling configuration: strconv.Atoi: parsing "": invalid syntax"#,
    );
    check(r#"{"sample_freq":"101%"}"#, "fine");
    let long = format!(r#"{{"description":"{}"}}"#, "x".repeat(4097));
    check(&long, "10107 consumer description is too long, maximum allowed is 4096");
    let large = format!(r#"{{"metadata":{{"k":"{}"}}}}"#, "x".repeat(128 * 1024));
    check(&large, "10135 consumer metadata exceeds maximum size of 128KB");
    let long = format!(r#"{{"durable_name":"{}"}}"#, "x".repeat(256));
    check(&long, "10102 consumer name is too long, maximum allowed is 255");
    check(r#"{"direct":true}"#, "10090 consumer direct requires a push based consumer");
    check(
        r#"{"direct":true,"deliver_subject":"d","durable_name":"d"}"#,
        "10091 consumer direct requires an ephemeral consumer",
    );
}

#[test]
fn push_and_pull() {
    check(r#"{"deliver_subject":"a.*"}"#, "10079 consumer deliver subject has wildcards");
    check(r#"{"deliver_subject":"a..>"}"#, "10079 consumer deliver subject has wildcards");
    check(r#"{"deliver_subject":"a..b"}"#, "10112 invalid push consumer deliver subject");
    check(r#"{"deliver_subject":"a b"}"#, "10112 invalid push consumer deliver subject");
    check(r#"{"deliver_subject":"s.x"}"#, "10081 consumer deliver subject forms a cycle");
    check(r#"{"deliver_subject":"a*"}"#, "fine");
    check(r#"{"deliver_subject":"d","max_waiting":1}"#, "10080 consumer in push mode can not set max waiting");
    check(r#"{"deliver_subject":"d","max_ack_pending":1}"#, "10082 consumer requires ack policy for max ack pending");
    check(r#"{"deliver_subject":"d","idle_heartbeat":1}"#, "10083 consumer idle heartbeat needs to be >= 100ms");
    check(r#"{"deliver_subject":"d","flow_control":true}"#, "10108 consumer with flow control also needs heartbeats");
    check(r#"{"deliver_subject":"d","max_expires":5}"#, "fine");
    check(r#"{"rate_limit_bps":1}"#, "10086 consumer in pull mode can not have rate limit set");
    check(r#"{"idle_heartbeat":1000000000}"#, "10088 consumer idle heartbeat requires a push based consumer");
    check(r#"{"flow_control":true}"#, "10089 consumer flow control requires a push based consumer");
    check(r#"{"max_expires":999999}"#, "10115 consumer max request expires needs to be >= 1ms");
    check(r#"{"ack_policy":"flow_control"}"#, "10218 flow control ack policy requires a push based consumer");
    let flow = r#""ack_policy":"flow_control","deliver_subject":"d""#;
    check(&format!(r#"{{{flow},"max_ack_pending":-1}}"#), "10220 flow control ack policy requires max ack pending");
    check(&format!(r#"{{{flow},"ack_wait":5}}"#), "10221 flow control ack policy requires unset ack wait");
    check(&format!(r#"{{{flow},"backoff":[5]}}"#), "10221 flow control ack policy requires unset ack wait");
    check(&format!(r#"{{{flow},"max_deliver":5}}"#), "10222 flow control ack policy requires unset max deliver");
}

#[test]
fn filters() {
    check(
        r#"{"filter_subject":"a","filter_subjects":["b"]}"#,
        "10136 consumer cannot have both FilterSubject and FilterSubjects specified",
    );
    check(r#"{"filter_subjects":["a..b",""]}"#, "10139 consumer filter in FilterSubjects cannot be empty");
    check(r#"{"filter_subjects":["a.*","a.b"]}"#, "10138 consumer subject filters cannot overlap");
    check(r#"{"filter_subjects":["a","a","a..b"]}"#, "10138 consumer subject filters cannot overlap");
    check(r#"{"filter_subjects":["a..b","a","a"]}"#, "10052 invalid subject");
    check(r#"{"filter_subject":"a b"}"#, "10052 invalid subject");
    check(r#"{"filter_subject":"nothing.here"}"#, "fine");
    check(r#"{"filter_subject":"","filter_subjects":[]}"#, "fine");
}

#[test]
fn starts() {
    let refused = |what: &str| format!("10094 consumer delivery policy is deliver {what}");
    let check = |json: &str, what: &str| check(json, &refused(what));
    check(r#"{"opt_start_seq":1}"#, "all, but optional start sequence is also set");
    check(
        r#"{"deliver_policy":"last","opt_start_time":"2020-01-01T00:00:00Z"}"#,
        "last, but optional start time is also set",
    );
    check(r#"{"deliver_policy":"new","opt_start_seq":1}"#, "new, but optional start sequence is also set");
    check(r#"{"deliver_policy":"by_start_sequence"}"#, "by start sequence, but optional start sequence is not set");
    check(
        r#"{"deliver_policy":"by_start_time","opt_start_seq":1}"#,
        "by start time, but optional start time is not set",
    );
    check(
        r#"{"deliver_policy":"by_start_time","opt_start_seq":1,"opt_start_time":"2020-01-01T00:00:00Z"}"#,
        "by start time, but optional start start sequence is also set",
    );
    check(r#"{"deliver_policy":"last_per_subject"}"#, "last per subject, but optional filter subject is not set");
    check(
        r#"{"deliver_policy":"last_per_subject","opt_start_seq":1}"#,
        "last per subject, but optional start sequence is also set",
    );
}

#[test]
fn priorities() {
    check(r#"{"priority_groups":["a"]}"#, "10196 consumer can not have priority groups when policy is none");
    check(r#"{"priority_timeout":5}"#, "10197 PinnedTTL cannot be set when PriorityPolicy is none");
    let groups = |groups: &str| format!(r#"{{"priority_policy":"overflow","priority_groups":[{groups}]}}"#);
    check(&groups(""), "10159 Setting PriorityPolicy requires at least one PriorityGroup to be set");
    check(&groups(r#""a","""#), "10161 Group name cannot be an empty string");
    let invalid = "10162 Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16 characters";
    check(&groups(r#""a b""#), invalid);
    check(&groups(r#""a)+""#), invalid);
    check(&groups(&format!("\"{}\"", "a".repeat(17))), invalid);
    check(&groups(r#""a=/_-","b""#), "fine");
    check(
        r#"{"priority_policy":"overflow","priority_groups":["a"],"deliver_subject":"d"}"#,
        "10178 priority groups can not be used with push consumers",
    );
}

/// Of two errors in neighbouring places of the order the first one is told.
#[test]
fn the_order_of_errors() {
    let push = [
        (10127, r#""name":"a/b""#),
        (10074, r#""num_replicas":2"#),
        (10052, r#""name":"a b""#),
        (10133, r#""num_replicas":-1"#),
        (10184, r#""backoff":[1,2,-1],"max_deliver":2"#),
        (10116, r#""max_deliver":1,"backoff":[1,2]"#),
        (10107, r#""description":"long""#),
        (10079, r#""deliver_subject":"a.*""#),
        (10080, r#""max_waiting":5"#),
        (10082, r#""max_ack_pending":5"#),
        (10083, r#""idle_heartbeat":5"#),
        (10136, r#""filter_subject":"a","filter_subjects":["a"]"#),
        (10094, r#""opt_start_seq":5"#),
        (10095, r#""sample_freq":"x""#),
        (10108, r#""flow_control":true"#),
        (10135, r#""metadata":{"k":"large"}"#),
        (10178, r#""priority_policy":"overflow","priority_groups":["a"]"#),
    ];
    check_order(&push, r#""deliver_subject":"d""#);
    let pull = [
        (10107, r#""description":"long""#),
        (10086, r#""rate_limit_bps":1"#),
        (10088, r#""idle_heartbeat":1000000000"#),
        (10089, r#""flow_control":true"#),
        (10115, r#""max_expires":5"#),
        (10090, r#""direct":true"#),
        (10139, r#""filter_subjects":[""]"#),
        (10094, r#""opt_start_seq":5"#),
        (10135, r#""metadata":{"k":"large"}"#),
        (10196, r#""priority_groups":["a"]"#),
        (10197, r#""priority_timeout":5"#),
    ];
    check_order(&pull, r#""replay_policy":"instant""#);
}

#[track_caller]
fn check_order(errors: &[(u16, &str)], base: &str) {
    for (at, (code, first)) in errors.iter().enumerate() {
        // The last of a name that occurs twice counts, so the error that must win comes last.
        let (_, second) = errors.get(at + 1).unwrap_or(&errors[at]);
        let json = format!("{{{base},{second},{first}}}");
        let json = json.replace("long", &"x".repeat(4097)).replace("large", &"x".repeat(128 * 1024));
        assert_eq!(complete(&json).unwrap_err().err_code, *code, "{json:.200}");
    }
}

#[test]
fn the_pedantic_are_told_what_would_be_corrected() {
    for (json, expected) in [
        (r#"{"max_deliver":-2,"max_waiting":-1}"#, "max_deliver must be set to -1"),
        (r#"{"max_waiting":-1,"max_ack_pending":-2}"#, "max_waiting must not be negative"),
        (r#"{"max_ack_pending":-2,"max_batch":-1}"#, "max_ack_pending must be set to -1"),
        (r#"{"max_batch":-1,"max_expires":-1}"#, "max_batch must not be negative"),
        (r#"{"max_expires":-1,"max_bytes":-1}"#, "max_expires must not be negative"),
        (r#"{"max_bytes":-1,"idle_heartbeat":-1}"#, "max_bytes must not be negative"),
        (r#"{"idle_heartbeat":-1,"inactive_threshold":-1}"#, "idle_heartbeat must not be negative"),
        (r#"{"inactive_threshold":-1,"priority_timeout":-1}"#, "inactive_threshold must not be negative"),
        (r#"{"priority_timeout":-1,"backoff":[5]}"#, "priority_timeout must not be negative"),
        (r#"{"backoff":[5],"name":"a b"}"#, "first backoff value has to equal batch AckWait"),
    ] {
        assert_eq!(text(pedantic(json)), format!("10157 pedantic mode: {expected}"), "{json}");
    }
    assert_eq!(text(pedantic(r#"{"backoff":[5],"ack_wait":5,"ack_policy":"explicit"}"#)), "fine");
    let flow = r#"{"ack_policy":"flow_control","deliver_subject":"d""#;
    let check = |rest: &str, expected: &str| assert_eq!(text(pedantic(&format!("{flow}{rest}}}"))), expected);
    check("", "10219 flow control ack policy requires flow control");
    check(
        r#","flow_control":true,"idle_heartbeat":2000000000"#,
        "10052 flow control ack policy heartbeat needs to be 1s",
    );
    check(r#","flow_control":true,"idle_heartbeat":1000000000"#, "fine");
}

fn limited(json: &str, max_ack_pending: i64, pedantic: bool) -> Result<ConsumerConfig, ApiError> {
    let consumer_limits = ConsumerLimits { inactive_threshold: Nanos(10 * Nanos::SECOND.0), max_ack_pending: 50 };
    let stream = StreamConfig { consumer_limits, ..stream() };
    read(json).check(&Surroundings { stream: &stream, max_ack_pending, pedantic })
}

#[test]
fn limits_of_stream_and_account() {
    let config = limited("{}", -1, false).unwrap();
    assert_eq!((config.max_ack_pending, config.inactive_threshold), (50, Nanos(10 * Nanos::SECOND.0)));
    assert_eq!(limited(r#"{"max_ack_pending":-1}"#, -1, false).unwrap().max_ack_pending, -1);
    let text = |json: &str, account| text(limited(json, account, false));
    assert_eq!(text(r#"{"max_ack_pending":51}"#, -1), "10121 consumer max ack pending exceeds system limit of 50");
    assert_eq!(text(r#"{"max_ack_pending":51}"#, 40), "10121 consumer max ack pending exceeds system limit of 40");
    assert_eq!(text("{}", 40), "10121 consumer max ack pending exceeds system limit of 40");
    assert_eq!(
        text(r#"{"inactive_threshold":10000000001}"#, -1),
        "10153 consumer inactive threshold exceeds system limit of 10s"
    );
    // The consumers that ordered reading uses. [nats-server: the same]
    assert_eq!(text(r#"{"deliver_subject":"d"}"#, -1), "10082 consumer requires ack policy for max ack pending");
    let pedantic = |json: &str| super::tests::text(limited(json, -1, true));
    assert_eq!(pedantic("{}"), "10157 pedantic mode: max_ack_pending must be set if it's configured in stream limits");
    assert_eq!(
        pedantic(r#"{"max_ack_pending":5}"#),
        "10157 pedantic mode: inactive_threshold must be set if it's configured in stream limits"
    );
    let account =
        |json: &str| read(json).check(&Surroundings { stream: &stream(), max_ack_pending: 300, pedantic: false });
    assert_eq!(account(r#"{"ack_policy":"all"}"#).unwrap().max_ack_pending, 300);
    assert_eq!(account("{}").unwrap().max_ack_pending, 0);
}

#[track_caller]
fn changes(old: &str, new: &str, is_bound: bool, expected: &str) {
    let old = complete(old).unwrap();
    assert_eq!(text(old.check_update(complete(new).unwrap(), is_bound)), expected, "{new}");
}

#[test]
fn what_can_not_change() {
    let base = r#"{"durable_name":"d","deliver_policy":"by_start_sequence","opt_start_seq":1"#;
    let check = |change: &str, expected: &str| {
        changes(
            &format!("{base}}}"),
            &format!("{base},{change}}}"),
            false,
            &format!("10012 {expected} can not be updated"),
        );
    };
    check(r#""deliver_policy":"all","opt_start_seq":0"#, "deliver policy");
    check(r#""mem_storage":true,"sourcing":true"#, "storage type");
    check(r#""sourcing":true,"opt_start_seq":2"#, "sourcing");
    check(r#""opt_start_seq":2,"ack_policy":"all""#, "start sequence");
    check(r#""ack_policy":"all","replay_policy":"original""#, "ack policy");
    check(r#""replay_policy":"original","max_waiting":5"#, "replay policy");
    check(r#""max_waiting":5"#, "max waiting");
    changes("{}", r#"{"deliver_subject":"d"}"#, false, "10012 can not update pull consumer to push based");
    changes(r#"{"deliver_subject":"d"}"#, "{}", true, "10012 can not update push consumer to pull based");
    changes(r#"{"deliver_subject":"d"}"#, r#"{"deliver_subject":"e"}"#, true, "10013 consumer name already in use");
    changes(r#"{"deliver_subject":"d"}"#, r#"{"deliver_subject":"e"}"#, false, "fine");
}

#[test]
fn what_an_update_keeps() {
    let old = complete(r#"{"name":"e","pause_until":"2030-01-01T00:00:00Z","inactive_threshold":1}"#).unwrap();
    let new = complete(r#"{"name":"e","pause_until":"2031-01-01T00:00:00Z","filter_subject":"s.a"}"#).unwrap();
    let updated = old.check_update(new, false).unwrap();
    assert_eq!(updated.pause_until, old.pause_until);
    assert_eq!(updated.inactive_threshold, Nanos(5 * Nanos::SECOND.0));
    assert_eq!(updated.metadata.get("_nats.req.level").unwrap(), "1");
    let durable = complete(r#"{"durable_name":"e"}"#).unwrap();
    assert_eq!(
        durable.check_update(complete(r#"{"name":"e"}"#).unwrap(), false).unwrap().inactive_threshold,
        Nanos::ZERO
    );
}

#[test]
fn stored_consumers_come_back_as_they_were() {
    let config = complete(
        r#"{"durable_name":"d&","deliver_policy":"by_start_time","opt_start_time":"2020-01-01T00:00:00.5Z","ack_policy":"explicit","backoff":[1,2],"max_deliver":5,"filter_subjects":["s.a","s.b"],"sample_freq":"5%","metadata":{"a":"b"},"pause_until":"2030-01-01T00:00:00Z","priority_groups":["g"],"priority_policy":"prioritized"}"#,
    )
    .unwrap();
    let stored = StoredConsumer::new("d&".to_owned(), config, 1_795_191_680_306_297_720);
    assert_eq!(StoredConsumer::from_bytes(&stored.to_bytes()), Ok(stored.clone()));
    assert_eq!(stored.created(), 1_795_191_680_306_297_720);
    assert!(StoredConsumer::from_bytes(b"{}").is_err());
    assert!(StoredConsumer::from_bytes(&stored.to_bytes()[1..]).is_err());
}

#[track_caller]
fn planned(new: &str, others: &[&str], stream: &StreamConfig, expected: &str) {
    let around = Surroundings { stream, max_ack_pending: -1, pedantic: false };
    let complete = |json: &str| read(json).check(&around).unwrap();
    let others: Vec<_> = others.iter().map(|json| complete(json)).collect();
    let mut neighbours = Neighbours::new(stream.retention == Retention::WorkQueue);
    for (number, config) in (0..).zip(&others) {
        neighbours.insert(number, config);
    }
    let new_config = complete(new);
    let beside = neighbours.others(None, &new_config);
    let planned = plan(new_config, Action::default(), None, beside, stream, -1);
    let text = planned.map_or_else(|error| format!("{} {error}", error.err_code), |_| "fine".to_owned());
    assert_eq!(text, expected, "{new} {others:?}");
}

#[test]
fn consumers_of_a_work_queue() {
    let queue = queue();
    let explicit = |rest: &str| format!(r#"{{"ack_policy":"explicit"{rest}}}"#);
    let filtered = |filter: &str| explicit(&format!(r#","filter_subject":"{filter}""#));
    planned(&explicit(""), &[], &queue, "fine");
    planned(r#"{"ack_policy":"all"}"#, &[], &queue, "10098 workqueue stream requires explicit ack");
    planned(r#"{"deliver_subject":"d"}"#, &[], &queue, "10098 workqueue stream requires explicit ack");
    planned(
        &explicit(r#","deliver_policy":"new""#),
        &[],
        &queue,
        "10101 consumer must be deliver all on workqueue stream",
    );
    let unfiltered = "10099 multiple non-filtered consumers not allowed on workqueue stream";
    planned(&explicit(""), &[&filtered("s.a")], &queue, unfiltered);
    let unique = "10100 filtered consumer not unique on workqueue stream";
    planned(&filtered("s.a"), &[&explicit("")], &queue, unique);
    planned(&filtered("s.*"), &[&filtered("s.a")], &queue, unique);
    planned(&filtered("s.b"), &[&filtered("s.a")], &queue, "fine");
    let direct = r#"{"direct":true,"deliver_subject":"d"}"#;
    planned(direct, &[&explicit("")], &queue, "fine");
    planned(&explicit(""), &[direct], &queue, "fine");
    planned(&filtered("s.a"), &[direct, &filtered("s.b")], &queue, "fine");
    let around = Surroundings { stream: &queue, max_ack_pending: -1, pedantic: false };
    let refused = read(r#"{"name":"c"}"#).check(&around).unwrap_err();
    assert_eq!(refused.to_string(), "consumer in pull mode requires explicit ack policy on workqueue stream");
}

#[test]
fn no_more_than_the_stream_allows() {
    let one = StreamConfig { max_consumers: 1, ..queue() };
    let limit = "10026 maximum consumers limit reached";
    planned(r#"{"ack_policy":"all"}"#, &[r#"{"ack_policy":"explicit"}"#], &one, limit);
    let one = StreamConfig { max_consumers: 1, ..stream() };
    planned("{}", &["{}"], &one, limit);
    planned("{}", &[r#"{"direct":true,"deliver_subject":"d"}"#], &one, "fine");
    planned(r#"{"direct":true,"deliver_subject":"d"}"#, &["{}"], &one, "fine");
    let direct = r#"{"direct":true,"deliver_subject":"d"}"#;
    planned(direct, &[direct], &one, limit);
}

#[test]
fn a_worker_does_not_meet_itself() {
    let complete = |json: &str| {
        read(json).check(&Surroundings { stream: &queue(), max_ack_pending: -1, pedantic: false }).unwrap()
    };
    let config = |filter: &str| complete(&format!(r#"{{"ack_policy":"explicit","filter_subject":"{filter}"}}"#));
    let (one, other, all) = (config("s.a"), config("s.b.*"), complete(r#"{"ack_policy":"explicit"}"#));
    let mut neighbours = Neighbours::new(true);
    neighbours.insert(1, &one);
    assert_eq!(neighbours.others(Some((1, &one)), &all), Others { count: 0, meet: false, direct_count: 0 });
    assert_eq!(neighbours.others(Some((1, &one)), &config("s.*")), Others { count: 0, meet: false, direct_count: 0 });
    neighbours.insert(2, &other);
    assert_eq!(neighbours.others(Some((1, &one)), &config("s.*")), Others { count: 1, meet: false, direct_count: 0 });
    assert_eq!(neighbours.others(Some((1, &one)), &config("s.b.c")), Others { count: 1, meet: true, direct_count: 0 });
    neighbours.remove(2, &other);
    neighbours.remove(1, &one);
    neighbours.insert(1, &all);
    assert_eq!(neighbours.others(Some((1, &all)), &config("s.b.c")), Others { count: 0, meet: false, direct_count: 0 });
    assert_eq!(neighbours.others(None, &config("s.b.c")), Others { count: 1, meet: true, direct_count: 0 });
    neighbours.remove(1, &all);
    assert_eq!(neighbours.others(None, &all), Others::default());
}

#[test]
fn actions() {
    let stream = stream();
    let old = complete(r#"{"durable_name":"d"}"#).unwrap();
    let plan = |new: &str, action, exists: bool| {
        let existing = exists.then_some(Existing { config: &old, is_bound: false });
        plan(complete(new).unwrap(), action, existing, Others::default(), &stream, -1)
    };
    let (same, other) =
        (r#"{"durable_name":"d","metadata":{"_nats.ver":"1"}}"#, r#"{"durable_name":"d","max_batch":5}"#);
    assert_eq!(plan(same, Action::Create, true), Ok(Plan::Keep));
    assert_eq!(plan(same, Action::Update, true), Ok(Plan::Keep));
    assert_eq!(plan(other, Action::Create, true), Err(ApiError::consumer_already_exists()));
    assert_eq!(
        plan(r#"{"durable_name":"d","ack_policy":"all"}"#, Action::Create, true),
        Err(ApiError::consumer_already_exists())
    );
    assert!(matches!(plan(other, Action::Update, true), Ok(Plan::Update(config)) if config.max_batch == 5));
    assert_eq!(plan(other, Action::Update, false), Err(ApiError::consumer_does_not_exist()));
    assert!(
        matches!(plan(other, Action::Create, false), Ok(Plan::Create(config)) if config.inactive_threshold.is_zero())
    );
    let ephemeral = plan("{}", Action::CreateOrUpdate, false);
    assert!(matches!(ephemeral, Ok(Plan::Create(config)) if config.inactive_threshold == Nanos(5 * Nanos::SECOND.0)));
    let store = "error creating store for consumer";
    assert_eq!(plan(r#"{"name":"a\u0000b"}"#, Action::Create, false), Err(ApiError::consumer_create_failed(store)));
}
