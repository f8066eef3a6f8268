//! What a client reads, cut into frames by a parser that shares nothing with the broker's.

/// One frame from the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Info(String),
    Ok,
    Err(String),
    Ping,
    Pong,
    Message(Received),
}

/// A message as its subscriber sees it, over the wire or in-process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) sid: u64,
    pub(crate) subject: String,
    pub(crate) reply: Option<String>,
    pub(crate) headers: Option<Vec<u8>>,
    pub(crate) payload: Vec<u8>,
}

/// Collects bytes and cuts frames.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    bytes: Vec<u8>,
    start: usize,
}

impl FrameReader {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..std::mem::take(&mut self.start));
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame. The simulation fails on bytes that are none.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let rest = &self.bytes[self.start..];
        let line_end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..line_end]).expect("control lines are text");
        let body = &rest[line_end + 2..];
        let (frame, body_len) = match line.split_once(' ').unwrap_or((line, "")) {
            ("MSG", arguments) => message(arguments, false, body)?,
            ("HMSG", arguments) => message(arguments, true, body)?,
            ("INFO", json) => (Frame::Info(json.to_owned()), 0),
            ("-ERR", text) => (Frame::Err(unquoted(text)), 0),
            ("+OK", "") => (Frame::Ok, 0),
            ("PING", "") => (Frame::Ping, 0),
            ("PONG", "") => (Frame::Pong, 0),
            _ => panic!("not a frame: {line:?}"),
        };
        self.start += line_end + 2 + body_len;
        Some(frame)
    }
}

fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    inner.unwrap_or_else(|| panic!("an error without quotes: {text}")).to_owned()
}

/// `<subject> <sid> [reply] [header length] <total length>`, and behind it so many bytes and a line end.
fn message(arguments: &str, with_headers: bool, body: &[u8]) -> Option<(Frame, usize)> {
    let parts: Vec<_> = arguments.split(' ').collect();
    let numbers = 1 + usize::from(with_headers);
    assert!((2 + numbers..=3 + numbers).contains(&parts.len()), "arguments: {arguments:?}");
    let number = |text: &str| text.parse::<usize>().unwrap_or_else(|_| panic!("not a length: {arguments:?}"));
    let total = number(parts[parts.len() - 1]);
    let split = if with_headers { number(parts[parts.len() - 2]) } else { 0 };
    assert!(split <= total, "headers longer than the message: {arguments:?}");
    let whole = body.get(..total + 2)?;
    assert_eq!(&whole[total..], b"\r\n", "a message without its line end: {arguments:?}");
    let received = Received {
        subject: parts[0].to_owned(),
        sid: parts[1].parse().unwrap_or_else(|_| panic!("not a sid: {arguments:?}")),
        reply: (parts.len() == 3 + numbers).then(|| parts[2].to_owned()),
        headers: with_headers.then(|| whole[..split].to_vec()),
        payload: whole[split..total].to_vec(),
    };
    Some((Frame::Message(received), total + 2))
}
