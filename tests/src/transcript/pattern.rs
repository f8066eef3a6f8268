//! What a transcript expects to receive: bytes, wildcards, JSON objects of which only some fields are named, and whole
//! messages.

use serde_json::{Map, Value};

use super::{
    message::Message,
    text::{self, Token},
    value::Kind,
};

/// An expectation for the next bytes of a connection.
#[derive(Debug)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Any,
    Value(Kind),
    Fields(Map<String, Value>),
    Message(Message),
    End,
}

/// Outcome of holding a pattern against the bytes received so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The first so many bytes are what was expected.
    Whole(usize),
    /// Right so far; more bytes decide.
    Partial,
    /// Wrong, from this offset on.
    Not(usize),
}

impl Pattern {
    /// Reads an expectation. `INFO {…}` names the fields that matter and their values: `"*"` stands for any value,
    /// `null` for a field that must be absent.
    pub(super) fn parse(written: &str) -> Result<Self, String> {
        let Some(json) = written.strip_prefix(INFO).filter(|json| json.starts_with('{')) else {
            return Ok(Self { pieces: pieces(written)? });
        };
        let mut values = serde_json::Deserializer::from_str(json).into_iter::<Map<String, Value>>();
        let fields = values.next().ok_or("no JSON")?.map_err(|error| error.to_string())?;
        let rest = &json[values.byte_offset()..];
        let mut all = vec![Piece::Bytes(INFO.into()), Piece::Fields(fields)];
        all.extend(pieces(rest)?);
        Ok(Self { pieces: all })
    }

    /// Reads an expectation of bytes behind which nothing more stands.
    pub(super) fn whole(written: &str) -> Result<Self, String> {
        let mut pieces = pieces(written)?;
        pieces.push(Piece::End);
        Ok(Self { pieces })
    }

    /// Expects one JSON object and nothing more; `json` names the fields that matter, in it and in the objects within.
    pub(super) fn fields(json: &str) -> Result<Self, String> {
        let fields = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Ok(Self { pieces: vec![Piece::Fields(fields), Piece::End] })
    }

    /// Expects one message.
    pub(super) fn message(message: Message) -> Self {
        Self { pieces: vec![Piece::Message(message)] }
    }

    /// Holds the pattern against the start of `input`.
    pub(super) fn try_match(&self, input: &[u8]) -> Match {
        try_match(&self.pieces, input, 0)
    }
}

fn pieces(written: &str) -> Result<Vec<Piece>, String> {
    let piece = |token| match token {
        Token::Bytes(bytes) => Piece::Bytes(bytes),
        Token::Any => Piece::Any,
        Token::Value(kind) => Piece::Value(kind),
    };
    Ok(text::parse(written)?.into_iter().map(piece).collect())
}

fn try_match(pieces: &[Piece], input: &[u8], at: usize) -> Match {
    let Some((piece, rest)) = pieces.split_first() else { return Match::Whole(at) };
    match piece {
        Piece::Bytes(bytes) => match_bytes(bytes, rest, input, at),
        Piece::Any => match_any(rest, input, at),
        Piece::Value(kind) => match_value(*kind, rest, input, at),
        Piece::Fields(fields) => match_fields(fields, rest, input, at),
        Piece::Message(message) => match message.try_match(&input[at..]) {
            Match::Whole(length) => try_match(rest, input, at + length),
            Match::Partial => Match::Partial,
            Match::Not(offset) => Match::Not(at + offset),
        },
        Piece::End if at == input.len() => Match::Whole(at),
        Piece::End => Match::Not(at),
    }
}

fn match_bytes(expected: &[u8], rest: &[Piece], input: &[u8], at: usize) -> Match {
    let received = &input[at..];
    let same = expected.iter().zip(received).take_while(|(a, b)| a == b).count();
    if same == expected.len() {
        try_match(rest, input, at + same)
    } else if same == received.len() {
        Match::Partial
    } else {
        Match::Not(at + same)
    }
}

/// The shortest run after which the rest fits.
fn match_any(rest: &[Piece], input: &[u8], at: usize) -> Match {
    let line = input[at..].iter().take_while(|byte| !matches!(byte, b'\r' | b'\n')).count();
    let mut furthest = at;
    for end in at..=at + line {
        match try_match(rest, input, end) {
            Match::Not(offset) => furthest = furthest.max(offset),
            decided => return decided,
        }
    }
    if at + line == input.len() { Match::Partial } else { Match::Not(furthest) }
}

fn match_value(kind: Kind, rest: &[Piece], input: &[u8], at: usize) -> Match {
    let length = kind.length(&input[at..]);
    if at + length == input.len() {
        return Match::Partial;
    }
    if kind.is_valid(&input[at..at + length]) { try_match(rest, input, at + length) } else { Match::Not(at) }
}

fn match_fields(expected: &Map<String, Value>, rest: &[Piece], input: &[u8], at: usize) -> Match {
    let mut values = serde_json::Deserializer::from_slice(&input[at..]).into_iter::<Map<String, Value>>();
    match values.next() {
        None => Match::Partial,
        Some(Err(error)) if error.is_eof() => Match::Partial,
        Some(Ok(received)) if has_fields(expected, &received) => try_match(rest, input, at + values.byte_offset()),
        Some(_) => Match::Not(at),
    }
}

fn has_fields(expected: &Map<String, Value>, received: &Map<String, Value>) -> bool {
    expected.iter().all(|(name, value)| match received.get(name) {
        None => value.is_null(),
        Some(found) => is_like(value, found),
    })
}

fn is_like(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => has_fields(expected, found),
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len()
                && expected.iter().zip(found).all(|(expected, found)| is_like(expected, found))
        }
        _ => expected == "*" || expected == found,
    }
}

const INFO: &str = "INFO ";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: &str, received: &[u8], outcome: &Match) {
        let pattern = Pattern::parse(written).expect("valid pattern");
        assert_eq!(&pattern.try_match(received), outcome, "{written}");
    }

    #[test]
    fn bytes_match_from_the_start() {
        check("PONG⏎", b"PONG\r\n+OK\r\n", &Match::Whole(6));
        check("PONG⏎", b"PO", &Match::Partial);
        check("PONG⏎", b"", &Match::Partial);
        check("PONG⏎", b"PING\r\n", &Match::Not(1));
    }

    #[test]
    fn a_wildcard_stays_within_its_line() {
        check("MSG foo \\* 2⏎hi⏎", b"MSG foo 17 2\r\nhi\r\n", &Match::Whole(18));
        check("MSG foo \\* 2⏎hi⏎", b"MSG foo 2 2", &Match::Partial);
        check("-ERR \\*⏎", b"-ERR \r\n", &Match::Whole(7));
        check("a\\*b", b"a\r\nb", &Match::Not(1));
    }

    #[test]
    fn a_value_has_its_form() {
        check("at \\T!", b"at 2026-11-20T16:21:15.5Z!", &Match::Whole(26));
        check("at \\T!", b"at 0001-01-01T00:00:00Z!", &Match::Not(3));
        check("at \\T!", b"at 2026-11-20T16", &Match::Partial);
    }

    #[test]
    fn fields_of_objects_within_are_a_subset_too() {
        let input = br#"{"a":{"b":1,"c":2},"d":[{"e":1,"f":"x"}]}"#;
        let check = |json: &str, outcome| {
            let pattern = Pattern::fields(json).expect("valid JSON");
            assert_eq!(pattern.try_match(input), outcome, "{json}");
        };
        check(r#"{"a":{"b":1,"x":null},"d":[{"f":"*"}]}"#, Match::Whole(input.len()));
        check(r#"{"a":{"b":2}}"#, Match::Not(0));
        check(r#"{"d":[]}"#, Match::Not(0));
    }

    #[test]
    fn fields_are_a_subset() {
        let info = b"INFO {\"proto\":1,\"headers\":true,\"host\":\"h\"} \r\n";
        check("INFO {\"proto\":1,\"host\":\"*\",\"ldm\":null} ⏎", info, &Match::Whole(info.len()));
        check("INFO {\"proto\":2} ⏎", info, &Match::Not(5));
        check("INFO {\"nonce\":\"*\"} ⏎", info, &Match::Not(5));
        check("INFO {} ⏎", &info[..20], &Match::Partial);
        check("INFO {}⏎", info, &Match::Not(42));
    }
}
