//! What those hear who listen to the API.

use super::{Fixture, NOW};
use crate::fixtures::subscription;

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
