//! Requests for JSON.

use super::{Fixture, NOW};

const CONFIG: &str = r#"{"name":"S","subjects":["s.\u003e"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,"max_msg_size":-1,"discard":"old","storage":"file","num_replicas":1,"duplicate_window":120000000000,"compression":"none","allow_direct":true,"mirror_direct":false,"sealed":false,"deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,"consumer_limits":{},"allow_msg_ttl":false,"metadata":METADATA}"#;
const WITH_VERSION: &str = r#"{"_nats.level":"5","_nats.req.level":"0","_nats.ver":"2.15.1"}"#;
const PLAIN: &str = r#"{"_nats.req.level":"0"}"#;

fn config(metadata: &str) -> String {
    CONFIG.replace("METADATA", metadata)
}

const EMPTY_STATE: &str = r#"{"messages":0,"bytes":0,"first_seq":0,"first_ts":"0001-01-01T00:00:00Z","last_seq":0,"last_ts":"0001-01-01T00:00:00Z","consumer_count":0}"#;
const STREAM_NOT_FOUND: (u16, u16, &str) = (404, 10059, "stream not found");
const BAD_REQUEST: (u16, u16, &str) = (400, 10003, "bad request");

#[test]
fn create_update_delete() {
    let fixture = Fixture::new();
    let request = r#"{"name":"S","subjects":["s.>"],"allow_direct":true}"#;
    let config = config(WITH_VERSION);
    let rest = format!(r#""config":{config},"created":"NOW","state":{EMPTY_STATE},"ts":"NOW""#);
    let created = format!(r#"{{"type":"~stream_create_response",{rest},"did_create":true}}"#);
    fixture.check("STREAM.CREATE.S", request, &created);
    fixture.check("STREAM.CREATE.S", request, &created);
    let in_use = (400, 10058, "stream name already in use with a different configuration");
    fixture.check_error("STREAM.CREATE.S", r#"{"name":"S"}"#, "stream_create", in_use);
    fixture.check("STREAM.UPDATE.S", request, &format!(r#"{{"type":"~stream_update_response",{rest}}}"#));
    let not_empty = (400, 10038, "expected an empty request payload");
    fixture.check_error("STREAM.DELETE.S", "x", "stream_delete", not_empty);
    fixture.check("STREAM.DELETE.S", "{}", r#"{"type":"~stream_delete_response","success":true}"#);
    fixture.check_error("STREAM.DELETE.S", "", "stream_delete", STREAM_NOT_FOUND);
}

#[test]
fn wrong_creates() {
    let fixture = Fixture::new();
    let mismatch = (400, 10056, "stream name in subject does not match request");
    for body in ["", "{}", "null", "   ", r#"{"name":"T"}"#] {
        fixture.check_error("STREAM.CREATE.S", body, "stream_create", mismatch);
    }
    let json = |text| (400, 10025, text);
    fixture.check_error("STREAM.CREATE.S", "{", "stream_create", json("invalid JSON: unexpected EOF"));
    let text = r#"invalid JSON: json: unknown field \"foo\""#;
    fixture.check_error("STREAM.CREATE.S", r#"{"name":"S","foo":1}"#, "stream_create", json(text));
    let separators = (400, 10128, "Stream name can not contain path separators");
    fixture.check_error("STREAM.CREATE.a/b", r#"{"name":"a/b"}"#, "stream_create", separators);
    let name = (500, 10052, r"stream name is required and can not contain '.', '*', '\u003e', '\\', '/'");
    fixture.check_error("STREAM.CREATE.*", r#"{"name":"*"}"#, "stream_create", name);
}

#[test]
fn wrong_updates() {
    let fixture = Fixture::new();
    let name = (500, 10052, r"stream name is required and can not contain '.', '*', '\u003e', '\\', '/'");
    for body in ["", "null"] {
        fixture.check_error("STREAM.UPDATE.N", body, "stream_update", name);
    }
    let mismatch = (400, 10056, "stream name in subject does not match request");
    fixture.check_error("STREAM.UPDATE.N", r#"{"name":"T"}"#, "stream_update", mismatch);
    fixture.check_error("STREAM.UPDATE.N", r#"{"name":"N"}"#, "stream_update", STREAM_NOT_FOUND);
    let age = (500, 10052, r"max age needs to be \u003e= 100ms");
    for name in ["N", "M"] {
        let body = format!(r#"{{"name":"{name}","max_age":1}}"#);
        fixture.check_error("STREAM.UPDATE.N", &body, "stream_update", age);
    }
}

#[test]
fn info() {
    let fixture = Fixture::new().with_messages();
    fixture.ask("$JS.API.STREAM.MSG.DELETE.S", "", r#"{"seq":3}"#);
    let check = |body: &str, paging: &str, subjects: &str, deleted: &str| {
        let config = config(WITH_VERSION);
        let state = format!(
            r#"{{"messages":5,"bytes":200,"first_seq":1,"first_ts":"NOW","last_seq":6,"last_ts":"NOW","num_subjects":4{subjects},"num_deleted":1{deleted},"consumer_count":0}}"#
        );
        let expected = format!(
            r#"{{"type":"~stream_info_response",{paging},"config":{config},"created":"NOW","state":{state},"cluster":{{"leader":"s1"}},"ts":"NOW"}}"#
        );
        fixture.check("STREAM.INFO.S", body, &expected);
    };
    let none = r#""total":0,"offset":0,"limit":0"#;
    for body in ["", "null", " {}", r#"{"offset":2}"#, r#"{"subjects_filter":"x"}"#, r#"{"subjects_filter":"s..a"}"#] {
        check(body, none, "", "");
    }
    check(r#"{"deleted_details":true}"#, none, "", r#","deleted":[3]"#);
    let page = |offset| format!(r#""total":4,"offset":{offset},"limit":100000"#);
    let all = r#","subjects":{"s.a":1,"s.a\u003c\u0026\u003e":1,"s.b":2,"s.c":1}"#;
    check(r#"{"subjects_filter":">"}"#, &page(0), all, "");
    check(r#"{"subjects_filter":">","offset":-2}"#, &page(0), all, "");
    check(r#"{"subjects_filter":">","offset":2}"#, &page(2), r#","subjects":{"s.b":2,"s.c":1}"#, "");
    check(r#"{"subjects_filter":">","offset":20}"#, &page(20), "", "");
}

#[test]
fn wrong_infos() {
    let fixture = Fixture::new();
    let check = |operation: &str, body: &str, error: &str| {
        let expected = format!(r#"{{"type":"~stream_info_response","error":{error},"total":0,"offset":0,"limit":0}}"#);
        fixture.check(operation, body, &expected);
    };
    let not_found = r#"{"code":404,"err_code":10059,"description":"stream not found"}"#;
    for operation in ["STREAM.INFO.N", "STREAM.INFO.*", "STREAM.INFO.>", "STREAM.INFO.a/b"] {
        check(operation, "", not_found);
    }
    let json = |text: &str| format!(r#"{{"code":400,"err_code":10025,"description":"invalid JSON: {text}"}}"#);
    check("STREAM.INFO.N", r#"{"x":1}"#, &json(r#"json: unknown field \"x\""#));
    let text = "json: cannot unmarshal string into Go struct field JSApiStreamInfoRequest.offset of type int";
    check("STREAM.INFO.N", r#"{"offset":"2"}"#, &json(text));
}

#[test]
fn names_and_lists() {
    let fixture = Fixture::new();
    let names = |body: &str, total, offset, streams: &str| {
        let page = format!(r#""total":{total},"offset":{offset},"limit":1024"#);
        let expected = format!(r#"{{"type":"~stream_names_response",{page},"streams":{streams}}}"#);
        fixture.check("STREAM.NAMES", body, &expected);
    };
    names("", 0, 0, "null");
    let empty = r#"{"type":"~stream_list_response","total":0,"offset":0,"limit":256,"streams":[]}"#;
    fixture.check("STREAM.LIST", "", empty);
    fixture.ask("$JS.API.STREAM.CREATE.S", "", r#"{"name":"S","subjects":["s.>"],"allow_direct":true}"#);
    fixture.ask("$JS.API.STREAM.CREATE.A", "", r#"{"name":"A"}"#);
    names("", 2, 0, r#"["A","S"]"#);
    names(r#"{"offset":1}"#, 2, 1, r#"["S"]"#);
    names(r#"{"offset":5}"#, 2, 2, "null");
    names(r#"{"subject":"s.x"}"#, 1, 0, r#"["S"]"#);
    names(r#"{"subject":"x"}"#, 0, 0, "null");
    let config = config(PLAIN);
    let entry = format!(r#"{{"config":{config},"created":"NOW","state":{EMPTY_STATE},"ts":"NOW"}}"#);
    let page = r#""total":1,"offset":0,"limit":256"#;
    let expected = format!(r#"{{"type":"~stream_list_response",{page},"streams":[{entry}]}}"#);
    fixture.check("STREAM.LIST", r#"{"subject":"s.*"}"#, &expected);
    let error = r#"{"code":400,"err_code":10025,"description":"invalid JSON: json: unknown field \"foo\""}"#;
    let tail = r#""total":0,"offset":0,"limit":0,"streams""#;
    let expected = format!(r#"{{"type":"~stream_list_response","error":{error},{tail}:[]}}"#);
    fixture.check("STREAM.LIST", r#"{"foo":1}"#, &expected);
    let expected = format!(r#"{{"type":"~stream_names_response","error":{error},{tail}:null}}"#);
    fixture.check("STREAM.NAMES", r#"{"foo":1}"#, &expected);
}

#[test]
fn get_messages() {
    let fixture = Fixture::new().with_messages();
    let check = |body: &str, stored: &str| {
        let message = format!(r#"{{{stored},"time":"NOW"}}"#);
        fixture.check(
            "STREAM.MSG.GET.S",
            body,
            &format!(r#"{{"type":"~stream_msg_get_response","message":{message}}}"#),
        );
    };
    let second = r#""subject":"s.b","seq":2,"hdrs":"TkFUUy8xLjANCks6IHYNCg0K","data":"bTE=""#;
    check(r#"{"seq":2}"#, second);
    check(r#"{"seq":2,"no_hdr":true}"#, r#""subject":"s.b","seq":2,"data":"bTE=""#);
    check(r#"{"last_by_subj":"s.a"}"#, r#""subject":"s.a","seq":3,"data":"bTI=""#);
    check(r#"{"last_by_subj":"s.*"}"#, r#""subject":"s.a\u003c\u0026\u003e","seq":6,"data":"bTU=""#);
    check(r#"{"next_by_subj":"s.b"}"#, second);
    check(r#"{"next_by_subj":"s.b","seq":3}"#, r#""subject":"s.b","seq":5,"data":"bTQ=""#);
    check(r#"{"next_by_subj":"s.b","start_time":"2020-01-01T00:00:00Z"}"#, second);
    check(r#"{"start_time":"2020-01-01T00:00:00Z"}"#, r#""subject":"s.a","seq":1,"data":"bTA=""#);
    check(r#"{"seq":1,"batch":0,"multi_last":["s.a"]}"#, r#""subject":"s.a","seq":1,"data":"bTA=""#);
    let none = (404, 10037, "no message found");
    for body in [
        r#"{"seq":100}"#,
        r#"{"last_by_subj":"s.x"}"#,
        r#"{"last_by_subj":"s..x"}"#,
        r#"{"next_by_subj":"s.b","seq":30}"#,
        r#"{"start_time":"2099-01-01T00:00:00Z"}"#,
    ] {
        fixture.check_error("STREAM.MSG.GET.S", body, "stream_msg_get", none);
    }
    for body in ["", "{}", "null", r#"{"seq":0}"#, r#"{"seq":1,"batch":1}"#, r#"{"seq":1,"max_bytes":1}"#] {
        fixture.check_error("STREAM.MSG.GET.S", body, "stream_msg_get", BAD_REQUEST);
        fixture.check_error("STREAM.MSG.GET.N", body, "stream_msg_get", BAD_REQUEST);
    }
    fixture.check_error("STREAM.MSG.GET.N", r#"{"seq":1}"#, "stream_msg_get", STREAM_NOT_FOUND);
    let text = r#"invalid JSON: parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\""#;
    fixture.check_error("STREAM.MSG.GET.S", r#"{"start_time":"x"}"#, "stream_msg_get", (400, 10025, text));
}

#[test]
fn delete_messages() {
    let fixture = Fixture::new().with_messages();
    let success = r#"{"type":"~stream_msg_delete_response","success":true}"#;
    fixture.check("STREAM.MSG.DELETE.S", r#"{"seq":3}"#, success);
    let check = |body: &str, error| fixture.check_error("STREAM.MSG.DELETE.S", body, "stream_msg_delete", error);
    check(r#"{"seq":3,"no_erase":true}"#, (400, 10043, "sequence 3 not found"));
    check(r#"{"seq":0}"#, (500, 10057, "no message found"));
    check(r#"{"seq":100}"#, (500, 10057, "stream store EOF"));
    check("", BAD_REQUEST);
    check("{}", BAD_REQUEST);
    fixture.check_error("STREAM.MSG.DELETE.N", r#"{"seq":0}"#, "stream_msg_delete", STREAM_NOT_FOUND);
}

#[test]
fn purge() {
    let fixture = Fixture::new().with_messages();
    let check = |body: &str, purged| {
        let expected = format!(r#"{{"type":"~stream_purge_response","success":true,"purged":{purged}}}"#);
        fixture.check("STREAM.PURGE.S", body, &expected);
    };
    check(r#"{"filter":"s..a"}"#, 0);
    check(r#"{"filter":"x"}"#, 0);
    check(r#"{"filter":"s.a"}"#, 2);
    check(r#"{"seq":5}"#, 2);
    check(r#"{"keep":1}"#, 1);
    check("x", 1);
    let error = |operation: &str, body: &str, code, err_code, text: &str| {
        let error = format!(r#"{{"code":{code},"err_code":{err_code},"description":"{text}"}}"#);
        fixture.check(operation, body, &format!(r#"{{"type":"~stream_purge_response","error":{error},"purged":0}}"#));
    };
    error("STREAM.PURGE.N", "", 404, 10059, "stream not found");
    error("STREAM.PURGE.N", r#"{"seq":1,"keep":1}"#, 400, 10003, "bad request");
    error("STREAM.PURGE.N", "{", 400, 10025, "invalid JSON: unexpected EOF");
}

#[test]
fn what_a_stream_does_not_allow() {
    let fixture = Fixture::new().with_messages();
    let update = |flags: &str| {
        let body = format!(r#"{{"name":"S","subjects":["s.>"],"allow_direct":true,"deny_delete":true{flags}}}"#);
        let answer = fixture.ask("$JS.API.STREAM.UPDATE.S", "", &body).unwrap();
        assert!(answer.contains(r#""consumer_count":0"#), "{answer}");
    };
    let delete = |error| {
        for body in [r#"{"seq":1}"#, r#"{"seq":100}"#] {
            fixture.check_error("STREAM.MSG.DELETE.S", body, "stream_msg_delete", error);
        }
    };
    let purge = |code, err_code, text: &str| {
        let error = format!(r#"{{"code":{code},"err_code":{err_code},"description":"{text}"}}"#);
        let expected = format!(r#"{{"type":"~stream_purge_response","error":{error},"purged":0}}"#);
        fixture.check("STREAM.PURGE.S", "", &expected);
    };
    update("");
    delete((500, 10057, "message delete not permitted"));
    update(r#","deny_purge":true"#);
    purge(500, 10110, "stream purge not permitted");
    update(r#","deny_purge":true,"sealed":true"#);
    delete((400, 10109, "invalid operation on sealed stream"));
    purge(400, 10109, "invalid operation on sealed stream");
}

#[test]
fn account() {
    let fixture = Fixture::new();
    let check = |used: &str, total, errors| {
        let limits = r#"{"max_memory":-1,"max_storage":-1,"max_streams":-1,"max_consumers":-1,"max_ack_pending":-1,"memory_max_stream_bytes":-1,"storage_max_stream_bytes":-1,"max_bytes_required":false}"#;
        let api = format!(r#"{{"level":5,"total":{total},"errors":{errors}}}"#);
        let expected =
            format!(r#"{{"type":"~account_info_response",{used},"consumers":0,"limits":{limits},"api":{api}}}"#);
        fixture.check("INFO", "[]", &expected);
    };
    let none = r#""memory":0,"storage":0,"reserved_memory":0,"reserved_storage":0,"streams":0"#;
    check(none, 0, 0);
    fixture.ask("$JS.API.STREAM.INFO.N", "", "");
    fixture.ask("$JS.API.STREAM.FOO", "", "");
    check(none, 2, 1);
    fixture.ask("$JS.API.STREAM.CREATE.S", "", r#"{"name":"S","storage":"memory","max_bytes":1000}"#);
    fixture.publish("S", "", "x");
    check(r#""memory":18,"storage":0,"reserved_memory":1000,"reserved_storage":0,"streams":1"#, 4, 1);
}

#[test]
fn what_is_not_answered() {
    let fixture = Fixture::new();
    for operation in ["STREAM.FOO", "FOO", "STREAM.INFO", "META.LEADER.STEPDOWN", "CONSUMER.INFO.S"] {
        assert_eq!(fixture.ask(&format!("$JS.API.{operation}"), "", ""), None, "{operation}");
    }
}

#[test]
fn levels_and_clusters() {
    let fixture = Fixture::new();
    let headers = "NATS/1.0\r\nNats-Required-Api-Level: 6\r\n\r\n";
    let answer = fixture.ask("$JS.API.STREAM.DELETE.S", headers, "x").unwrap();
    assert!(answer.contains(r#""code":412,"err_code":10185,"#), "{answer}");
    let answer = fixture.ask("$JS.API.STREAM.LEADER.STEPDOWN.S", headers, "x").unwrap();
    let error = r#"{"code":503,"err_code":10010,"description":"JetStream clustering support required"}"#;
    let kind = "io.nats.jetstream.api.v1.stream_leader_stepdown_response";
    assert_eq!(answer, format!(r#"{{"type":"{kind}","error":{error}}}"#));
}

#[test]
fn consumers() {
    let fixture = Fixture::new().with_messages();
    let page = |limit| format!(r#""total":0,"offset":0,"limit":{limit},"consumers":[]"#);
    fixture.check(
        "CONSUMER.NAMES.S",
        r#"{"offset":3}"#,
        &format!(r#"{{"type":"~consumer_names_response",{}}}"#, page(1024)),
    );
    fixture.check("CONSUMER.LIST.S", "x", &format!(r#"{{"type":"~consumer_list_response",{}}}"#, page(256)));
    let error = r#"{"code":404,"err_code":10059,"description":"stream not found"}"#;
    fixture.check(
        "CONSUMER.NAMES.N",
        "",
        &format!(r#"{{"type":"~consumer_names_response","error":{error},{}}}"#, page(0)),
    );
    let not_found = (404, 10014, "consumer not found");
    fixture.check_error("CONSUMER.INFO.S.c", "{}", "consumer_info", not_found);
    fixture.check_error("CONSUMER.DELETE.S.c", "", "consumer_delete", not_found);
    fixture.check_error("CONSUMER.INFO.N.c", "", "consumer_info", STREAM_NOT_FOUND);
    fixture.check_error("CONSUMER.UNPIN.S.c", r#"{"group":"g"}"#, "consumer_unpin", not_found);
    let group = (400, 10025, "invalid JSON: consumer group not specified");
    fixture.check_error("CONSUMER.UNPIN.N.c", "{}", "consumer_unpin", group);
    let paused = r#""paused":false,"pause_until":"0001-01-01T00:00:00Z""#;
    let error = r#"{"code":404,"err_code":10014,"description":"consumer not found"}"#;
    let expected = format!(r#"{{"type":"~consumer_pause_response","error":{error},{paused}}}"#);
    fixture.check("CONSUMER.PAUSE.S.c", "x", &expected);
    let body = r#"{"stream_name":"N","config":{"name":"c","ack_policy":"explicit"}}"#;
    fixture.check_error("CONSUMER.CREATE.N.c", body, "consumer_create", STREAM_NOT_FOUND);
    let created = fixture.ask("$JS.API.CONSUMER.CREATE.S.c", "", &body.replace('N', "S")).unwrap();
    assert!(created.contains(r#""stream_name":"S","name":"c","#), "{created}");
    fixture.check(
        "CONSUMER.NAMES.S",
        "",
        r#"{"type":"~consumer_names_response","total":1,"offset":0,"limit":1024,"consumers":["c"]}"#,
    );
    assert!(fixture.ask("$JS.API.STREAM.INFO.S", "", "").unwrap().contains(r#""consumer_count":1}"#));
    assert!(fixture.ask("$JS.API.INFO", "", "").unwrap().contains(r#""consumers":1,"#));
    fixture.check("CONSUMER.DELETE.S.c", "", r#"{"type":"~consumer_delete_response","success":true}"#);
    fixture.check_error("CONSUMER.INFO.S.c", "", "consumer_info", not_found);
    assert_eq!(fixture.ask("$JS.API.CONSUMER.RESET.S.c", "", ""), None);
}

#[test]
fn snapshots_are_refused() {
    let fixture = Fixture::new().with_messages();
    fixture.check_error("STREAM.SNAPSHOT.N", "{}", "stream_snapshot", BAD_REQUEST);
    fixture.check_error("STREAM.SNAPSHOT.N", "x", "stream_snapshot", STREAM_NOT_FOUND);
    let subject = (400, 10015, "deliver subject not valid");
    fixture.check_error("STREAM.SNAPSHOT.S", r#"{"deliver_subject":"a b"}"#, "stream_snapshot", subject);
    let refused = (500, 10064, "snapshot failed: not supported by this version of embus");
    fixture.check_error("STREAM.SNAPSHOT.S", r#"{"deliver_subject":"a"}"#, "stream_snapshot", refused);
    let restore = |name: &str, code, err_code, text: &str| {
        let error = format!(r#"{{"code":{code},"err_code":{err_code},"description":"{text}"}}"#);
        let expected = format!(r#"{{"type":"~stream_restore_response","error":{error},"deliver_subject":""}}"#);
        let body = format!(r#"{{"config":{{"name":"{name}"}},"state":{{}}}}"#);
        fixture.check(&format!("STREAM.RESTORE.{name}"), &body, &expected);
    };
    restore("S", 400, 10130, "stream name already in use, cannot restore");
    restore("N", 500, 10062, "restore failed: not supported by this version of embus");
}

#[test]
fn domains() {
    let fixture = Fixture::in_domain(Some("hub"));
    let created = fixture.ask("$JS.hub.API.STREAM.CREATE.S", "", r#"{"name":"S"}"#).unwrap();
    assert!(!created.contains("domain"), "{created}");
    let updated = fixture.ask("$JS.hub.API.STREAM.UPDATE.S", "", r#"{"name":"S"}"#).unwrap();
    let tail = format!(r#""consumer_count":0}},"domain":"hub","ts":"{NOW}"}}"#);
    assert!(updated.ends_with(&tail), "{updated}");
    let info = fixture.ask("$JS.API.STREAM.INFO.S", "", "").unwrap();
    let tail = format!(r#""consumer_count":0}},"domain":"hub","cluster":{{"leader":"s1"}},"ts":"{NOW}"}}"#);
    assert!(info.ends_with(&tail), "{info}");
    assert!(fixture.ask("$JS.API.INFO", "", "").unwrap().contains(r#""domain":"hub","api":"#));
}
