//! Messages of the simulation: each carries its number, so that whoever gets one knows which it is.

use crate::frame::Received;

/// One message that a client published.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) id: u64,
    pub(crate) subject: String,
    pub(crate) reply: Option<String>,
    /// The header block as it was sent; an empty one is sent as `HPUB … 0 …`.
    pub(crate) headers: Option<Vec<u8>>,
    pub(crate) payload_len: usize,
}

/// `#`, the number in hexadecimal digits, `;`.
const MARK_LEN: usize = 10;

impl Published {
    /// The payload: its number, if there is room, and bytes that differ from message to message.
    pub(crate) fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.payload_len.max(MARK_LEN));
        payload.extend_from_slice(format!("#{:08x};", self.id).as_bytes());
        while payload.len() < self.payload_len {
            let start = (self.id % 256) as usize;
            payload.extend_from_slice(&PATTERN[start..start + 256]);
        }
        payload.truncate(self.payload_len);
        payload
    }

    pub(crate) fn header_block(&self) -> &[u8] {
        self.headers.as_deref().unwrap_or_default()
    }

    pub(crate) fn total_len(&self) -> usize {
        self.header_block().len() + self.payload_len
    }

    /// Bytes of a frame that carries it, at most.
    pub(crate) fn frame_bytes(&self) -> usize {
        64 + self.subject.len() + self.reply.as_ref().map_or(0, String::len) + self.total_len()
    }

    /// What the header block of the no-responders status of this message is. [ADR-4]
    pub(crate) fn status_block(&self) -> Vec<u8> {
        format!("NATS/1.0 503\r\nNats-Subject: {}\r\n\r\n", self.subject).into_bytes()
    }
}

/// A reply subject that carries the number of its message.
pub(crate) fn reply_subject(inbox: u64, id: u64) -> String {
    format!("r.{inbox}.{id:08x}")
}

/// Which message this is, and whether it is the status that nobody took it.
pub(crate) fn identify(received: &Received) -> (u64, bool) {
    if received.headers.as_ref().is_some_and(|headers| headers.starts_with(b"NATS/1.0 503")) {
        return (number_of(&received.subject), true);
    }
    let mark = received.payload.get(..MARK_LEN).filter(|mark| mark[0] == b'#' && mark[MARK_LEN - 1] == b';');
    let id = match (mark, &received.reply) {
        (Some(mark), _) => {
            let digits = std::str::from_utf8(&mark[1..MARK_LEN - 1]).expect("a payload starts with its number");
            u64::from_str_radix(digits, 16).expect("a payload starts with its number")
        }
        (None, Some(reply)) => number_of(reply),
        (None, None) => panic!("nobody sent this: {received:?}"),
    };
    (id, false)
}

fn number_of(reply: &str) -> u64 {
    let digits = reply.rsplit('.').next().unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("not a reply subject of the simulation: {reply}"))
}

/// All byte values twice, line ends among them.
const PATTERN: [u8; 512] = {
    let mut bytes = [0; 512];
    let mut index = 0;
    let mut value = 0_u8;
    while index < bytes.len() {
        bytes[index] = value;
        value = value.wrapping_add(1);
        index += 1;
    }
    bytes
};
