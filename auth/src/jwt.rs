//! JWTs of operators, accounts and users, as NATS has them in version 2. [reference §1.9]
//!
//! An operator vouches for accounts, an account for its users; each may have further keys that sign for it. A client shows
//! the JWT of its user and signs the nonce of INFO, unless the JWT is a bearer token. [`Operators`] judges that chain;
//! [`decode`] reads one JWT and verifies its signature, whoever made it.

mod account;
mod activation;
mod admit;
mod claims;
mod conditions;
mod decode;
mod error;
mod file;
mod limits;
mod objection;
mod operator;
mod operators;
mod revocation;
mod rights;
mod scope;
mod sharing;
mod sign;
mod source;
mod template;
#[cfg(test)]
mod tests;
mod times;
mod user;
mod vouched;

pub use account::{Account, CalloutRules, MessageTrace, Weighted};
pub use activation::Activation;
pub use claims::{Claims, Untimely};
pub use decode::{Kind, decode};
pub use error::JwtError;
pub use file::undecorated;
pub use limits::{AccountLimits, StreamLimits};
pub use objection::Objection;
pub use operator::Operator;
pub use operators::{OperatorError, Operators, OperatorsBuilder};
pub use revocation::Revocations;
pub use rights::{Rights, Subjects, UserResponses};
pub use scope::SigningKey;
pub use sharing::{Export, Import, Latency, SharedKind};
pub use sign::sign;
pub use times::TimeRange;
pub use user::User;
pub use vouched::Vouched;
