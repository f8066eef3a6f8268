//! What is nearly a configuration never panics, whatever is torn out of it or put into it.

use embus_conf::{Config, ConfigError, Document, Nowhere};
use proptest::prelude::*;

const CASES: &str = include_str!("verdicts/accepted.txt");

/// A part that means something, or anything.
fn piece() -> impl Strategy<Value = String> {
    let words = ["{", "}", "[", "]", "(", ")\n", "\"", "'", "\\", "$", "=", ":", ",", ";", "\n", "#", "//", "include "];
    let values =
        ["-1", "9eb", "1.5", "true", "$port", "\\x4", "2026-11-20T16:06:35Z", "{{wildcard(1)}}", ">", "*", "é"];
    prop_oneof![proptest::sample::select([&words[..], &values].concat()).prop_map(str::to_owned), "\\PC{0,4}"]
}

fn cut(text: &str, index: prop::sample::Index) -> usize {
    let boundaries: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    boundaries[index.index(boundaries.len())]
}

proptest! {
    #[test]
    fn torn_files_are_read_or_refused(
        case in proptest::sample::select(CASES.split("\n---\n").collect::<Vec<_>>()),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), piece()), 1..4)
    ) {
        let mut text = case.to_owned();
        for (start, end, piece) in changes {
            let (a, b) = (cut(&text, start), cut(&text, end));
            // Short parts are torn out, so that something is left.
            let end = if b > a && b - a < 16 { b } else { a };
            text.replace_range(a..end, &piece);
        }
        let Ok(document) = Document::parse("c.conf", &text, &Nowhere) else { return Ok(()) };
        let _ = document.digest();
        match Config::read(&document) {
            Ok(config) => prop_assert_eq!(config.validate(), []),
            Err(ConfigError::Faults(faults)) => prop_assert!(faults.iter().all(|fault| fault.position.is_some()), "{:?}", faults),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}
