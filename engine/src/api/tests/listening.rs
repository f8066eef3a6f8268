//! What those hear who listen to the API.

use super::{Fixture, NOW};
use crate::fixtures::subscription;
use crate::service::Request;

#[test]
fn streams_that_come_and_go() {
    let fixture = Fixture::new();
    let check = |operation: &str, body: &str, event: &str, action: &str| {
        fixture.ask(&format!("$JS.API.STREAM.{operation}.S"), "", body);
        let heard = fixture.hear();
        assert!(heard.starts_with(&format!("MSG $JS.EVENT.ADVISORY.STREAM.{event}.S 1 ")), "{heard}");
        let tail = format!(r#","timestamp":"{NOW}","stream":"S","action":"{action}"}}|"#);
        assert!(heard.ends_with(&tail), "{heard}");
    };
    check("CREATE", r#"{"name":"S"}"#, "CREATED", "create");
    fixture.ask("$JS.API.STREAM.CREATE.S", "", r#"{"name":"S"}"#);
    assert_eq!(fixture.hear(), "", "it was there");
    check("UPDATE", r#"{"name":"S","description":"new"}"#, "UPDATED", "modify");
    check("DELETE", "", "DELETED", "delete");
}

#[test]
fn answers_are_audited_only_if_somebody_listens() {
    let fixture = Fixture::in_domain(Some("hub"));
    fixture.ask("$JS.API.STREAM.INFO.N", "", "");
    assert_eq!(fixture.hear(), "");
    let client = crate::fixtures::connection(9);
    fixture.engine.global_account().subscribe(subscription(&client, "1", "$JS.EVENT.ADVISORY.API", None));
    let answer = fixture.ask("$JS.API.STREAM.INFO.N", "", "").unwrap();
    let pending = client.outbox().unwrap();
    assert!(answer.contains("10059"), "{answer}");
    assert_eq!(pending.pending_bytes(), 0, "it was written at once");
    assert_eq!(fixture.ask("$JS.API.STREAM.FOO", "", ""), None);
}

#[test]
fn requests_that_wait_are_bounded_in_bytes() {
    let fixture = Fixture::new();
    let client = crate::fixtures::connection(9);
    let advisory = "$JS.EVENT.ADVISORY.API.LIMIT_REACHED";
    fixture.engine.global_account().subscribe(subscription(&client, "1", advisory, None));
    let payload = vec![b' '; 1 << 20];
    for subject in ["$JS.API.STREAM.NAMES"; 100] {
        let message = Request { subject: subject.as_bytes(), reply: None, headers: b"", payload: &payload };
        fixture.engine.publish_internal(fixture.engine.global_account(), &message);
    }
    let waiting = fixture.jetstream.serial().waiting();
    assert!((12..=16).contains(&waiting), "{waiting}");
    assert!(client.traffic().out_msgs >= 84, "who listens learns it");
    fixture.run_jobs();
    let message = Request { subject: b"$JS.API.STREAM.NAMES", reply: None, headers: b"", payload: &payload };
    fixture.engine.publish_internal(fixture.engine.global_account(), &message);
    assert_eq!(fixture.jetstream.serial().waiting(), 1, "there is room again");
}
