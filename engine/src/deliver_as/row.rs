//! Stored messages to one destination, one after the other: where one wire client alone takes them, its frames are made of
//! what is the same for all of them, and of numbers.

use embus_storage::log::Fetched;

use super::{CRLF, Handed};
use crate::consumer::ack::{self, AckToken};
use crate::deliver::remove_expired;
use crate::router::Router;
use crate::sink::Sink;
use crate::subscription::{Admission, Subscription};
use crate::sync::Arc;
use crate::worker::Worker;

/// Memory that is used again for each row.
#[derive(Debug, Default)]
pub(crate) struct RowSpace {
    /// How the subjects of the acknowledgements begin, and behind that the one made last.
    reply: Vec<u8>,
    start: usize,
    /// How frames of messages on `subject` begin: `MSG <subject> <sid> <start of the reply>`. Empty if not known.
    head: Vec<u8>,
    subject: Vec<u8>,
}

/// Delivers messages of one consumer to one subject, each for the first time.
pub(crate) struct Row<'a> {
    worker: &'a mut Worker,
    router: &'a Router,
    to: &'a [u8],
    space: &'a mut RowSpace,
    /// Who alone takes them.
    only: Option<Arc<Subscription>>,
}

impl RowSpace {
    /// For messages of this consumer.
    pub(crate) fn begin(&mut self, stream: &str, consumer: &str) -> &mut Self {
        self.reply.clear();
        for part in [ack::PREFIX, stream.as_bytes(), b".", consumer.as_bytes(), b".1."] {
            self.reply.extend_from_slice(part);
        }
        self.start = self.reply.len();
        self.head.clear();
        self
    }

    /// Appends the frame of a message without headers; `pending` are left behind it.
    #[inline]
    pub(super) fn write(
        &mut self,
        out: &mut Vec<u8>,
        sid: &[u8],
        message: &Fetched<'_>,
        consumer_sequence: u64,
        pending: u64,
    ) {
        if self.head.is_empty() || self.subject != message.subject {
            self.begin_head(message.subject, sid);
        }
        let numbers = Numbers::new(message, consumer_sequence, pending);
        let numbers = numbers.as_bytes();
        out.reserve(self.head.len() + numbers.len() + message.payload.len() + CRLF.len());
        out.extend_from_slice(&self.head);
        out.extend_from_slice(numbers);
        out.extend_from_slice(message.payload);
        out.extend_from_slice(CRLF);
    }

    fn begin_head(&mut self, subject: &[u8], sid: &[u8]) {
        self.subject.clear();
        self.subject.extend_from_slice(subject);
        self.head.clear();
        for part in [b"MSG ", subject, b" ", sid, b" ", &self.reply[..self.start]] {
            self.head.extend_from_slice(part);
        }
    }
}

impl Worker {
    /// Begins to deliver messages of the consumer that `space` was begun for to `to`.
    pub(crate) fn deliver_row<'a>(&'a mut self, router: &'a Router, to: &'a [u8], space: &'a mut RowSpace) -> Row<'a> {
        let only = self.matching.cache.resolve(router, to).only_wire();
        // Whose acknowledgements are allowed one by one is told of each.
        let only = only.filter(|only| !only.connection().answers_requests()).cloned();
        Row { worker: self, router, to, space, only }
    }
}

impl Row<'_> {
    /// Delivers one message; `pending` are left behind it.
    #[inline]
    pub(crate) fn add(&mut self, message: &Fetched<'_>, consumer_sequence: u64, pending: u64) {
        if !self.add_alone(message, consumer_sequence, pending) {
            self.add_any(message, consumer_sequence, pending);
        }
    }

    /// Delivers it to the one client that was there at the beginning, if that still takes messages.
    #[inline]
    fn add_alone(&mut self, message: &Fetched<'_>, consumer_sequence: u64, pending: u64) -> bool {
        let Some(only) = &self.only else { return false };
        let Sink::Wire(outbox) = only.sink() else { return false };
        if !message.headers.is_empty() || !outbox.is_open() || !only.is_unlimited() {
            return false;
        }
        let admission = only.admit();
        let is_taken = matches!(admission, Admission::Taken | Admission::Last);
        if is_taken {
            let batch = &mut self.worker.batch;
            let (stage, _) = batch.stage(outbox);
            stage.count(message.payload.len());
            let open = stage.frames.open();
            let before = open.len();
            self.space.write(open, only.sid().as_bytes(), message, consumer_sequence, pending);
            let added = open.len() - before;
            batch.note_staged(added);
        }
        if matches!(admission, Admission::Last | Admission::Expired) {
            // It was limited just now.
            remove_expired(self.router, &mut vec![Arc::clone(only)]);
        }
        is_taken
    }

    /// Delivers it to whoever is there now.
    fn add_any(&mut self, message: &Fetched<'_>, consumer_sequence: u64, pending: u64) {
        let RowSpace { reply, start, .. } = &mut *self.space;
        reply.truncate(*start);
        let token = AckToken { deliveries: 1, stream_sequence: message.sequence, consumer_sequence };
        token.write_numbers(reply, message.time, pending);
        let handed = Handed {
            to: self.to,
            subject: message.subject,
            reply,
            headers: message.headers,
            added: &[],
            payload: message.payload,
            shared: &|| message.to_stored(),
        };
        self.worker.deliver_as(self.router, &handed);
    }
}

/// `<stream sequence>.<consumer sequence>.<time>.<pending> <length>\r\n`, written from its end.
struct Numbers {
    text: [u8; NUMBERS_BYTES],
    start: usize,
}

impl Numbers {
    #[inline]
    fn new(message: &Fetched<'_>, consumer_sequence: u64, pending: u64) -> Self {
        let mut numbers = Self { text: [0; NUMBERS_BYTES], start: NUMBERS_BYTES };
        numbers.put(b'\n');
        numbers.put(b'\r');
        numbers.put_number(message.payload.len() as u64);
        numbers.put(b' ');
        numbers.put_number(pending);
        numbers.put(b'.');
        numbers.put_number(message.time.unsigned_abs());
        if message.time < 0 {
            numbers.put(b'-');
        }
        numbers.put(b'.');
        numbers.put_number(consumer_sequence);
        numbers.put(b'.');
        numbers.put_number(message.sequence);
        numbers
    }

    fn as_bytes(&self) -> &[u8] {
        &self.text[self.start..]
    }

    #[inline]
    fn put(&mut self, byte: u8) {
        self.start -= 1;
        self.text[self.start] = byte;
    }

    #[inline]
    fn put_number(&mut self, mut number: u64) {
        while number >= 100 {
            self.put_pair(pair(number % 100));
            number /= 100;
        }
        if number >= 10 {
            self.put_pair(pair(number));
        } else {
            self.put(pair(number)[1]);
        }
    }

    #[inline]
    fn put_pair(&mut self, pair: [u8; 2]) {
        self.start -= 2;
        self.text[self.start..self.start + 2].copy_from_slice(&pair);
    }
}

/// The two digits of a number below 100.
#[inline]
fn pair(number: u64) -> [u8; 2] {
    usize::try_from(number).ok().and_then(|number| PAIRS.get(number)).copied().unwrap_or_default()
}

/// Five numbers of at most 20 digits, a sign, and what stands between and behind them.
const NUMBERS_BYTES: usize = 5 * 20 + 1 + 4 + 2;

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    pairs
};
