//! Questions to the system account.

use crate::support::{Raw, listening, run};

/// Anybody may ask: what waits has to stay small.
#[test]
fn a_long_question_is_not_answered_and_the_next_one_is() {
    run(async {
        let broker = listening().start().await.unwrap();
        let mut raw = Raw::connect(&broker).await.plain().await.subscribed("in.*").await;
        let long = format!("{{\"name\":\"{}\"}}", "x".repeat(20_000));
        raw.send(format!("PUB $SYS.REQ.USER.INFO in.long {}\r\n{long}\r\n", long.len())).await;
        raw.send("PUB $SYS.REQ.USER.INFO in.short 0\r\n\r\n").await;
        let answer = raw.line().await;
        assert!(answer.starts_with("MSG in.short 1 "), "{answer}");
    });
}
