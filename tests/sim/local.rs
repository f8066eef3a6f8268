//! An in-process client with its subscriptions, which are read only when something woke their reader.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use embus_engine::{Congestion, Headers, LocalClient, LocalSubscription, Message, PublishRefused, QueueBounds};
use embus_protocol::{headers::HeaderMap, subject::Subject};

use crate::clock::Flag;
use crate::frame::Received;
use crate::message::Published;
use crate::model::{InboxId, PeerId};

/// One in-process client.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) peer: PeerId,
    pub(crate) client: Arc<LocalClient>,
    pub(crate) readers: Vec<Reader>,
    /// Destinations that asked it to wait, and whether they have let it go on.
    congestions: Vec<(Congestion, Arc<Flag>)>,
    pub(crate) last_sid: u64,
}

/// One in-process subscription.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) sid: u64,
    pub(crate) inbox: InboxId,
    pub(crate) subscription: LocalSubscription,
    pub(crate) bounds: QueueBounds,
    woken: Arc<Flag>,
    pub(crate) has_ended: bool,
    /// Messages and bytes that were read since the queue was last seen empty: the broker counts them then.
    pub(crate) uncounted: (u64, u64),
}

/// Bounds that no run of the simulation reaches.
pub(crate) const WIDE: QueueBounds = QueueBounds { messages: 1 << 20, bytes: 1 << 30 };

impl Local {
    pub(crate) fn new(peer: PeerId, client: Arc<LocalClient>) -> Self {
        Self { peer, client, readers: Vec::new(), congestions: Vec::new(), last_sid: 0 }
    }

    /// Publishes; `Ok` says how many took it.
    pub(crate) fn publish(&mut self, message: &Published) -> Result<usize, PublishRefused> {
        let published = self.client.publish(as_message(message))?;
        if let Some(congestion) = published.congestion {
            self.congestions.push((congestion, Flag::raised()));
        }
        Ok(published.delivered)
    }

    /// Waits for congested destinations: only after a wake-up it looks again.
    pub(crate) fn poll_congestions(&mut self) -> bool {
        let before = self.congestions.len();
        self.congestions.retain_mut(|(congestion, woken)| {
            if !woken.lower() {
                return true;
            }
            let waker = Waker::from(Arc::clone(woken));
            congestion.poll_relieved(&mut Context::from_waker(&waker)).is_pending()
        });
        self.congestions.len() < before
    }

    pub(crate) fn is_held_back(&self) -> bool {
        !self.congestions.is_empty()
    }
}

impl Reader {
    pub(crate) fn new(sid: u64, inbox: InboxId, subscription: LocalSubscription, bounds: QueueBounds) -> Self {
        Self { sid, inbox, subscription, bounds, woken: Flag::raised(), has_ended: false, uncounted: (0, 0) }
    }

    /// The next message, if the reader was woken or has not yet seen the queue empty.
    pub(crate) fn next(&mut self) -> Option<Received> {
        if self.has_ended || !self.woken.lower() {
            return None;
        }
        let waker = Waker::from(Arc::clone(&self.woken));
        match self.subscription.poll_next(&mut Context::from_waker(&waker)) {
            Poll::Pending => {
                self.uncounted = (0, 0);
                None
            }
            Poll::Ready(None) => {
                self.has_ended = true;
                self.uncounted = (0, 0);
                None
            }
            Poll::Ready(Some(message)) => {
                self.woken.raise();
                self.uncounted.0 += 1;
                self.uncounted.1 += message.body_len() as u64;
                Some(as_received(self.sid, &message))
            }
        }
    }

    pub(crate) fn may_drop(&self) -> bool {
        self.bounds != WIDE
    }
}

/// Headers travel as a block in half of the messages and as a map in the others: receivers see no difference.
fn as_message(message: &Published) -> Message {
    let subject = Subject::from(message.subject.as_str());
    let reply = message.reply.as_deref().map(Subject::from);
    Message::new(subject, reply, headers(message), Bytes::from(message.payload()))
}

fn headers(message: &Published) -> Headers {
    match message.headers.as_deref() {
        None | Some([]) => Headers::None,
        Some(block) if message.id.is_multiple_of(2) => Headers::Block(Bytes::copy_from_slice(block)),
        Some(block) => {
            let text = std::str::from_utf8(block).expect("blocks of the simulation are text");
            let mut map = HeaderMap::new();
            for (name, value) in text.lines().filter_map(|line| line.split_once(": ")) {
                map.append(name, value);
            }
            Headers::Map(map)
        }
    }
}

fn as_received(sid: u64, message: &Message) -> Received {
    let block = message.headers().to_block();
    Received {
        sid,
        subject: message.subject.to_string(),
        reply: message.reply().map(ToString::to_string),
        headers: (!block.is_empty()).then(|| block.to_vec()),
        payload: message.payload.to_vec(),
    }
}
