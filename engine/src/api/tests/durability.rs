//! What a power cut could take back is not told before; what damage took is not there.

use std::path::{Path, PathBuf};

use embus_storage::medium::crash::{CrashMedium, Fault};

use super::Fixture;
use crate::api::Response;
use crate::fixtures::flip;
use crate::jetstream::JetStreamOptions;

fn on(disk: &CrashMedium) -> Fixture {
    let (medium, dir) = (disk.clone(), Some(PathBuf::from("/store")));
    Fixture::with(|options| JetStreamOptions { medium: std::sync::Arc::new(medium), dir, ..options }).with_messages()
}

#[test]
fn answers_wait_for_the_disk() {
    let fixture = on(&CrashMedium::new(1));
    fixture.begin_publish("s.z", "", "new");
    fixture.begin_get(".s.z", "");
    let answers = [
        fixture.begin_ask("$JS.API.STREAM.INFO.S", "", ""),
        fixture.begin_ask("$JS.API.STREAM.LIST", "", ""),
        fixture.begin_ask("$JS.API.STREAM.MSG.GET.S", "", r#"{"seq":7}"#),
        fixture.begin_ask("$JS.API.STREAM.MSG.DELETE.S", "", r#"{"seq":1}"#),
        fixture.begin_ask("$JS.API.STREAM.PURGE.S", "", r#"{"filter":"s.b"}"#),
    ];
    assert_eq!(fixture.got(), "");
    assert!(answers.iter().all(|answer| answer.lock().is_none()));
    fixture.run_jobs();
    assert_eq!(fixture.got(), "- s.z 7||new\n");
    assert!(answers.iter().all(|answer| answer.lock().is_some()));
}

#[test]
fn what_was_taken_back_is_not_told() {
    let disk = CrashMedium::new(1);
    let fixture = on(&disk);
    fixture.begin_publish("s.b", "", "new");
    fixture.begin_get(".s.b", "");
    fixture.begin_get("", r#"{"seq":1,"batch":9}"#);
    let answer = fixture.begin_ask("$JS.API.STREAM.MSG.GET.S", "", r#"{"seq":7}"#);
    disk.fail_at(disk.calls() + 1, Fault::Io);
    fixture.run_jobs();
    // Whoever asked for one message is told what there is instead, once the log was read anew.
    assert_eq!(fixture.got(), "- 500 Store Failed\n- s.b 5||m4\n");
    let answer = answer.lock().take();
    assert!(
        matches!(&answer, Some(Response::Json(json)) if json.contains(r#""code":503,"err_code":10077,"#)),
        "{answer:?}"
    );
}

#[test]
fn what_a_removal_shows_is_told_once_it_stays() {
    let fixture = on(&CrashMedium::new(1));
    fixture.begin_ask("$JS.API.STREAM.MSG.DELETE.S", "", r#"{"seq":5}"#);
    fixture.begin_get(".s.b", "");
    fixture.begin_get("", r#"{"seq":4,"next_by_subj":"s.>"}"#);
    fixture.begin_get("", r#"{"seq":4}"#);
    assert_eq!(fixture.got(), "- s.c 4||m3\n", "a power cut would bring the fifth back");
    fixture.run_jobs();
    assert_eq!(fixture.got(), "-|K: v s.b 2||m1\n- s.c 4||m3\n");
}

#[test]
fn what_is_durable_is_told_at_once() {
    let fixture = on(&CrashMedium::new(1));
    fixture.begin_get(".s.b", "");
    assert_eq!(fixture.got(), "- s.b 5||m4\n");
    assert!(fixture.begin_ask("$JS.API.STREAM.INFO.S", "", "").lock().is_some());
}

#[test]
fn damaged_messages_are_not_there() {
    let disk = CrashMedium::new(1);
    let fixture = on(&disk);
    assert!(flip(&disk, Path::new("/store"), b"m4"), "the message lies somewhere");
    fixture.check_get("", r#"{"seq":5}"#, &["- 404 Message Not Found"]);
    fixture.check_get(".s.b", "", &["-|K: v s.b 2||m1"]);
    let info = fixture.ask("$JS.API.STREAM.INFO.S", "", "").unwrap();
    assert!(info.contains(r#""messages":5,"#), "{info}");
    assert!(info.contains(r#","lost":{"msgs":null,"bytes":"#), "{info}");
    assert!(info.contains(r#""count":1},"consumer_count":0}"#), "{info}");
}

#[test]
fn a_batch_goes_on_behind_damage() {
    let disk = CrashMedium::new(1);
    let fixture = on(&disk);
    // Both before anything is read: what was read lately is still in memory.
    assert!(flip(&disk, Path::new("/store"), b"m2") && flip(&disk, Path::new("/store"), b"m5"));
    fixture.check_get(
        "",
        r#"{"seq":2,"batch":2}"#,
        &["-|K: v s.b 2 pending 4 after 0||m1", "- s.c 4 pending 2 after 2||m3", "- 204 EOB pending 2 after 4"],
    );
    fixture.check_get(
        "",
        r#"{"multi_last":["s.c","s.a<&>"]}"#,
        &["- s.c 4 pending 1 after 0||m3", "- 204 EOB pending 0 after 4 up to 6"],
    );
}
