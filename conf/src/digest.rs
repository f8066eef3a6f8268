//! A digest of what a configuration says, whichever way it is written: SHA-256 of its JSON, keys in order, with the
//! line end and the escapes of Go's encoder. [nats-server: `-t`, `config_digest` in `/varz`]

use std::{collections::BTreeMap, fmt::Write};

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::{Block, Kind, Value};

pub(crate) fn digest(root: &Block) -> String {
    // Values are numbers, text, lists and maps with text as keys: JSON has a form for each of them.
    let json = serde_json::to_string(root).unwrap_or_default();
    let hash = Sha256::digest(format!("{}\n", escaped(&json)));
    hash.iter().fold(String::from("sha256:"), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// In JSON these characters stand in strings only.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            _ => text.push(character),
        }
    }
    text
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries: BTreeMap<_, _> = self.iter().map(|(key, entry)| (key, &entry.value)).collect();
        entries.serialize(serializer)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.kind {
            Kind::Text(text) => serializer.serialize_str(text),
            Kind::Integer(number) => serializer.serialize_i64(*number),
            Kind::Float(number) => serializer.serialize_f64(*number),
            Kind::Boolean(boolean) => serializer.serialize_bool(*boolean),
            Kind::Date(date) => serializer.collect_str(date),
            Kind::List(values) => values.serialize(serializer),
            Kind::Block(block) => block.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Document, Nowhere};

    #[test]
    fn the_digest_is_that_of_nats_server() {
        let check = |text: &str, digest: &str| {
            assert_eq!(Document::parse("c.conf", text, &Nowhere).unwrap().digest(), format!("sha256:{digest}"));
        };
        let port = "797533ebd0dfba7d34a0f9337ecf147e442871f48ddfd07ed751575a5737267e";
        check("port: 4222", port);
        check("{\"port\" = 4222}", port);
        check("debug: yes; port 4222", "8d697893eada17225f028a97ac0a0cfbd85dfb1fe0f606aa6f327a81bf911795");
        check("server_name: 127.0.0.1", "708c94ffa60bca4d4533654a9a1a16144896fbd5f149c9d4ddd8ee83ea932947");
    }
}
