//! Why a text is no JWT.

/// A text that is not the JWT that it should be. The words are those of the NATS tools where they have some.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// Not three texts with dots between them.
    #[error("expected 3 chunks")]
    Chunks,
    /// One of the three is not base64url.
    #[error("illegal base64 data")]
    Base64,
    /// The header names another kind of token or signature.
    #[error("unexpected header: {0}")]
    Header(String),
    /// The claims are not JSON, or a claim has the wrong type.
    #[error("invalid claims: {0}")]
    Claims(String),
    /// Of another version than 2.
    #[error("claims of version {0} are not supported")]
    Version(u64),
    /// Something else than what was expected, such as the JWT of a user in place of an account's.
    #[error("not {expected} claim")]
    Kind {
        /// What it should be.
        expected: &'static str,
    },
    /// A key is none, or not one of the kind that may stand there.
    #[error("{0:?} is not a key that can be there")]
    Key(String),
    /// The signature is not that of the issuer.
    #[error("claim failed V2 signature verification")]
    Signature,
}
