use super::*;

fn scan(block: &str) -> HeaderScan<'_> {
    HeaderScan::new(block.as_bytes())
}

#[test]
fn finds_every_header() {
    let names = [
        "Msg-Id",
        "TTL",
        "Rollup",
        "Expected-Stream",
        "Expected-Last-Sequence",
        "Expected-Last-Subject-Sequence",
        "Expected-Last-Subject-Sequence-Subject",
        "Expected-Last-Msg-Id",
        "Incr",
        "Batch-Id",
        "Schedule",
        "Schedule-Time-Zone",
        "Schedule-Next",
        "Scheduler",
        "Stream-Source",
    ];
    let lines: Vec<_> = names.iter().map(|name| format!("Nats-{name}: {name}!\r\n")).collect();
    let block = format!("NATS/1.0\r\nOther: 1\r\n{}\r\n", lines.concat());
    let found = scan(&block);
    let fields = [
        found.message_id,
        found.time_to_live,
        found.rollup,
        found.expected_stream,
        found.expected_last_sequence,
        found.expected_last_subject_sequence,
        found.expected_last_subject_sequence_subject,
        found.expected_last_message_id,
        found.increment,
        found.batch_id,
        found.schedule,
        found.schedule_time_zone,
        found.schedule_next,
        found.scheduler,
        found.stream_source,
    ];
    for (name, field) in names.iter().zip(fields) {
        assert_eq!(field.get(), Some(format!("{name}!").as_bytes()));
    }
    assert!(!found.needs_cleaning);
}

#[test]
fn names_are_exact_and_values_are_not_trimmed_at_their_end() {
    assert_eq!(scan("NATS/1.0\r\nnats-msg-id: 1\r\n\r\n"), HeaderScan::default());
    assert_eq!(scan("NATS/1.0\r\nNats-Msg-Id : 1\r\n\r\n"), HeaderScan::default());
    assert_eq!(scan("NATS/1.0\r\n Nats-Msg-Id: 1\r\n\r\n"), HeaderScan::default());
    assert_eq!(scan("Nats-Msg-Id: 1\r\n\r\n"), HeaderScan::default());
    assert_eq!(scan("NATS/1.0\nNats-Msg-Id: 1\r\n\r\n").message_id.get(), None);
    assert_eq!(scan("NATS/1.0\r\nNats-Msg-Id:   1 \r\n\r\n").message_id.get(), Some(&b"1 "[..]));
    assert_eq!(scan("NATS/1.0\r\nNats-Msg-Id:\t1\nb\r\n\r\n").message_id.get(), Some(&b"\t1\nb"[..]));
    assert_eq!(scan("NATS/1.0\r\nNats-Msg-Id:1").message_id.get(), Some(&b"1"[..]));
}

#[test]
fn first_line_decides_and_empty_is_none() {
    let found = scan("NATS/1.0\r\nNats-TTL: 1\r\nNats-TTL: 2\r\nNats-Rollup: \r\nNats-Rollup: sub\r\n\r\n");
    assert_eq!(found.time_to_live.get(), Some(&b"1"[..]));
    assert_eq!(found.rollup.get(), None);
    assert!(found.rollup.is_present() && !found.message_id.is_present());
}

#[test]
fn notes_what_is_not_stored_as_it_came() {
    for block in [
        "NATS/1.0 503\r\n\r\n",
        "NATS/1.0 \r\nA: 1\r\n\r\n",
        "NATS/1.0\r\nNats-Request-Info: x\r\n\r\n",
        "NATS/1.0\r\nA: 1\r\nNats-Trace-Dest: x\r\n\r\n",
    ] {
        assert!(scan(block).needs_cleaning, "{block:?}");
    }
    for block in ["NATS/1.0\r\n\r\n", "NATS/1.0", "", "\r\n", "NATS/1.0\r\nNats-Request-Info\r\n\r\n", "A: 1\r\n\r\n"] {
        assert!(!scan(block).needs_cleaning, "{block:?}");
    }
}
