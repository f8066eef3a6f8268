//! Requests of a script and their answers: `R` and `A` lines, whose control lines and lengths nobody wants to count.
//!
//! The first request of a connection subscribes to its inbox, which is `r.*`, or `r.name.*` for a connection with a
//! name, under the identifier `r`; if it is the first line of the connection at all, it sends CONNECT, too. Requests are
//! numbered, and an answer must come on the inbox of the last one.

use std::collections::BTreeMap;

use super::{message::Message, pattern::Pattern, script::Action, text};

/// The requests of a scene so far.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// The connections that have sent something, and the number of their last request.
    connections: BTreeMap<String, usize>,
}

impl Requests {
    /// Notes that the script itself begins the conversation of this connection.
    pub(super) fn greeted(&mut self, connection: &str) {
        self.connections.entry(connection.to_owned()).or_default();
    }

    /// `subject [headers] payload`: a publish that asks for an answer.
    pub(super) fn send(&mut self, connection: String, what: &str) -> Result<Action, String> {
        let is_first_line = !self.connections.contains_key(&connection);
        let number = self.connections.entry(connection.clone()).or_default();
        *number += 1;
        let mut bytes = Vec::new();
        if is_first_line {
            bytes.extend_from_slice(CONNECT);
        }
        if *number == 1 {
            bytes.extend(format!("SUB {} r\r\n", inbox(&connection, "*")).into_bytes());
        }
        let parts = Parts::split(what)?;
        let (subject, payload) = (text::parse_bytes(parts.subject)?, text::parse_bytes(parts.payload)?);
        let headers = parts.headers.map(text::parse_bytes).transpose()?;
        bytes.extend_from_slice(if headers.is_some() { b"HPUB " } else { b"PUB " });
        bytes.extend_from_slice(&subject);
        bytes.extend(format!(" {} ", inbox(&connection, &number.to_string())).into_bytes());
        if let Some(headers) = &headers {
            bytes.extend(format!("{} ", headers.len()).into_bytes());
        }
        let headers = headers.unwrap_or_default();
        bytes.extend(format!("{}\r\n", headers.len() + payload.len()).into_bytes());
        bytes.extend([headers, payload, b"\r\n".to_vec()].concat());
        Ok(Action::Send { connection, bytes })
    }

    /// `[headers] payload`: an answer to the last request, exactly.
    pub(super) fn answer(&self, connection: String, what: &str) -> Result<Action, String> {
        let what = if what == EMPTY { "" } else { what };
        let (headers, payload) = block(what)?;
        let pattern = self.answer_pattern(&connection, headers, Pattern::whole(payload)?)?;
        Ok(Action::Expect { connection, pattern })
    }

    /// An answer that is a JSON object, of which only some fields are named.
    pub(super) fn answer_like(&self, connection: String, json: &str) -> Result<Action, String> {
        let pattern = self.answer_pattern(&connection, None, Pattern::fields(json)?)?;
        Ok(Action::Expect { connection, pattern })
    }

    fn answer_pattern(&self, connection: &str, headers: Option<&str>, payload: Pattern) -> Result<Pattern, String> {
        let number = self.connections.get(connection).filter(|number| **number > 0).ok_or("an answer to no request")?;
        let subject = Pattern::whole(&inbox(connection, &number.to_string()))?;
        Ok(Pattern::message(Message { subject, headers: headers.map(Pattern::whole).transpose()?, payload }))
    }
}

/// `subject [headers] payload`: a message on a subscription.
pub(super) fn message(connection: String, what: &str) -> Result<Action, String> {
    let parts = Parts::split(what)?;
    let headers = parts.headers.map(Pattern::whole).transpose()?;
    let (subject, payload) = (Pattern::whole(parts.subject)?, Pattern::whole(parts.payload)?);
    Ok(Action::Expect { connection, pattern: Pattern::message(Message { subject, headers, payload }) })
}

/// `subject {…}`: a message that is a JSON object, of which only some fields are named.
pub(super) fn message_like(connection: String, what: &str) -> Result<Action, String> {
    let (subject, json) = what.split_once(' ').ok_or("no JSON")?;
    let message = Message { subject: Pattern::whole(subject)?, headers: None, payload: Pattern::fields(json)? };
    Ok(Action::Expect { connection, pattern: Pattern::message(message) })
}

fn inbox(connection: &str, last: &str) -> String {
    if connection.is_empty() { format!("r.{last}") } else { format!("r.{connection}.{last}") }
}

struct Parts<'a> {
    subject: &'a str,
    headers: Option<&'a str>,
    payload: &'a str,
}

impl<'a> Parts<'a> {
    fn split(what: &'a str) -> Result<Self, String> {
        let (subject, rest) = what.split_once(' ').unwrap_or((what, ""));
        let (headers, payload) = block(rest)?;
        Ok(Self { subject, headers, payload })
    }
}

/// Splits a header block in brackets, which ends in a line end, off the payload.
fn block(text: &str) -> Result<(Option<&str>, &str), String> {
    let Some((end, _)) = text.match_indices("⏎]").next().filter(|_| text.starts_with("[NATS/")) else {
        return Ok((None, text));
    };
    let (headers, rest) = (&text[1..end + "⏎".len()], &text[end + "⏎]".len()..]);
    match rest.strip_prefix(' ') {
        Some(payload) => Ok((Some(headers), payload)),
        None if rest.is_empty() => Ok((Some(headers), "")),
        None => Err("no blank between headers and payload".into()),
    }
}

const CONNECT: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n";
/// An answer without headers and payload.
const EMPTY: &str = "(empty)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_publish_with_its_own_inbox() {
        let mut requests = Requests::default();
        let mut sent = |connection: &str, what| match requests.send(connection.to_owned(), what) {
            Ok(Action::Send { bytes, .. }) => String::from_utf8(bytes).expect("text"),
            other => panic!("{other:?}"),
        };
        let connect = std::str::from_utf8(CONNECT).expect("text");
        assert_eq!(sent("", "foo"), format!("{connect}SUB r.* r\r\nPUB foo r.1 0\r\n\r\n"));
        assert_eq!(sent("", "foo {} x"), "PUB foo r.2 4\r\n{} x\r\n");
        assert_eq!(sent("", "foo []"), "PUB foo r.3 2\r\n[]\r\n");
        assert_eq!(sent("", "foo [NATS/1.0⏎A: ]⏎⏎] hi"), "HPUB foo r.4 18 20\r\nNATS/1.0\r\nA: ]\r\n\r\nhi\r\n");
        assert!(sent("b", "foo").ends_with("SUB r.b.* r\r\nPUB foo r.b.1 0\r\n\r\n"));
    }

    #[test]
    fn an_answer_needs_a_request() {
        let mut requests = Requests::default();
        requests.greeted("");
        assert!(requests.answer(String::new(), "hi").is_err());
        assert!(requests.send(String::new(), "foo").is_ok());
        assert!(requests.answer(String::new(), "[NATS/1.0 404 No⏎⏎]").is_ok());
        assert!(requests.answer(String::new(), "[NATS/1.0⏎⏎]x").is_err());
    }
}
