//! What a wire client may send, and how it is written.

use fastrand::Rng;

use crate::message::Published;

/// One operation, as client and expectation understand it.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Connect(Options),
    Subscribe {
        filter: String,
        queue: Option<String>,
        sid: u64,
    },
    Unsubscribe {
        sid: u64,
        max: Option<u64>,
    },
    Publish(Published),
    Ping,
    Pong,
    /// What a broker ignores.
    Noise,
    /// What ends the connection, with the error that comes before, if one does; `counted` bytes of it are a message.
    Fatal {
        bytes: Vec<u8>,
        error: Option<&'static str>,
        counted: Option<u64>,
    },
}

/// The fields of CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "the wire has them as independent flags")]
pub(crate) struct Options {
    pub(crate) verbose: bool,
    pub(crate) pedantic: bool,
    pub(crate) echo: bool,
    pub(crate) headers: bool,
    pub(crate) no_responders: bool,
    pub(crate) protocol: u8,
}

impl Options {
    /// What holds before CONNECT.
    pub(crate) const INITIAL: Self =
        Self { verbose: true, pedantic: true, echo: true, headers: false, no_responders: false, protocol: 0 };

    pub(crate) fn random(rng: &mut Rng) -> Self {
        let headers = rng.u8(..4) > 0;
        Self {
            verbose: rng.u8(..3) == 0,
            pedantic: rng.u8(..4) == 0,
            echo: rng.u8(..3) > 0,
            headers,
            no_responders: headers && rng.u8(..3) > 0,
            protocol: rng.u8(..2),
        }
    }
}

impl Op {
    /// The bytes of the operation, in one of the ways that the protocol allows.
    pub(crate) fn encode(&self, rng: &mut Rng) -> Vec<u8> {
        let mut style = Style::random(rng);
        match self {
            Self::Connect(options) => style.line(&["CONNECT", &json(*options)]),
            Self::Subscribe { filter, queue, sid } => {
                let sid = sid.to_string();
                let arguments: Vec<_> =
                    ["SUB", filter].into_iter().chain(queue.as_deref()).chain([sid.as_str()]).collect();
                style.line(&arguments)
            }
            Self::Unsubscribe { sid, max } => {
                let (sid, max) = (sid.to_string(), max.map(|max| max.to_string()));
                let arguments: Vec<_> = ["UNSUB", &sid].into_iter().chain(max.as_deref()).collect();
                style.line(&arguments)
            }
            Self::Publish(message) => publish(message, &mut style),
            Self::Ping => style.line(&["PING"]),
            Self::Pong => style.line(&["PONG"]),
            Self::Noise => style.line(&["+OK"]),
            Self::Fatal { bytes, .. } => bytes.clone(),
        }
    }
}

fn json(options: Options) -> String {
    let Options { verbose, pedantic, echo, headers, no_responders, protocol } = options;
    format!(
        "{{\"verbose\":{verbose},\"pedantic\":{pedantic},\"echo\":{echo},\"headers\":{headers},\
         \"no_responders\":{no_responders},\"protocol\":{protocol},\"name\":\"sim\"}}"
    )
}

fn publish(message: &Published, style: &mut Style) -> Vec<u8> {
    let (headers, total) = (message.headers.as_ref().map(|block| block.len().to_string()), message.total_len());
    let verb = if headers.is_some() { "HPUB" } else { "PUB" };
    let total = total.to_string();
    let arguments: Vec<_> = [verb, &message.subject]
        .into_iter()
        .chain(message.reply.as_deref())
        .chain(headers.as_deref())
        .chain([total.as_str()])
        .collect();
    let mut bytes = style.line(&arguments);
    bytes.extend_from_slice(message.header_block());
    bytes.extend_from_slice(&message.payload());
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// How a line is written: mostly as all clients do, at times in an odd way that is allowed too.
struct Style {
    lower_case: bool,
    blanks: &'static str,
    line_end: &'static str,
}

impl Style {
    fn random(rng: &mut Rng) -> Self {
        let mut style = Self { lower_case: false, blanks: " ", line_end: "\r\n" };
        match rng.u8(..24) {
            0 => style.lower_case = true,
            1 => style.blanks = "\t",
            2 => style.blanks = "  \t ",
            3 => style.line_end = "\n",
            _ => {}
        }
        style
    }

    fn line(&mut self, words: &[&str]) -> Vec<u8> {
        let verb = if self.lower_case { words[0].to_lowercase() } else { words[0].to_owned() };
        let mut line = vec![verb.as_str()];
        line.extend_from_slice(&words[1..]);
        format!("{}{}", line.join(self.blanks), self.line_end).into_bytes()
    }
}

/// Something that ends the connection; each costs only its sender. [reference §1.1]
pub(crate) fn random_fatal(rng: &mut Rng, options: Options, max_payload: usize) -> Op {
    let unknown = Some("Unknown Protocol Operation");
    let too_large = format!("PUB a {}\r\n{}", max_payload + 1, "x".repeat(rng.usize(..100)));
    let mut fatal: Vec<(&str, Option<&'static str>)> = vec![
        ("FOO bar\r\n", unknown),
        ("\u{7f}ELF\u{0}\u{1}\r\n\r\n", unknown),
        ("PUB a 5\r\nhelloXX", unknown),
        ("PUB a\r\n", None),
        ("PUB a 12345678901\r\n", None),
        ("PUB a -1\r\n", None),
        ("SUB a\r\n", None),
        ("UNSUB\r\n", unknown),
        ("UNSUB  \r\n", None),
        ("CONNECT {\"verbose\":7}\r\n", None),
        ("CONNECT {oops\r\n", None),
        ("-ERR 'you'\r\n", None),
        ("CONNECT {\"protocol\":2}\r\n", Some("invalid client protocol")),
        ("CONNECT {\"headers\":false,\"no_responders\":true}\r\n", Some("no responders requires headers support")),
        ("CONNECT {\"account\":\"theirs\"}\r\n", Some("Authorization Violation")),
        (&too_large, Some("Maximum Payload Violation")),
    ];
    let long = format!("SUB {} 1\r\n", "a".repeat(5000));
    fatal.push((&long, Some("maximum control line exceeded")));
    if !options.headers {
        fatal.push(("HPUB a 12 17\r\nNATS/1.0\r\n\r\nhello\r\n", None));
    }
    let (text, error) = fatal[rng.usize(..fatal.len())];
    let counted = text.starts_with("HPUB").then_some(17);
    Op::Fatal { bytes: text.as_bytes().to_vec(), error, counted }
}
