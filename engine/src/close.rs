//! Why a connection ended.

use std::fmt;

/// Why a connection ended, in the words of nats-server's `/connz`. [reference: closed reasons]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client closed it.
    ClientClosed,
    /// Too many bytes waited for a client that reads too slowly.
    SlowConsumerPendingBytes,
    /// Nothing could be written for the write deadline.
    SlowConsumerWriteDeadline,
    /// The socket failed on write.
    WriteError,
    /// The socket failed on read.
    ReadError,
    /// The client sent what the protocol does not know.
    ParseError,
    /// The client did not answer pings.
    StaleConnection,
    /// The client sent `-ERR`.
    ProtocolViolation,
    /// CONNECT asked for a protocol version that does not exist.
    BadClientProtocolVersion,
    /// CONNECT asked for what only a login may get.
    AuthenticationFailure,
    /// No login came in time.
    AuthenticationTimeout,
    /// The user's credentials ended.
    AuthenticationExpired,
    /// One connection more than allowed.
    MaximumConnectionsExceeded,
    /// One connection more than the account allows.
    MaximumAccountConnectionsExceeded,
    /// One message larger than allowed.
    MaximumPayloadExceeded,
    /// One control line longer than allowed.
    MaximumControlLineExceeded,
    /// More subscriptions than allowed, now that fewer are.
    MaximumSubscriptionsExceeded,
    /// CONNECT asked for no-responders without headers.
    NoRespondersRequiresHeaders,
    /// An operator wanted it.
    Kicked,
    /// The TLS handshake failed, or did not come in time.
    TlsHandshakeFailure,
    /// The broker stops.
    ServerShutdown,
}

impl CloseReason {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::ClientClosed,
        Self::SlowConsumerPendingBytes,
        Self::SlowConsumerWriteDeadline,
        Self::WriteError,
        Self::ReadError,
        Self::ParseError,
        Self::StaleConnection,
        Self::ProtocolViolation,
        Self::BadClientProtocolVersion,
        Self::AuthenticationFailure,
        Self::AuthenticationTimeout,
        Self::AuthenticationExpired,
        Self::MaximumConnectionsExceeded,
        Self::MaximumAccountConnectionsExceeded,
        Self::MaximumPayloadExceeded,
        Self::MaximumControlLineExceeded,
        Self::MaximumSubscriptionsExceeded,
        Self::NoRespondersRequiresHeaders,
        Self::Kicked,
        Self::TlsHandshakeFailure,
        Self::ServerShutdown,
    ];

    /// The reason as nats-server words it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientClosed => "Client Closed",
            Self::SlowConsumerPendingBytes => "Slow Consumer (Pending Bytes)",
            Self::SlowConsumerWriteDeadline => "Slow Consumer (Write Deadline)",
            Self::WriteError => "Write Error",
            Self::ReadError => "Read Error",
            Self::ParseError => "Parse Error",
            Self::StaleConnection => "Stale Connection",
            Self::ProtocolViolation => "Protocol Violation",
            Self::BadClientProtocolVersion => "Bad Client Protocol Version",
            Self::AuthenticationFailure => "Authentication Failure",
            Self::AuthenticationTimeout => "Authentication Timeout",
            Self::AuthenticationExpired => "Authentication Expired",
            Self::MaximumConnectionsExceeded => "Maximum Connections Exceeded",
            Self::MaximumAccountConnectionsExceeded => "Maximum Account Connections Exceeded",
            Self::MaximumPayloadExceeded => "Maximum Message Payload Exceeded",
            Self::MaximumControlLineExceeded => "Maximum Control Line Exceeded",
            Self::MaximumSubscriptionsExceeded => "Maximum Subscriptions Exceeded",
            Self::NoRespondersRequiresHeaders => "No Responders Requires Headers",
            Self::Kicked => "Kicked",
            Self::TlsHandshakeFailure => "TLS Handshake Failure",
            Self::ServerShutdown => "Server Shutdown",
        }
    }

    /// Whether the client was cut because it read too slowly.
    pub const fn is_slow_consumer(self) -> bool {
        matches!(self, Self::SlowConsumerPendingBytes | Self::SlowConsumerWriteDeadline)
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
