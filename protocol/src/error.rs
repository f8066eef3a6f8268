//! Every error that a broker tells its client: the exact `-ERR` text, and whether the connection closes after it.
//!
//! Some faults have no text at all: a line with bad arguments closes in silence
//! ([`DecodeError::BadArguments`](crate::decode::DecodeError)), and so does a slow consumer.

use std::borrow::Cow;

use crate::quoted::Quoted;

/// A fault of the peer, as it is written to the wire. [NATS client protocol: `-ERR`]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("{}", self.text())]
pub enum ClientError {
    /// The bytes are not an operation, or not one that this peer may send.
    UnknownProtocolOperation,
    /// The arguments of a line are longer than `max_control_line`.
    MaximumControlLineExceeded,
    /// A message is larger than `max_payload`.
    MaximumPayloadViolation,
    /// Credentials are missing or wrong, or the first operation was not CONNECT.
    AuthorizationViolation,
    /// No CONNECT arrived within the time allowed for login.
    AuthenticationTimeout,
    /// The user's credentials ended.
    UserAuthenticationExpired,
    /// The account's credentials ended.
    AccountAuthenticationExpired,
    /// The account cannot be used; the login fails with a second error.
    FailedAccountRegistration,
    /// The broker serves as many connections as it may.
    MaximumConnectionsExceeded,
    /// The account has as many connections as it may.
    MaximumAccountConnectionsExceeded,
    /// TLS handshakes arrive faster than the configured rate.
    ConnectionThrottling,
    /// CONNECT named a `protocol` other than 0 or 1.
    InvalidClientProtocol,
    /// CONNECT asked for `no_responders` without `headers`.
    NoRespondersRequiresHeaders,
    /// Too many PINGs stayed unanswered.
    StaleConnection,
    /// The TLS handshake did not complete in time.
    SecureConnectionRequired,
    /// A client connected to the port for leaf nodes.
    LeafNodePort,
    /// A client connected to the port for other servers of a cluster.
    RoutePort,
    /// A leaf node connected, and the broker has none. Differs from nats-server, which has.
    LeafNodesUnsupported,
    /// Another server connected, and the broker is alone. Differs from nats-server, which need not be.
    RoutesUnsupported,
    /// SUB with an empty token, or with `>` before the last one.
    InvalidSubject,
    /// A pedantic client published to something that is not a literal subject; the message still travels.
    InvalidPublishSubject,
    /// The client may not publish to this subject.
    PublishPermission {
        /// The subject as it was sent.
        subject: Quoted,
    },
    /// The client may not subscribe to this subject.
    SubscriptionPermission {
        /// The subject as it was sent.
        subject: Quoted,
    },
    /// The client has this subscription no more, as its rights have changed.
    SubscriptionWithdrawn {
        /// The subject as it was sent.
        subject: Quoted,
        /// The client's name for it.
        sid: Quoted,
    },
    /// The client may not join this queue group on this subject.
    QueueSubscriptionPermission {
        /// The subject as it was sent.
        subject: Quoted,
        /// The queue group as it was sent.
        queue: Quoted,
    },
    /// The reply subject of a publish is reserved.
    ReplyPermission {
        /// The reply subject as it was sent.
        reply: Quoted,
    },
    /// The subject has more tokens than `max_sub_tokens`.
    TooManyTokens {
        /// The subject as it was sent.
        subject: Quoted,
    },
    /// The connection or account has as many subscriptions as it may.
    MaximumSubscriptionsExceeded,
}

impl ClientError {
    /// The text between the quotes of `-ERR '…'`, byte for byte as nats-server writes it.
    pub fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::UnknownProtocolOperation => "Unknown Protocol Operation",
            Self::MaximumControlLineExceeded => "maximum control line exceeded",
            Self::MaximumPayloadViolation => "Maximum Payload Violation",
            Self::AuthorizationViolation => "Authorization Violation",
            Self::AuthenticationTimeout => "Authentication Timeout",
            Self::UserAuthenticationExpired => "User Authentication Expired",
            Self::AccountAuthenticationExpired => "Account Authentication Expired",
            Self::FailedAccountRegistration => "Failed Account Registration",
            Self::MaximumConnectionsExceeded => "maximum connections exceeded",
            Self::MaximumAccountConnectionsExceeded => "maximum account active connections exceeded",
            Self::ConnectionThrottling => "Connection throttling is active. Please try again later.",
            Self::InvalidClientProtocol => "invalid client protocol",
            Self::NoRespondersRequiresHeaders => "no responders requires headers support",
            Self::StaleConnection => "Stale Connection",
            Self::SecureConnectionRequired => "Secure Connection - TLS Required",
            Self::LeafNodePort => "attempted to connect to leaf node port",
            Self::RoutePort => "attempted to connect to route port",
            Self::LeafNodesUnsupported => "leaf node connections are not supported",
            Self::RoutesUnsupported => "route connections are not supported",
            Self::InvalidSubject => "Invalid Subject",
            Self::InvalidPublishSubject => "Invalid Publish Subject",
            Self::MaximumSubscriptionsExceeded => "maximum subscriptions exceeded",
            detailed => return Cow::Owned(detailed.permission_text()),
        })
    }

    /// The texts that name what was refused.
    fn permission_text(&self) -> String {
        match self {
            Self::PublishPermission { subject } => format!("Permissions Violation for Publish to {subject}"),
            Self::SubscriptionPermission { subject } => {
                format!("Permissions Violation for Subscription to {subject}")
            }
            Self::SubscriptionWithdrawn { subject, sid } => {
                format!("Permissions Violation for Subscription to {subject} (sid {sid})")
            }
            Self::QueueSubscriptionPermission { subject, queue } => {
                format!("Permissions Violation for Subscription to {subject} using queue {queue}")
            }
            Self::ReplyPermission { reply } => format!("Permissions Violation for Publish with Reply of {reply}"),
            Self::TooManyTokens { subject } => {
                format!("Permissions Violation for Subscription to {subject}, too many tokens")
            }
            plain => plain.text().into_owned(),
        }
    }

    /// Whether the broker closes the connection after this error.
    pub fn closes(&self) -> bool {
        !matches!(
            self,
            Self::InvalidSubject
                | Self::InvalidPublishSubject
                | Self::PublishPermission { .. }
                | Self::SubscriptionPermission { .. }
                | Self::SubscriptionWithdrawn { .. }
                | Self::QueueSubscriptionPermission { .. }
                | Self::ReplyPermission { .. }
                | Self::TooManyTokens { .. }
                | Self::MaximumSubscriptionsExceeded
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientError, Quoted};

    #[track_caller]
    fn check(error: &ClientError, text: &str, closes: bool) {
        assert_eq!(error.text(), text);
        assert_eq!(error.to_string(), text);
        assert_eq!(error.closes(), closes);
    }

    #[test]
    fn parse_errors_close() {
        check(&ClientError::UnknownProtocolOperation, "Unknown Protocol Operation", true);
        check(&ClientError::MaximumControlLineExceeded, "maximum control line exceeded", true);
        check(&ClientError::StaleConnection, "Stale Connection", true);
    }

    #[test]
    fn refused_subjects_do_not_close() {
        let (subject, queue) = (Quoted::from(&b"a"[..]), Quoted::from(&b"q"[..]));
        check(&ClientError::InvalidSubject, "Invalid Subject", false);
        check(
            &ClientError::QueueSubscriptionPermission { subject: subject.clone(), queue },
            "Permissions Violation for Subscription to \"a\" using queue \"q\"",
            false,
        );
        check(
            &ClientError::TooManyTokens { subject },
            "Permissions Violation for Subscription to \"a\", too many tokens",
            false,
        );
    }
}
