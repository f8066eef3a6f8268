//! Any text as a configuration: no panic, and what was read says the same when it is written as JSON, which is a part of
//! the format.
#![no_main]

use embus_conf::{Config, Document, Kind, Nowhere, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Ok(document) = Document::parse("fuzz.conf", &text, &Nowhere) else { return };
    if let Ok(config) = Config::read(&document) {
        assert_eq!(config.validate(), []);
    }
    let entries = || document.root().iter();
    if entries().all(|(key, entry)| is_plain(key) && has_json(&entry.value)) {
        let json = serde_json::to_string(document.root()).expect("values have JSON");
        let again = Document::parse("fuzz.json", &json, &Nowhere).expect("JSON is a part of the format");
        assert_eq!(again.digest(), document.digest());
    }
});

/// Whether it is the same in JSON and here: floats may have exponents there, control characters other escapes, and a date
/// is text.
fn has_json(value: &Value) -> bool {
    match &value.kind {
        Kind::Text(text) => is_plain(text),
        Kind::Integer(_) | Kind::Boolean(_) => true,
        Kind::Float(_) | Kind::Date(_) => false,
        Kind::List(values) => values.iter().all(has_json),
        Kind::Block(block) => block.iter().all(|(key, entry)| is_plain(key) && has_json(&entry.value)),
    }
}

fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() && !"\t\n\r".contains(c))
}
