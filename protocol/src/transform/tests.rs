//! Against captures from the reference server, and properties.

use proptest::prelude::*;

use super::*;
use crate::filter::intersect;

/// What a test file says: JSON texts between tabs.
fn lines(file: &str) -> impl Iterator<Item = Vec<String>> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('\t').map(|text| serde_json::from_str(text).unwrap()).collect())
}

#[test]
fn compiles_what_the_reference_server_compiles() {
    for line in lines(include_str!("tests/compile.txt")) {
        let [source, destination, expected] = &line[..] else { panic!("{line:?}") };
        let found = match SubjectTransform::compile(source, destination) {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(&found, expected, "{source} -> {destination}");
    }
}

#[test]
fn gives_what_the_reference_server_gives() {
    for line in lines(include_str!("tests/apply.txt")) {
        let [source, destination, subject, expected] = &line[..] else { panic!("{line:?}") };
        let mut found = Vec::new();
        let transform = SubjectTransform::compile(source, destination).unwrap();
        let applies = transform.is_some_and(|transform| transform.apply(subject.as_bytes(), &mut found));
        if !applies {
            assert!(found.is_empty());
            found = subject.as_bytes().to_vec();
        }
        let has_empty_token = expected.split('.').any(str::is_empty);
        let expected = if has_empty_token { subject } else { expected };
        assert_eq!(String::from_utf8_lossy(&found), *expected, "{source} -> {destination} of {subject}");
    }
}

#[test]
fn random_numbers_are_spread_and_the_same_every_time() {
    let draw = || {
        let transform = SubjectTransform::compile(">", "{{random(10)}}.>").unwrap().unwrap();
        let mut out = Vec::new();
        (0..1000).map(|_| (transform.apply(b"a", &mut out), out[0])).collect::<Vec<_>>()
    };
    let drawn = draw();
    assert_eq!(drawn, draw());
    for digit in b'0'..=b'9' {
        assert!((50..150).contains(&drawn.iter().filter(|(_, drawn)| *drawn == digit).count()));
    }
}

fn subject_text() -> impl Strategy<Value = String> {
    proptest::collection::vec("[ab-]{1,4}", 1..5).prop_map(|tokens| tokens.join("."))
}

fn filter_text() -> impl Strategy<Value = String> {
    let token = prop_oneof![Just("*".to_owned()), "[ab]{1}"];
    (proptest::collection::vec(token, 1..4), any::<bool>()).prop_map(|(tokens, has_rest)| {
        let tail = if has_rest { ".>" } else { "" };
        format!("{}{tail}", tokens.join("."))
    })
}

fn destination_text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        "[xy]{1,3}",
        Just("$1".to_owned()),
        Just("$2".to_owned()),
        Just("{{split(1,-)}}".to_owned()),
        Just("{{left(1,2)}}".to_owned()),
        Just("{{slicefromright(2,1)}}".to_owned()),
        Just("{{partition(7)}}".to_owned()),
    ];
    (proptest::collection::vec(token, 1..4), any::<bool>())
        .prop_map(|(tokens, has_rest)| tokens.join(".") + if has_rest { ".>" } else { "" })
}

proptest! {
    #[test]
    fn results_lie_in_reach(
        source in filter_text(), destination in destination_text(), subject in subject_text(), narrow in filter_text()
    ) {
        let Ok(Some(transform)) = SubjectTransform::compile(&source, &destination) else { return Ok(()) };
        let mut out = Vec::new();
        if transform.apply(subject.as_bytes(), &mut out) {
            let whole = transform.reach(source.as_bytes());
            prop_assert!(matches(&whole, &out), "{:?} of {:?}", String::from_utf8_lossy(&whole), out);
            if let Some(common) = intersect(source.as_bytes(), narrow.as_bytes())
                && matches(&common, subject.as_bytes())
            {
                let reached = transform.reach(&common);
                prop_assert!(matches(&reached, &out), "{:?} of {:?}", String::from_utf8_lossy(&reached), out);
            }
        }
    }

    #[test]
    fn any_text_compiles_or_is_refused(source in "[a*>.$ ]{0,8}", destination in "[a*>.${}()a-z, 0-9-]{0,20}") {
        if let Ok(Some(transform)) = SubjectTransform::compile(&source, &destination) {
            transform.apply(b"a.b", &mut Vec::new());
            transform.reach(transform.source());
        }
    }
}
