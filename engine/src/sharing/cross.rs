//! A published message goes on into other accounts. It is put together anew on the way: what it looks like there is
//! nobody's here.

use super::crossing::Kind;
use super::{Crossing, MAX_HOPS, Mapped, request_info};
use crate::connection::INTERNAL;
use crate::deliver::Publisher;
use crate::router::Router;
use crate::service::Request;
use crate::sink::Sink;
use crate::subscription::{Admission, Subscription};
use crate::sync::Arc;
use crate::worker::Worker;

/// How the message that is delivered now came into its account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Via {
    /// It was published there.
    #[default]
    Publish,
    /// By an import of messages: it goes no further. [nats-server 2.15.1, probed]
    Stream,
    /// By so many imports of services; it is heard by nobody else who imports messages. [nats-server:
    /// pmrMsgImportedFromService]
    Service(u8),
}

impl Via {
    /// How it came behind this crossing, if it may take it.
    pub(super) fn behind(self, kind: &Kind) -> Option<Self> {
        match (self, kind) {
            (Self::Publish, Kind::Stream) => Some(Self::Stream),
            (Self::Publish, Kind::Service { .. } | Kind::Answer(_)) => Some(Self::Service(1)),
            (Self::Service(hops), Kind::Service { .. } | Kind::Answer(_)) if hops < MAX_HOPS => {
                Some(Self::Service(hops + 1))
            }
            _ => None,
        }
    }
}

impl Worker {
    /// Takes a message through all of these; returns how many took it behind them.
    #[cold]
    pub(crate) fn cross_all(
        &mut self,
        crossings: &[Arc<Subscription>],
        publisher: Publisher,
        message: &Request<'_>,
    ) -> usize {
        let open = crossings.iter().filter(|subscription| subscription.admit() != Admission::Refused);
        open.filter_map(|subscription| crossing_of(subscription))
            .map(|crossing| self.cross(crossing, publisher, message))
            .sum()
    }

    pub(super) fn cross(&mut self, crossing: &Crossing, publisher: Publisher, message: &Request<'_>) -> usize {
        let Some(via) = self.via.behind(&crossing.kind) else { return 0 };
        let before = std::mem::replace(&mut self.via, via);
        let taken = match &crossing.kind {
            Kind::Stream => self.cross_as_stream(crossing, publisher, message),
            Kind::Service { .. } => self.cross_as_request(crossing, publisher, message).unwrap_or(0),
            Kind::Answer(_) => self.cross_as_answer(crossing, publisher, message).unwrap_or(0),
        };
        self.via = before;
        taken
    }

    fn cross_as_stream(&mut self, crossing: &Crossing, publisher: Publisher, message: &Request<'_>) -> usize {
        let Some((to, subject)) = crossing.leads(message.subject) else { return 0 };
        self.deliver_message(&to, publisher, &Request { subject: &subject, ..*message })
    }

    fn cross_as_request(&mut self, crossing: &Crossing, publisher: Publisher, message: &Request<'_>) -> Option<usize> {
        let Kind::Service { share, answers } = &crossing.kind else { return None };
        let (to, mut subject) = crossing.leads(message.subject)?;
        if !self.map(&to, &mut subject) {
            return None;
        }
        let headers = self.introduce(crossing, *share, publisher, message.headers);
        // An acknowledgement goes to its consumer, whoever passes the message on. [nats-server: processServiceImport]
        let is_kept = |reply: &[u8]| reply.starts_with(b"$JS.ACK.");
        let reply = message.reply.map(|reply| if is_kept(reply) { reply.to_vec() } else { answers.expect(reply) });
        let request = Request {
            subject: &subject,
            reply: reply.as_deref(),
            headers: headers.as_deref().unwrap_or(message.headers),
            payload: message.payload,
        };
        let taken = self.deliver_request(&to, publisher, &request);
        if taken == 0
            && let Some(reply) = &reply
        {
            answers.forget(reply);
        }
        Some(taken)
    }

    fn cross_as_answer(&mut self, crossing: &Crossing, publisher: Publisher, message: &Request<'_>) -> Option<usize> {
        let Kind::Answer(answers) = &crossing.kind else { return None };
        let to = crossing.to.upgrade()?;
        let is_empty = message.headers.is_empty() && message.payload.is_empty();
        let subject = answers.take(message.subject, is_empty)?;
        Some(self.deliver_message(&to, publisher, &Request { subject: &subject, ..*message }))
    }

    /// A request as the account's own clients make it: some are for its consumers.
    fn deliver_request(&mut self, to: &Router, publisher: Publisher, request: &Request<'_>) -> usize {
        let is_feedback = request.subject.starts_with(b"$JS.") && self.take_feedback(to, request);
        if is_feedback && !to.has_observers() {
            return 1;
        }
        usize::from(is_feedback) + self.deliver_message(to, publisher, request)
    }

    /// Maps a subject as the account does; says whether the message goes anywhere.
    pub(crate) fn map(&mut self, router: &Router, subject: &mut Vec<u8>) -> bool {
        let Some(mappings) = router.mappings() else { return true };
        let mut mapped = Vec::new();
        match mappings.apply(subject, &mut self.matching.random, &mut mapped) {
            Mapped::Same => true,
            Mapped::Other => {
                *subject = mapped;
                true
            }
            Mapped::Lost => false,
        }
    }

    /// The headers with what the service learns of the requester.
    fn introduce(&self, crossing: &Crossing, share: bool, publisher: Publisher, headers: &[u8]) -> Option<Vec<u8>> {
        let info = match self.via {
            Via::Service(hops) if hops > 1 => request_info::passed_on(headers, &crossing.from)?,
            // What a stream holds may be anything that somebody wrote.
            _ if publisher.id == INTERNAL && headers.is_empty() => return None,
            _ if publisher.id == INTERNAL => request_info::of_account(&crossing.from),
            _ => {
                let engine = crossing.engine.upgrade()?;
                let connection = engine.connection(publisher.id)?;
                request_info::of(&engine, &connection, &crossing.from, share)
            }
        };
        Some(request_info::with(headers, &info))
    }
}

/// What a subscription of an import leads to.
pub(super) fn crossing_of(subscription: &Subscription) -> Option<&Crossing> {
    match subscription.sink() {
        Sink::Crossing(crossing) => Some(&**crossing),
        _ => None,
    }
}
